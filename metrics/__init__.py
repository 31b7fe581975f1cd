"""Indicators: numbers that open to the dossiers they count."""
