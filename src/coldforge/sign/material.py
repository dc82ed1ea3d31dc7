"""What a key is given as: a file, or its text in a variable. No command line ever has a private key on it."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Final

from coldforge.errors import ConfigurationError, Missing

BEGIN: Final = "-----BEGIN "  # of PEM, and of OpenPGP's armour
_LONGEST: Final = 1024  # characters of a path


def refuse_typed(value: str | None, name: str) -> None:
    """Raises ConfigurationError for a private key that an option gives, in the place of the variable `name`."""
    if BEGIN in (value or ""):
        hint = f"Other users of this machine can read command lines. Name a file, or set {name}."
        raise ConfigurationError("a private key stands on the command line", hint=hint)


def is_file(value: str) -> bool:
    """Whether a value names a file that is there."""
    return BEGIN not in value and len(value) < _LONGEST and Path(value).expanduser().is_file()


def data_of(value: str, name: str) -> bytes:
    """What a value itself is: PEM, or PKCS #12 in base64. Raises Missing when it is neither; `name` is the variable for it."""
    if BEGIN in value:
        return f"{value}\n".encode()
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except binascii.Error as error:
        raise Missing(f"what {name} or its option gives is neither a file nor a key", why="It is no PEM, and no base64.") from error
