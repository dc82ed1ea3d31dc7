"""Whether a release is what it should be. Nothing of a file is trusted before its evidence is verified."""
