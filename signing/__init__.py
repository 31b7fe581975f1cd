"""Keys, PAdES signatures, the certified-copy stamp, validation, the development CA."""
