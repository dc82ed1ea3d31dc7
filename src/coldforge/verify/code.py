"""Whom programs for Windows, images and packages for macOS must be signed as: demands of the policy beyond what attestations prove."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from msgspec.structs import replace

from coldforge.verify.policy import Policy
from coldforge.verify.verdict import Row

_WINDOWS: Final = (".exe", ".msi", ".msix")
_MACOS: Final = (".dmg", ".pkg")
# What is signed for these systems as well, in ways that are not read here: a demand about it is not met, and is not refuted.
_OTHER_WINDOWS: Final = (".appx", ".appxbundle", ".cab", ".dll", ".msixbundle", ".msp", ".ps1", ".sys")
_OTHER_MACOS: Final = (".mpkg",)
APPLES_ROOT: Final = "signing/apple-root.pem"


def judged(row: Row, file: Path, policy: Policy) -> Row:
    """The row of a file that is good so far: where the policy names who signs, it must be signed by that one."""
    name = row.name.lower()
    if row.word == "ok" and policy.code_signer and name.endswith(_WINDOWS):
        return _windows(row, file, policy)
    if row.word == "ok" and policy.apple_team and name.endswith(_MACOS):
        return _macos(row, file, policy)
    wanted = (policy.code_signer if name.endswith(_OTHER_WINDOWS) else "") or (policy.apple_team if name.endswith(_OTHER_MACOS) else "")
    if row.word == "ok" and wanted:
        why = "whether its signature is that of the policy cannot be read here"
        return replace(row, word="uncheckable", why=why, expected=wanted)
    return row


def _windows(row: Row, file: Path, policy: Policy) -> Row:
    """The name in a certificate is worth what the one is that vouches for it: anybody can make one with any name."""
    from cryptography.x509 import load_pem_x509_certificates

    from coldforge.filetypes import authenticode, signed

    wanted, roots = policy.code_signer, load_pem_x509_certificates(policy.code_root.encode())
    try:
        with file.open("rb") as stream:
            seen = authenticode.read(stream, believed=roots)
    except signed.damage() as error:
        return replace(row, word="altered", why=f"its Authenticode signature is bad: {error}")
    if seen is None:
        return replace(row, word="unsigned", why="it has no Authenticode signature", expected=wanted, got="nothing")
    if not seen.is_by(wanted):
        return replace(row, word="foreign", why="Authenticode: somebody else signed it", expected=wanted, got=seen.signer)
    if seen.chain:
        expected = f"{wanted}, certified by the policy's code-root"
        return replace(row, word="foreign", why=f"Authenticode: {seen.chain}", expected=expected, got=seen.signer)
    return row


def _macos(row: Row, file: Path, policy: Policy) -> Row:
    """As for Windows, where the policy need not say who vouches: it is Apple."""
    from cryptography.x509 import load_pem_x509_certificates

    from coldforge import recipes
    from coldforge.filetypes import developer, signed, tickets

    wanted, form = policy.apple_team, row.name.lower().rpartition(".")[2]
    try:
        with file.open("rb") as stream:
            seen = tickets.FORMATS[form].read(stream)
    except signed.damage() as error:
        return replace(row, word="altered", why=f"its signature for macOS is bad: {error}")
    if seen is None or not seen.signer:
        return replace(row, word="unsigned", why="it has no signature for macOS", expected=wanted, got="nothing")
    if not seen.is_by(wanted):
        return replace(row, word="foreign", why="signature for macOS: somebody else signed it", expected=wanted, got=seen.signer)
    kind = developer.INSTALLER if form == "pkg" else developer.APPLICATION
    apples = load_pem_x509_certificates(recipes.find(APPLES_ROOT).read_bytes())
    own = load_pem_x509_certificates(policy.apple_root.encode()) if policy.apple_root else []
    if reason := seen.doubted(kind, apples, own):
        root = "the policy's apple-root" if own else "Apple"
        return replace(
            row, word="foreign", why=f"signature for macOS: {reason}", expected=f"{wanted}, certified by {root}", got=seen.signer
        )
    return row
