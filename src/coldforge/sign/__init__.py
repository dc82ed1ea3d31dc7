"""Signatures with the project's own keys: the one room that ever sees a private key, and no code of a user runs where it is used."""

from __future__ import annotations

from coldforge.errors import ConfigurationError


class NothingToSign(ConfigurationError):
    """There is nothing that the given keys are for."""
