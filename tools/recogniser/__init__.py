"""A reader of lines for Vietnamese office print and handwriting, trained on invented lines (docs/decisions/0015)."""
