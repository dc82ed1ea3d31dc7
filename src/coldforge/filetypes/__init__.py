"""Kinds of files, byte by byte: read without trust, and written where a signature is taken out or put back."""
