"""Offline kits: archived documents with everything that proves them, for somebody who has no sohoa."""
