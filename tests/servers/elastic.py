"""Elasticsearch for the tests: one real node, built once from its published jars into the cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cached import built_once
from tests.servers import Server, free_port

HERE = Path(__file__).parent / "elasticsearch"
VERSION = "9.0.4"
LEAST_JAVA = 21
HEAP = "512m"


@dataclass(frozen=True, slots=True)
class Elastic:
    """A node that answers at `url`, without users and TLS."""

    url: str
    server: Server


@contextmanager
def elasticsearch(folder: Path, *settings: str, heap: str = HEAP) -> Iterator[Elastic]:
    """A node with its data in `folder`, stopped afterwards. settings: further ones of the node, as name=value."""
    built = built_once("servers/elasticsearch", (HERE / "pom.xml", HERE / "SearchNode.java"), _build)
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{port}"
    java = [
        str(_java() / "java"),
        f"-Xms{heap}",
        f"-Xmx{heap}",
        "-XX:+UseSerialGC",
        "--enable-native-access=ALL-UNNAMED",
    ]
    node = ["-cp", f"{built}/classes:{built}/lib/*", "SearchNode", str(built), str(folder), str(port), str(free_port())]
    server = Server([*java, *node, *settings], answers=lambda: _is_up(url), log=folder / "elasticsearch.log")
    try:
        yield Elastic(url, server)
    finally:
        server.stop()


def _is_up(url: str) -> bool:
    with urllib.request.urlopen(f"{url}/_cluster/health?wait_for_status=yellow&timeout=1s", timeout=3) as answer:
        return bool(answer.status == 200)


def _java() -> Path:
    """The folder of `java` and `javac` of a JDK that is new enough."""
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    for home in (*homes, *sorted(Path("/usr/lib/jvm").glob("*"))):
        compiler = home / "bin" / "javac"
        if compiler.exists() and _release(compiler) >= LEAST_JAVA:
            return home / "bin"
    raise AssertionError(f"Elasticsearch needs a JDK of release {LEAST_JAVA} or later in JAVA_HOME or /usr/lib/jvm")


def _release(compiler: Path) -> int:
    told = subprocess.run([str(compiler), "-version"], check=True, capture_output=True, text=True)
    found = re.search(r"javac (\d+)", told.stdout + told.stderr)
    return int(found[1]) if found else 0


def _build(built: Path) -> None:
    """The jars as the node wants them: the transport apart, as a module with its descriptor."""
    module = built / "modules" / "transport-netty4"
    for folder in ("lib", "classes", "modules"):
        shutil.rmtree(built / folder, ignore_errors=True)
    for folder in (built / "config", built / "plugins", built / "classes", module):
        folder.mkdir(parents=True, exist_ok=True)
    maven = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
    subprocess.run([*maven, f"-DoutputDirectory={built}/lib"], check=True)
    for jar in (built / "lib").glob("*.jar"):
        if jar.name.startswith(("netty-", "transport-netty4-")):
            jar.rename(module / jar.name)
    told = {
        "description": "HTTP and transport", "version": VERSION, "name": "transport-netty4",
        "classname": "org.elasticsearch.transport.netty4.Netty4Plugin", "java.version": "21",
        "elasticsearch.version": VERSION, "extended.plugins": "", "has.native.controller": "false", "licensed": "false",
    }  # fmt: skip
    descriptor = "".join(f"{name}={value}\n" for name, value in told.items())
    (module / "plugin-descriptor.properties").write_text(descriptor)
    compiler = [str(_java() / "javac"), "-cp", f"{built}/lib/*", "-d", str(built / "classes")]
    subprocess.run([*compiler, str(HERE / "SearchNode.java")], check=True)
