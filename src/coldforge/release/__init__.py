"""The one writer of releases: computes what is missing, does only that, and converges after any failure."""
