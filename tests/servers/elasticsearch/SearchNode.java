import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * One Elasticsearch node on loopback.
 *
 * <p>Arguments: the folder it was built into, the folder of its data, its HTTP port, its transport port, and any number
 * of further settings as name=value.
 */
public final class SearchNode {
    private SearchNode() {}

    public static void main(String[] arguments) throws Exception {
        Path built = Path.of(arguments[0]).toAbsolutePath();
        Path data = Path.of(arguments[1]).toAbsolutePath();
        Settings settings = settings(built, data, arguments);
        LogConfigurator.setNodeName("tests");
        LogConfigurator.configureESLogging();
        var modules = PluginsLoader.loadModulesBundles(built.resolve("modules"));
        Environment environment = new Environment(settings, built.resolve("config"));
        Node node = new Node(environment, PluginsLoader.createPluginsLoader(modules, Set.of(), Map.of(), false));
        node.start();
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node)));
        main.join();
    }

    private static Settings settings(Path built, Path data, String[] arguments) {
        Settings.Builder settings = Settings.builder()
            .put("path.home", built.toString())
            .put("path.data", data.resolve("data").toString())
            .put("path.logs", data.resolve("logs").toString())
            .put("cluster.name", "sohoa-tests")
            .put("node.name", "tests")
            .put("discovery.type", "single-node")
            .put("http.type", "netty4")
            .put("http.host", "127.0.0.1")
            .put("http.port", arguments[2])
            .put("transport.type", "netty4")
            .put("transport.host", "127.0.0.1")
            .put("transport.port", arguments[3])
            // a full disk of the testing machine is not what these tests are about
            .put("cluster.routing.allocation.disk.threshold_enabled", false);
        for (int index = 4; index < arguments.length; index++) {
            String[] pair = arguments[index].split("=", 2);
            settings.put(pair[0], pair[1]);
        }
        return settings.build();
    }

    private static void close(Node node) {
        try {
            node.close();
        } catch (Exception failed) {
            System.err.println("the node did not close: " + failed);
        }
    }
}
