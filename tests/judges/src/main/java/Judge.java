import eu.europa.esig.dss.model.FileDocument;
import eu.europa.esig.dss.model.x509.CertificateToken;
import eu.europa.esig.dss.pades.validation.PDFDocumentValidator;
import eu.europa.esig.dss.pdf.modifications.DefaultPdfDifferencesFinder;
import eu.europa.esig.dss.pdf.pdfbox.PdfBoxDefaultObjectFactory;
import eu.europa.esig.dss.simplereport.SimpleReport;
import eu.europa.esig.dss.spi.validation.CommonCertificateVerifier;
import eu.europa.esig.dss.spi.x509.CommonTrustedCertificateSource;
import java.io.File;
import java.io.FileInputStream;
import java.io.InputStream;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.List;
import java.util.logging.LogManager;
import java.util.stream.Collectors;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.flavours.PDFAFlavour;

/** Two strangers' verdicts: "pdfa FILE..." asks veraPDF, "pades ROOT.pem FILE..." asks DSS. One line per file: verdict, tab, why. */
final class Judge {
  public static void main(String[] args) throws Exception {
    LogManager.getLogManager().reset();
    boolean pdfa = args[0].equals("pdfa");
    if (pdfa) {
      VeraGreenfieldFoundryProvider.initialise();
    }
    for (String file : Arrays.asList(args).subList(pdfa ? 1 : 2, args.length)) {
      String said;
      try {
        said = pdfa ? archivable(new File(file)) : signed(new File(file), new File(args[1]));
      } catch (Exception broken) {
        said = "no\t" + broken.getClass().getSimpleName();
      }
      System.out.println(said.replace('\n', ' '));
    }
  }

  private static String archivable(File file) throws Exception {
    PDFAFlavour level = PDFAFlavour.PDFA_2_B;
    try (var parser = Foundries.defaultInstance().createParser(file, level);
        var validator = Foundries.defaultInstance().createValidator(level, false)) {
      var result = validator.validate(parser);
      String why = result.getFailedChecks().keySet().stream().map(r -> r.getClause()).sorted().collect(Collectors.joining(" "));
      return (result.isCompliant() ? "yes" : "no") + "\t" + why;
    }
  }

  /** Nothing is fetched: only what the file carries and the one root count. */
  private static String signed(File file, File root) throws Exception {
    var trusted = new CommonTrustedCertificateSource();
    try (InputStream pem = new FileInputStream(root)) {
      trusted.addCertificate(
          new CertificateToken((X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(pem)));
    }
    var verifier = new CommonCertificateVerifier(true);
    verifier.setTrustedCertSources(trusted);
    verifier.setAIASource(null);
    verifier.setCrlSource(null);
    verifier.setOcspSource(null);
    var differences = new DefaultPdfDifferencesFinder();
    differences.setMaximalPagesAmountForVisualComparison(0);
    var objects = new PdfBoxDefaultObjectFactory();
    objects.setPdfDifferencesFinder(differences);
    var validator = new PDFDocumentValidator(new FileDocument(file));
    validator.setCertificateVerifier(verifier);
    validator.setPdfObjFactory(objects);
    SimpleReport report = validator.validateDocument().getSimpleReport();
    List<String> ids = report.getSignatureIdList();
    String said = ids.stream()
        .map(i -> report.getIndication(i) + " " + report.getSubIndication(i) + " " + report.getSignatureFormat(i))
        .collect(Collectors.joining("; "));
    return (!ids.isEmpty() && ids.stream().allMatch(report::isValid) ? "yes" : "no") + "\t" + said;
  }
}
