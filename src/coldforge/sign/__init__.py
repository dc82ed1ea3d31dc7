"""Signatures with the project's own keys: the one room that ever sees a private key, and no code of a user runs where it is used."""
