"""OpenPGP signatures, made by gpg: with a key of our own in a home that exists in memory only, or one that the user's agent keeps.

gpg and not a library, because only it speaks to agents and smart cards and lets the time of a signature be given: the same bytes
signed twice give the same signature (RFC 9580 5.2.3.11; EdDSA, and RSA as gpg uses it, take no chance into it).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coldforge.errors import ColdforgeError, ConfigurationError, Missing
from coldforge.host import clock, files, owner
from coldforge.host.run import run, which, without_secrets

MEMORY: Final = Path("/dev/shm")  # noqa: S108  # a file system in memory; the folder in it is private
_PREFIX: Final = "coldforge-"
_OWNER: Final = "owner"  # the file in such a folder that tells which process made it
_HINT: Final = "apt-get install gnupg"
_COMMON: Final = ("--batch", "--no-tty", "--no-options", "--no-auto-check-trustdb", "--trust-model", "always")
_UNUSABLE: Final = {"e": "has expired", "r": "is revoked", "i": "is not valid", "d": "is disabled", "n": "is not valid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key that can sign. `home` is gpg's folder, None for the user's own.

    `primary` and `signer` are fingerprints: of the key as people know it, and of the part of it that signs. `algorithm` is its number
    (RFC 9580 9.1); `since` is when the part was made, in seconds since 1970: no signature is older than its key.
    """

    home: Path | None
    primary: str
    signer: str
    algorithm: int
    since: int
    passphrase: str = ""

    def detached(self, path: Path, *, epoch: int, armor: bool = False) -> bytes:
        """A signature of a file, for a file of its own; the time of it is `epoch`."""
        return self._made(path, epoch, "--detach-sign", *(["--armor"] if armor else []))

    def clear(self, path: Path, *, epoch: int) -> bytes:
        """A text with its signature in one."""
        return self._made(path, epoch, "--clearsign")

    def public(self) -> bytes:
        """The public key, armored, as small as it may be: without the signatures of others."""
        with files.scratch("gpg") as folder:
            out = folder / "key"
            self._gpg("--armor", "--output", out, "--export-options", "export-minimal", "--export", self.primary)
            return out.read_bytes()

    def _made(self, path: Path, epoch: int, *how: str) -> bytes:
        with files.scratch("gpg") as folder:
            out = folder / "signature"
            moment = ("--faked-system-time", f"{max(epoch, self.since)}!")
            whose = ("--local-user", f"{self.signer}!", "--digest-algo", "SHA512", "--no-emit-version", "--no-comments")
            self._gpg(*moment, *whose, "--output", out, *how, path)
            return out.read_bytes()

    def _gpg(self, *words: str | Path) -> None:
        # an agent of the user's asks by itself, unless it is told
        asks = ("--pinentry-mode", "loopback", "--passphrase-fd", "0") if self.home or self.passphrase else ()
        try:
            _run(self.home, (*asks, *words), f"{self.passphrase}\n".encode())
        except ColdforgeError as error:
            hint = "Is the passphrase right? COLDFORGE_OPENPGP_PASSPHRASE or --passphrase-fd gives it."
            raise Missing(f"the OpenPGP key {self.primary} cannot sign", why=error.why, hint=hint) from error


@contextmanager
def opened(given: str, passphrase: str) -> Iterator[Key]:
    """A key for the length of a block: the text of a private key, or the fingerprint of one in the user's own keyring.

    Raises Missing without gpg, or where an unprotected key would have to be written to a disk; ConfigurationError for a text that
    holds no key, several, or none that may sign.
    """
    which("gpg", hint=_HINT)
    if not given.lstrip().startswith("-----"):
        yield _chosen(None, passphrase, given)
        return
    with memory_folder() as home:
        _check_protected(given, home)
        done = _run(home, ("--pinentry-mode", "loopback", "--import"), given.encode(), check=False)
        try:
            yield _chosen(home, passphrase, "", why=done)
        finally:
            run(["gpgconf", "--homedir", home, "--kill", "gpg-agent"], env=_env(), check=False, quiet=True)


@contextmanager
def memory_folder() -> Iterator[Path]:
    """A private folder for keys, in memory where the system has such a place; its name is short, as gpg's sockets lie in it.

    Those of runs that were killed go.
    """
    memory = MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else None
    for left in memory.glob(f"{_PREFIX}*/{_OWNER}") if memory else ():
        with suppress(OSError):  # another user's
            if left.is_file() and owner.is_dead(left.read_text()):
                shutil.rmtree(left.parent)
    home = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=memory))  # 0700
    try:
        (home / _OWNER).write_text(owner.this_process())
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _check_protected(text: str, home: Path) -> None:
    """Raises Missing when the key has no passphrase and the home would be on a disk."""
    if home.parent == MEMORY:
        return
    shown = run(["gpg", "--homedir", home, *_COMMON, "--list-packets"], stdin=text.encode(), env=_env(), check=False, quiet=True).output
    if re.search(r"^\tskey\[\d+\]: (?!.*protected)", shown, re.MULTILINE):  # else it says "[v4 protected]" there
        message = f"the OpenPGP key has no passphrase, and without {MEMORY} it would be written to a disk"
        raise Missing(message, hint="Protect it with a passphrase: gpg --change-passphrase FINGERPRINT, then export it again.")


def _run(home: Path | None, words: Sequence[str | Path], stdin: bytes, *, check: bool = True) -> str:
    place: tuple[str | Path, ...] = ("--homedir", home) if home else ()
    return run(["gpg", *place, *_COMMON, *words], stdin=stdin, env=_env(), check=check, quiet=True).output


def _env() -> dict[str, str]:
    """The environment without what is secret in it."""
    return {**without_secrets(), "LC_ALL": "C"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One key of those that belong together, as gpg lists it."""

    is_primary: bool
    fingerprint: str
    algorithm: int
    made: int
    trouble: str
    signs: bool


def _chosen(home: Path | None, passphrase: str, wanted: str, *, why: str = "") -> Key:
    listing = _run(home, ("--with-colons", "--list-secret-keys", *([wanted] if wanted else [])), b"", check=False)
    parts = list(_parts(listing))
    primaries = [part for part in parts if part.is_primary]
    if not primaries:
        what = f"there is no private key {wanted} in gpg's keyring" if wanted else "the OpenPGP key holds no private key"
        raise ConfigurationError(
            what, why="\n".join(why.splitlines()[-3:]), hint="Export one: gpg --armor --export-secret-keys FINGERPRINT"
        )
    if len(primaries) > 1:
        shown = ", ".join(part.fingerprint for part in primaries)
        raise ConfigurationError("the OpenPGP key is more than one", why=f"It holds {shown}.", hint="Export only the one that signs.")
    return _signer(home, passphrase, primaries[0], parts)


def _signer(home: Path | None, passphrase: str, primary: _Part, parts: Sequence[_Part]) -> Key:
    usable = [part for part in parts if part.signs and not part.trouble]
    if primary.trouble or not usable:
        trouble = primary.trouble or next((part.trouble for part in parts if part.signs and part.trouble), "has no part that may sign")
        raise Missing(f"the OpenPGP key {primary.fingerprint} {trouble}", hint="Renew it (gpg --quick-set-expire), or give another.")
    best = max(usable, key=lambda part: (part.made, part.fingerprint))
    return Key(
        home=home,
        primary=primary.fingerprint,
        signer=best.fingerprint,
        algorithm=best.algorithm,
        since=max(best.made, primary.made),
        passphrase=passphrase,
    )


def _parts(listing: str) -> Iterator[_Part]:
    """The keys of a listing. Source: doc/DETAILS of GnuPG, "Format of the colon listings"."""
    row: list[str] = []
    for line in listing.splitlines():
        fields = line.split(":")
        if fields[0] in ("sec", "ssb"):
            row = fields
        elif fields[0] == "fpr" and row:
            yield _part(row, fields[9])
            row = []


def _part(row: Sequence[str], fingerprint: str) -> _Part:
    trouble = _UNUSABLE.get(row[1][:1], "")
    if trouble == _UNUSABLE["e"] and row[6].isdecimal():
        trouble = f"expired on {clock.iso(int(row[6]))[:10]}"
    absent = row[14] == "#"  # the primary key that its owner keeps elsewhere
    return _Part(
        is_primary=row[0] == "sec",
        fingerprint=fingerprint,
        algorithm=int(row[3]),
        made=int(row[5]),
        trouble=trouble,
        signs="s" in row[11] and not absent,
    )
