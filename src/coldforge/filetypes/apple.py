"""Code signatures of macOS, made on any system: the only caller of apple-platform-py. Without an identity they are ad hoc, and take no key.

Source: https://github.com/indygreg/apple-platform-rs
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from coldforge.errors import BuildFailed, Missing, RemoteFailed
from coldforge.filetypes import cms, codesign, images, pkg, signed
from coldforge.host import clock, files

if TYPE_CHECKING:
    from apple_platform import Signer

RUNTIME: Final = "runtime"
_NO_SERVER: Final = "none"
_STAMPING: Final = "Time-Stamp Protocol"  # in errors that are of no class of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a signature says of code, and is about besides its bytes.

    `runtime` asks the system for its hardened runtime; `entitlements` are a property list, for executables only; `info` and `resources` are
    the Info.plist and the seal of the bundle whose main code it is.
    """

    identifier: str
    runtime: bool = False
    entitlements: bytes = b""
    info: bytes = b""
    resources: bytes = b""


def identifier(product: str, path: str) -> str:
    """What code of a product is called that is no bundle's own: by the product's identifier, if it has one, and by its file.

    >>> identifier("org.example.demo", "lib/libx.1.dylib")
    'org.example.demo.libx'
    """
    name = path.rpartition("/")[2]
    return f"{product}.{name.partition('.')[0] or name}".lstrip(".")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A key with its certificate in a PKCS #12 file, those above it, its team, and the time that signatures bear."""

    file: Path
    passphrase: str
    above: tuple[Path, ...] = ()
    team: str = ""
    time: int = 0


def signature(file: Path, about: About, identity: Identity | None = None, server: str = "") -> bytes:
    """A new signature of a Mach-O file, as `codesign.attached` takes it; whatever other the file has does not matter.

    Raises RemoteFailed when the timestamp server (an address; empty: no timestamp) gives none, BuildFailed for every other reason.
    """
    with files.scratch("codesign") as folder, _explained(file, server):
        import apple_platform

        parts = {"entitlements_xml_file": about.entitlements, "info_plist_file": about.info, "code_resources_file": about.resources}
        for name, data in parts.items():
            (folder / name).write_bytes(data)
        extra = {name: str(folder / name) for name, data in parts.items() if data}
        flags = [RUNTIME] if about.runtime else []
        settings = apple_platform.PathSettings(binary_identifier=about.identifier, code_signature_flags=flags, extra=extra)
        made = apple_platform.sign_macho_bytes(file.read_bytes(), paths={"@main": settings}, **_given(identity, server))
    return taken(file, io.BytesIO(made), codesign.detached)


def image_signature(file: Path, identifier: str, identity: Identity, server: str = "") -> bytes:
    """A new signature of a disk image, as `images.attached` takes it. Raises as `signature`."""
    with files.scratch("codesign") as folder:
        out = folder / "signed.dmg"
        with _explained(file, server):
            import apple_platform

            apple_platform.sign(file, out, binary_identifier=identifier, **_given(identity, server))
        with out.open("rb") as stream:
            return taken(file, stream, images.detached)


def package_signature(file: Path, identity: Identity, server: str = "") -> bytes:
    """A new signature of a package, as `pkg.attached` takes it. Raises as `signature`."""
    with files.scratch("productsign") as folder:
        out = folder / "signed.pkg"
        with _explained(file, server):
            import apple_platform

            apple_platform.sign(file, out, **_given(identity, server))
        with out.open("rb") as stream:
            return taken(file, stream, lambda made: pkg.detached(made, partial(_again, identity)))


def _again(identity: Identity, checksum: bytes, made: bytes) -> tuple[bytes, bytes]:
    """Both signatures of a package as `productsign` makes them.

    apple-platform-rs signs the checksum's digest by RSA, which xar finds wrong, and knows no time for CMS but its own; what a
    timestamp is about stays as it is.
    """
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256
    from cryptography.hazmat.primitives.serialization import pkcs12

    key, _, _ = pkcs12.load_key_and_certificates(identity.file.read_bytes(), identity.passphrase.encode())
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("the key is no RSA key")  # noqa: TRY004  # what reading a signature raises
    old = key.sign(checksum, PKCS1v15(), Prehashed(SHA1()))  # noqa: S303  # the one that the format has
    if cms.Signed(made, checksum).unsigned:
        return old, made
    return old, cms.timed(made, checksum, identity.time, lambda about: key.sign(about, PKCS1v15(), SHA256()))


def _given(identity: Identity | None, server: str) -> dict[str, Any]:
    """Who signs, when, and who says so."""
    when = {"timestamp_url": server or _NO_SERVER}
    if identity is None:
        return when
    return {**when, "signer": _signer(identity), "team_name": identity.team or None, "signing_time": clock.iso(identity.time)}


@contextmanager
def _explained(file: Path, server: str) -> Iterator[None]:
    """What apple-platform-py raises, in words."""
    try:
        from apple_platform.errors import ApplePlatformError, TimestampError
    except ImportError as error:
        hint = "Linux, a Mac with Apple's processor and Windows on x86_64 have it: sign there."
        raise Missing("apple-platform-py, which signs for macOS, is not for this machine", why=str(error), hint=hint) from error
    try:
        yield
    except ApplePlatformError as error:
        if isinstance(error, TimestampError) or _STAMPING in str(error):
            raise RemoteFailed(f"{server} gives no timestamp", why=str(error)) from error
        raise BuildFailed(f"{file.name} cannot be signed", why=str(error)) from error


def taken(file: Path, stream: BinaryIO, reader: Callable[[BinaryIO], bytes]) -> bytes:
    """The signature that is in what a tool made of a file. Raises BuildFailed when that cannot be read."""
    try:
        return reader(stream)
    except signed.damage() as error:
        raise BuildFailed(f"what signs {file.name} left no file that can be read", why=str(error)) from error


def _signer(identity: Identity) -> Signer:
    from apple_platform import CertificateDerKey, P12Key, Signer

    above = CertificateDerKey(paths=list(identity.above)) if identity.above else None
    return Signer(p12=P12Key(path=identity.file, password=identity.passphrase), certificate_der=above)
