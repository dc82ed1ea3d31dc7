"""Whom programs and installers for Windows must be signed as: a demand of the policy beyond what attestations prove."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from msgspec.structs import replace

from coldforge.verify.verdict import Row

_ENDINGS: Final = (".exe", ".msi", ".msix")


def judged(row: Row, file: Path, wanted: str) -> Row:
    """The row of a file that is good so far: with `wanted`, a program must be signed by that common name or subject."""
    if row.word != "ok" or not wanted or not row.name.lower().endswith(_ENDINGS):
        return row
    from coldforge.host import authenticode, signed

    try:
        with file.open("rb") as stream:
            seen = authenticode.read(stream)
    except signed.damage() as error:
        return replace(row, word="altered", why=f"its Authenticode signature is bad: {error}")
    if seen is None:
        return replace(row, word="unsigned", why="it has no Authenticode signature", expected=wanted, got="nothing")
    if not seen.is_by(wanted):
        return replace(row, word="foreign", why="Authenticode: somebody else signed it", expected=wanted, got=seen.signer)
    return row
