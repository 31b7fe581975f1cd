"""Settings and the catalogue: what an installation is told, nothing that acts."""
