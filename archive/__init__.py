"""The truth about documents: an OCFL 1.1 storage root in a write-once object store."""
