"""Signatures of programs for macOS: by a key on any system, by `codesign` with a keychain on a Mac, or by nobody (ad hoc).

Sources: https://developer.apple.com/documentation/technotes/tn3125-inside-code-signing-provisioning-profiles and the manual codesign(1)
"""

from __future__ import annotations

import plistlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

from coldforge.errors import ConfigurationError, Missing, RemoteFailed
from coldforge.filetypes import apple, cms, codesign, developer, images, pkg
from coldforge.host import clock, files
from coldforge.host.run import run, which, without_secrets
from coldforge.host.secrets import hide
from coldforge.sign import material, openpgp

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

KEY: Final = "COLDFORGE_APPLE_KEY"
CERTIFICATE: Final = "COLDFORGE_APPLE_CERTIFICATE"
PASSPHRASE: Final = "COLDFORGE_APPLE_PASSPHRASE"  # noqa: S105  # the name of a variable
SERVERS: Final = "COLDFORGE_APPLE_TIMESTAMP_SERVERS"
KEYCHAIN: Final = "keychain:"
NO_SERVER: Final = "none"
APPLES_SERVER: Final = "http://timestamp.apple.com/ts01"


class Names(NamedTuple):
    """The variables that one key is given by, and how its certificate is marked when it is Apple's."""

    key: str
    certificate: str
    passphrase: str
    called: str
    mark: tuple[str, str]


APPLICATION: Final = Names(KEY, CERTIFICATE, PASSPHRASE, "Developer ID Application", developer.APPLICATION)
_INSTALLER: Final = "COLDFORGE_APPLE_INSTALLER"
INSTALLER: Final = Names(
    f"{_INSTALLER}_KEY", f"{_INSTALLER}_CERTIFICATE", f"{_INSTALLER}_PASSPHRASE", "Developer ID Installer", developer.INSTALLER
)
_TEAM: Final = re.compile(r"[A-Z0-9]{10}")
_PAUSE: Final = 5.0  # seconds until all servers are tried again
_DEADLINE: Final = 300.0  # seconds for one file
_DEBUGGED: Final = "com.apple.security.get-task-allow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How programs for macOS are to be signed, as it was given.

    `key` is a PKCS #12 or PEM file, the text of the one in base64 or of the other, or `keychain:` and what `codesign` finds it by;
    `certificate` is PEM, as file or text, of the signer and whoever issued his. `servers` give timestamps.
    """

    key: str = ""
    certificate: str = ""
    passphrase: str = ""
    servers: tuple[str, ...] = (APPLES_SERVER,)
    names: Names = APPLICATION

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to sign with."""
        return not self.key


def asked(
    options: Mapping[str, str | None],
    servers: Sequence[str] = (),
    names: Names = APPLICATION,
    *,
    passphrase: str | None,
    env: Mapping[str, str],
) -> Asked:
    """What options, by the name of the variable that stands in for each, or the environment ask for; options win.

    `names` tells which of the two keys is meant. Raises ConfigurationError for what contradicts itself.
    """
    key, certificate = ((options.get(name) or env.get(name, "")).strip() for name in (names.key, names.certificate))
    material.refuse_typed(options.get(names.key), names.key)
    found = tuple(servers) or tuple(env.get(SERVERS, "").split()) or (APPLES_SERVER,)
    if bad := [server for server in found if server != NO_SERVER and not re.match("https?://[!-~]+$", server)]:
        hint = f"Such a one has an address that begins with http:// or https://; `{NO_SERVER}` alone means that there is none."
        raise ConfigurationError(f"{bad[0]!r} is no timestamp server", hint=hint)
    if NO_SERVER in found and len(found) > 1:
        raise ConfigurationError(f"there are timestamp servers, and `{NO_SERVER}`", hint="Take away the one or the others.")
    return Asked(
        key=key if key.startswith(KEYCHAIN) or material.is_file(key) else hide(key),
        certificate=certificate,
        passphrase=hide(env.get(names.passphrase, "") if passphrase is None else passphrase),
        servers=() if found == (NO_SERVER,) else found,
        names=names,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What signs programs: an identity, or a keychain's (`keychain` is its name there); without both, ad hoc.

    `certificate` is the digest of the signer's, if it is known before.
    """

    asked: Asked
    identity: apple.Identity | None = None
    keychain: str = ""
    certificate: str = ""

    @property
    def is_adhoc(self) -> bool:
        """Whether anybody could make the same signature."""
        return not (self.identity or self.keychain)

    def since(self, epoch: int) -> Key:
        """The key, for signatures that bear this time, or that of its certificate if it is newer."""
        return replace(self, identity=replace(self.identity, time=max(epoch, self.identity.time))) if self.identity else self

    def signature(self, file: Path, about: apple.About) -> bytes:
        """The signature of a Mach-O file, as `codesign.attached` takes it. Raises BuildFailed, RemoteFailed, or Missing."""
        if self.keychain:
            return self._native(file, about, codesign.detached)
        return self._stamped(lambda server: apple.signature(file, about, self.identity, server))

    def package_signature(self, file: Path) -> bytes:
        """The signature of a package, as `pkg.attached` takes it. Raises as `signature`, and ValueError without a key."""
        if self.keychain:
            return self._native(file, None, pkg.detached)
        if self.identity is None:
            raise ValueError("nobody's signature of a package means anything")
        identity = self.identity
        return self._stamped(lambda server: apple.package_signature(file, identity, server))

    def image_signature(self, file: Path, identifier: str) -> bytes:
        """The signature of a disk image, as `images.attached` takes it. Raises as `signature`, and ValueError without a key."""
        if self.keychain:
            return self._native(file, apple.About(identifier=identifier), images.detached)
        if self.identity is None:
            raise ValueError("nobody's signature of an image means anything")
        identity = self.identity
        return self._stamped(lambda server: apple.image_signature(file, identifier, identity, server))

    def _stamped(self, made: Callable[[str], bytes]) -> bytes:
        """A signature with the timestamp of the first server that gives one; without servers, or without a key, without."""
        if self.identity is None or not self.asked.servers:
            return made("")
        why = []
        for pause in (0.0, _PAUSE, _PAUSE):
            clock.sleep(pause)
            for server in self.asked.servers:
                try:
                    return made(server)
                except RemoteFailed as error:
                    why.append(f"{error.what}: {error.why}")
        hint = f"Sign again later, or give another server with --apple-timestamp-server or {SERVERS}."
        raise RemoteFailed(f"no timestamp from {', '.join(self.asked.servers)}", why="\n".join(why[-len(self.asked.servers) :]), hint=hint)

    def _native(self, file: Path, about: apple.About | None, reader: Callable[[BinaryIO], bytes]) -> bytes:
        """A signature by Apple's own tools: about code or an image, or of a package, of which there is nothing to say."""
        tool = "codesign" if about else "productsign"
        which(tool, hint=f"Keychains are on a Mac only. Elsewhere {self.asked.names.key} takes the key itself, as PKCS #12.")
        with files.scratch(tool) as folder:
            out, entitlements = folder / file.name, folder / "entitlements.plist"
            server = next(iter(self.asked.servers), "")
            if about is None:
                words = productsign_words(self.keychain, file, out, server)
            else:
                out.write_bytes(file.read_bytes())
                if about.entitlements:
                    entitlements.write_bytes(about.entitlements)
                words = codesign_words(self.keychain, about, out, entitlements, server)
            run(words, env=without_secrets(), seconds=_DEADLINE)
            with out.open("rb") as stream:
                return apple.taken(file, stream, reader)

    def fits(self, found: Sequence[developer.Seen | None], about: apple.About) -> str:
        """Why the signatures of a file's architectures are not what this key makes; empty when they are."""
        for seen in found:
            if seen is None:
                return "an architecture of it has none"
            if reason := self._fits(seen, about):
                return reason
        return ""

    def made(self, seen: developer.By | None) -> str:
        """Why a signature is not this key's; empty when it is."""
        if seen is None:
            return "there is none"
        if self.is_adhoc != (not seen.signer):
            return f"it is of {seen.signer}" if seen.signer else "it is of nobody"
        if self.certificate and seen.certificate != self.certificate:
            return f"it is of another certificate, of {seen.signer}"
        if self.asked.servers and not self.is_adhoc and seen.timestamp is None:
            return "it has no timestamp"
        return ""

    def _fits(self, seen: developer.Seen, about: apple.About) -> str:
        if reason := self.made(seen):
            return reason
        if (seen.identifier, apple.RUNTIME in seen.flags) != (about.identifier, about.runtime):
            return f"it is about {seen.identifier}, not {about.identifier}, or lets the runtime be another"
        if (seen.entitlements and plistlib.loads(seen.entitlements)) != (about.entitlements and plistlib.loads(about.entitlements)):
            return "it has other entitlements"
        return ""


def codesign_words(identity: str, about: apple.About, file: Path, entitlements: Path, server: str) -> list[str | Path]:
    """The command line of Apple's own tool: nothing in it is secret, as the keychain has the key."""
    stamp = "--timestamp" if server == APPLES_SERVER else f"--timestamp={server or NO_SERVER}"
    runtime = ("--options", apple.RUNTIME) if about.runtime else ()
    rights = ("--entitlements", entitlements) if about.entitlements else ()
    return ["codesign", "--force", "--sign", identity, "--identifier", about.identifier, *runtime, stamp, *rights, file]


def productsign_words(identity: str, file: Path, out: Path, server: str) -> list[str | Path]:
    """The command line of Apple's own tool for packages, which knows no timestamp server but Apple's."""
    return ["productsign", "--sign", identity, "--timestamp" if server else f"--timestamp={NO_SERVER}", file, out]


def entitlements(rights: Mapping[str, Any]) -> bytes:
    """A property list of entitlements, empty for none; those that are false are left out, as Apple wants it.

    Raises ConfigurationError for the one that lets debuggers in: notarization refuses it.
    """
    kept = {name: value for name, value in rights.items() if value is not False}
    if _DEBUGGED in kept:
        hint = "A program that is released does without it; a debugger wants a build of its own."
        raise ConfigurationError(f"the entitlement {_DEBUGGED} is not for programs that are released", hint=hint)
    return plistlib.dumps(kept, sort_keys=True) if kept else b""


@contextmanager
def opened(asked: Asked) -> Iterator[Key]:
    """The key for the length of a block; what was written for it is gone afterwards.

    Raises Missing for a file that cannot be read, ConfigurationError for a key without certificate or of a kind that Apple knows not.
    """
    if asked.is_empty:
        yield Key(asked=asked)
        return
    if asked.key.startswith(KEYCHAIN):
        yield Key(asked=asked, keychain=asked.key.removeprefix(KEYCHAIN))
        return
    with openpgp.memory_folder() as folder:
        yield _key(asked, folder)


def _bytes(value: str, name: str) -> bytes:
    """What a value names or is."""
    return Path(value).expanduser().read_bytes() if material.is_file(value) else material.data_of(value, name)


def _key(asked: Asked, folder: Path) -> Key:
    """A key, as a file that is read by what signs: it takes only PKCS #12 of the old kind, so that it is written anew."""
    from apple_platform.certificates import create_p12
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private, certificate, above = _loaded(asked)
    _check_kind(certificate, asked.names)
    if not isinstance(private, RSAPrivateKey):
        raise ConfigurationError("the key for macOS is no RSA key", why="Apple certifies no others for programs outside of its shop.")
    if folder.parent != openpgp.MEMORY and not asked.passphrase:
        raise Missing(f"the key for macOS has no passphrase, and without {openpgp.MEMORY} it would be written to a disk")
    passphrase = asked.passphrase or "coldforge"  # the format cannot do without
    made = create_p12(
        certificate_pem=certificate.public_bytes(Encoding.PEM).decode(),
        private_key_pem=private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        password=passphrase,
    )
    file, others = folder / "key.p12", tuple(folder / f"{number}.der" for number in range(len(above)))
    file.touch(0o600)
    file.write_bytes(made)
    for place, one in zip(others, above, strict=True):
        place.write_bytes(one.public_bytes(Encoding.DER))
    identity = apple.Identity(
        file=file,
        passphrase=passphrase,
        above=others,
        team=_team(certificate),
        time=int(certificate.not_valid_before_utc.timestamp()),
    )
    return Key(asked=asked, identity=identity, certificate=certificate.fingerprint(SHA256()).hex())


def _check_kind(certificate: Certificate, names: Names) -> None:
    """Raises ConfigurationError for Apple's other kind of Developer ID: what that signs, Macs refuse."""
    other = next(one for one in (APPLICATION, INSTALLER) if one != names)
    if cms.has_extension(certificate, other.mark[0]) and not cms.has_extension(certificate, names.mark[0]):
        message = f"the key that {names.key} gives is a {other.called}, not a {names.called}"
        why = "Apple has one kind of certificate for programs and disk images, and another for packages."
        raise ConfigurationError(message, why=why, hint=f"Give it as {other.key}, and the other here.")


def _loaded(asked: Asked) -> tuple[object, Certificate, Sequence[Certificate]]:
    """The private key, its certificate, and those above it."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
    from cryptography.x509 import load_pem_x509_certificates

    names = asked.names
    data, passphrase = _bytes(asked.key, names.key), asked.passphrase.encode() or None
    text = _bytes(asked.certificate, names.certificate) if asked.certificate else data
    is_pem = material.BEGIN.encode() in data
    if is_pem and b"BEGIN CERTIFICATE" not in text:
        hint = f"Give {names.certificate}, or the option for it: PEM, of the signer first."
        raise ConfigurationError("the key for macOS comes without its certificate", hint=hint)
    try:
        if is_pem:
            first, *above = load_pem_x509_certificates(text)
            return load_pem_private_key(data, passphrase if b"ENCRYPTED" in data else None), first, above
        found = pkcs12.load_pkcs12(data, passphrase)
    except (ValueError, TypeError) as error:
        hint = f"Is the passphrase right ({names.passphrase} or --passphrase-fd), and the file whole?"
        raise Missing("the key for macOS cannot be opened", why=str(error).split("\n", 1)[0][:200], hint=hint) from error
    if found.cert is None or found.key is None:
        raise ConfigurationError("the PKCS #12 file with the key for macOS has no certificate, or no key")
    return found.key, found.cert.certificate, [one.certificate for one in found.additional_certs]


def _team(certificate: Certificate) -> str:
    """The ten characters that Apple knows the signer's team by; empty when the certificate is none of Apple's kind."""
    from cryptography.x509.oid import NameOID

    found = [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)]
    return next((name for name in found if _TEAM.fullmatch(name)), "")
