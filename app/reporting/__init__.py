"""Reports of a verification that an auditor can file: HTML and PDF to read, ETSI TS 119 102-2 XML for programs."""
