"""Packages for other archives: a record as a BagIt bag or as an E-ARK SIP, in a folder or a ZIP file."""
