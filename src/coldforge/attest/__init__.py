"""Statements about what was made, and their signatures. No user code runs here."""
