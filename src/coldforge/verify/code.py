"""Whom programs for Windows and disk images for macOS must be signed as: demands of the policy beyond what attestations prove."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from msgspec.structs import replace

from coldforge.verify.policy import Policy
from coldforge.verify.verdict import Row

_WINDOWS: Final = (".exe", ".msi", ".msix")
_MACOS: Final = (".dmg",)
# What is signed for these systems as well, in ways that are not read here: a demand about it is not met, and is not refuted.
_OTHER_WINDOWS: Final = (".appx", ".appxbundle", ".cab", ".dll", ".msixbundle", ".msp", ".ps1", ".sys")
_OTHER_MACOS: Final = (".pkg", ".mpkg")


def judged(row: Row, file: Path, policy: Policy) -> Row:
    """The row of a file that is good so far: where the policy names who signs, it must be signed by that one."""
    name = row.name.lower()
    if row.word == "ok" and policy.code_signer and name.endswith(_WINDOWS):
        return _windows(row, file, policy.code_signer)
    if row.word == "ok" and policy.apple_team and name.endswith(_MACOS):
        return _macos(row, file, policy.apple_team)
    wanted = (policy.code_signer if name.endswith(_OTHER_WINDOWS) else "") or (policy.apple_team if name.endswith(_OTHER_MACOS) else "")
    if row.word == "ok" and wanted:
        why = "whether its signature is that of the policy cannot be read here"
        return replace(row, word="uncheckable", why=why, expected=wanted)
    return row


def _windows(row: Row, file: Path, wanted: str) -> Row:
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


def _macos(row: Row, file: Path, wanted: str) -> Row:
    from coldforge.host import images, signed

    try:
        with file.open("rb") as stream:
            seen = images.read(stream)
    except signed.damage() as error:
        return replace(row, word="altered", why=f"its signature for macOS is bad: {error}")
    if seen is None or not seen.signer:
        return replace(row, word="unsigned", why="it has no signature for macOS", expected=wanted, got="nothing")
    if not seen.is_by(wanted):
        return replace(row, word="foreign", why="signature for macOS: somebody else signed it", expected=wanted, got=seen.signer)
    return row
