"""Programs and libraries get signatures before they are packaged: those of frozen trees, and those that packages carry of their own.

The index and the record tell of both states, and are written before a file changes: a run that was killed meanwhile is ended by the next
one, which puts the recorded signatures to what has none yet.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from coldforge.errors import BuildFailed, ConfigurationError, Refused
from coldforge.filetypes import apple, authenticode, codesign, macho, pe, signed
from coldforge.host import files
from coldforge.records import ADHOC, CARRIED, INDEX, TREE, Carried, FileEntry, Manifest, Payload, Signature, TargetRecord, read
from coldforge.report import reporter
from coldforge.sign import NothingToSign
from coldforge.sign import authenticode as windows
from coldforge.sign.apple import Key as AppleKey
from coldforge.sign.apple import entitlements
from coldforge.sign.keys import Keys

E = TypeVar("E", FileEntry, Carried)
Code = FileEntry | Carried
# What the names of targets begin with whose trees are signed: in another tree their programs are data.
WINDOWS, MACOS = "windows-", "macos-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What signatures for macOS say of code: the product's identifier, and the entitlements of each executable by its path in the tree."""

    identifier: str = ""
    entitlements: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    usual: Mapping[str, Any] = field(default_factory=dict)

    def rights(self, file: Path, path: str) -> bytes:
        """The entitlements of a file, which is at a path of the tree: of an executable only, as libraries have those of who loads them."""
        with file.open("rb") as stream:
            starts = any(one.kind == "executable" for one in macho.slices(stream))
        return entitlements({**self.usual, **self.entitlements.get(path, {})}) if starts else b""


class _Signer(Protocol):
    """What signs the files of one system's trees."""

    def is_for(self, path: Path, entry: Code) -> bool:
        """Whether the file is to get a signature."""

    def signature(self, path: Path, entry: Code) -> bytes:
        """The signature of a file. Raises whatever its key raises."""

    def key(self, path: Path, entry: Code) -> str:
        """Whose signature a file has now, as it is recorded. Raises BuildFailed when it is not the one that was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Windows:
    made_by: windows.Key
    epoch: int

    def is_for(self, path: Path, entry: Code) -> bool:
        if entry.signature is not None:
            return False
        if is_unsigned(path):
            return True
        _check_vendors(path, entry)
        return False

    def signature(self, path: Path, entry: Code) -> bytes:
        del entry
        return self.made_by.signature(path, name=path.name, epoch=self.epoch)

    def key(self, path: Path, entry: Code) -> str:
        with path.open("rb") as stream:
            seen = authenticode.read(stream)
        if seen is None or (reason := self.made_by.fits(seen)):
            raise BuildFailed(f"the signature that was made of {entry.path} is not what is asked for: {reason}")
        return seen.certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class _Macos:
    """Signs whatever a system loads as code, also what others have signed: a program loads nothing of another team."""

    made_by: AppleKey
    named: Named

    def is_for(self, path: Path, entry: Code) -> bool:
        if not macho.is_macho(path):
            return False
        try:
            with path.open("rb") as stream:
                found = codesign.read(stream) if entry.signature else codesign.regions(stream)
        except signed.damage():  # something else that begins like one, or nothing that a Mac loads
            return False
        if not entry.signature:
            return not self.made_by.is_adhoc or not all(found)
        if reason := self.made_by.fits(found, self._about(path, entry)):  # type: ignore[arg-type]  # what read gives
            message = f"{entry.path} has another signature already: {reason}"
            raise ConfigurationError(message, hint="`coldforge freeze --clean` makes it anew, without one.")
        return False

    def signature(self, path: Path, entry: Code) -> bytes:
        return self.made_by.signature(path, self._about(path, entry))

    def key(self, path: Path, entry: Code) -> str:
        with path.open("rb") as stream:
            found = codesign.read(stream)
        if reason := self.made_by.fits(found, self._about(path, entry)):
            raise BuildFailed(f"the signature that was made of {entry.path} is not what is asked for: {reason}")
        return next((seen.certificate for seen in found if seen), "") or ADHOC

    def _about(self, path: Path, entry: Code) -> apple.About:
        return apple.About(
            identifier=apple.identifier(self.named.identifier, entry.path),
            # without a team nothing that it loads would be of its own
            runtime=not self.made_by.is_adhoc,
            entitlements=self.named.rights(path, entry.path),
        )


def sealing(key: AppleKey, named: Named, payload: Payload) -> Callable[[Path, apple.About], bytes]:
    """What signs the code of the application that is made of a payload; a signature that the key has made of it already is kept.

    The function takes the code, and what the signature is to be about besides.
    """

    def sign(source: Path, asked: apple.About) -> bytes:
        rights = b"" if key.is_adhoc else named.rights(source, source.name)
        about = replace(asked, runtime=not key.is_adhoc, entitlements=rights)
        sha256 = files.sha256(source)
        for known in payload.sealed.values():
            if known.sha256 == sha256 and _is_good(source, base64.b64decode(known.data), key, about):
                return base64.b64decode(known.data)
        return key.signature(source, about)

    return sign


def _is_good(source: Path, signature: bytes, key: AppleKey, about: apple.About) -> bool:
    """Whether a signature is what a key makes of a file and its bundle."""
    with files.scratch("known") as folder:
        try:
            signed.put(source, signed.PROGRAM, signature, folder / "file")
            with (folder / "file").open("rb") as stream:
                found = codesign.read(stream)
        except signed.damage():
            return False
    wanted = tuple(hashlib.sha256(data).digest() if data else b"" for data in (about.info, about.resources))
    return not key.fits(found, about) and all(seen and (seen.info, seen.resources) == wanted for seen in found)


Made = Mapping[str, tuple[Payload, tuple[Carried, ...]]]
"""What is in a tree, and what its packages carry, by target."""


def sign_payloads(dist: Path, manifest: Manifest, keys: Keys, named: Named, *, save: Callable[[Made], None]) -> Made:
    """Sign what is in the trees of `dist` for Windows and macOS and what their packages carry; what is there then.

    For Windows what anybody has signed already stays as it is. For macOS all is signed, and without a key only what has no signature at
    all, ad hoc: Apple's processors run nothing else. Signing again changes nothing. `save` gets all when it is signed, before the files
    take their places. Raises Refused for a file that is not the one in the index, ConfigurationError without a tree or a key, and
    whatever the key raises; then everything is as it was.
    """
    found = {record.target: signer for record in manifest.targets if (signer := _signer(record, keys, manifest.source.epoch, named))}
    if not found:
        hint = "Give --authenticode-key or --sign-command, and freeze for Windows or macOS before."
        raise NothingToSign("there is no frozen tree that the given keys could sign", hint=hint)
    with ExitStack() as written:
        made = {
            record.target: (_payload(dist, record, signer, written), _carried(dist / record.target, record, signer, written))
            for record in manifest.targets
            if (signer := found.get(record.target))
        }
        save(made)
    if keys.apple.is_adhoc and any(target.startswith(MACOS) for target in made):
        why = "They run where they were made; a Mac refuses them when they are downloaded."
        reporter().warn(f"Programs for macOS are signed by nobody (ad hoc). {why} --apple-key signs them.")
    return made


def _signer(record: TargetRecord, keys: Keys, epoch: int, named: Named) -> _Signer | None:
    if record.target.startswith(WINDOWS) and keys.programs:
        return _Windows(made_by=keys.programs, epoch=epoch)
    return _Macos(made_by=keys.apple.since(epoch), named=named) if record.target.startswith(MACOS) else None


def _payload(dist: Path, record: TargetRecord, signer: _Signer, written: ExitStack) -> Payload:
    payload = read(dist / record.target / INDEX, Payload)
    if record.payload_digest not in (payload.digest, _before(payload, record).digest):
        raise Refused(f"the tree of {record.target} is not the one that the manifest is about", hint="Freeze it again: `coldforge freeze`.")
    folder = dist / record.target
    entries = tuple(_entry(folder, entry, signer, written) for entry in payload.files)
    made = msgspec.structs.replace(payload, files=entries)
    new = sum(entry != before for entry, before in zip(entries, payload.files, strict=True))
    reporter().info(f"{record.target}: {new} programs and libraries are signed now.")
    return made


def _before(payload: Payload, record: TargetRecord) -> Payload:
    """A payload without the signatures that its record does not know yet: it comes after the index."""
    entries = (
        msgspec.structs.replace(entry, size=entry.signature.size, sha256=entry.signature.sha256, signature=None)
        if entry.signature and entry.path not in record.signed
        else entry
        for entry in payload.files
    )
    return msgspec.structs.replace(payload, files=tuple(entries))


def _carried(folder: Path, record: TargetRecord, signer: _Signer, written: ExitStack) -> tuple[Carried, ...]:
    made = tuple(_signed(folder, f"{CARRIED}/{one.path}", one, signer, written) for one in record.carried)
    if new := [one.path for one, before in zip(made, record.carried, strict=True) if one != before]:
        reporter().info(f"{record.target}: signed now, for packages to carry: {', '.join(new)}")
    return made


def _entry(folder: Path, entry: FileEntry, signer: _Signer, written: ExitStack) -> FileEntry:
    return entry if entry.kind in ("link", "directory") else _signed(folder, f"{TREE}/{entry.path}", entry, signer, written)


def _signed(folder: Path, place: str, entry: E, signer: _Signer, written: ExitStack) -> E:
    """The entry of a file at a place in its target's folder, signed when it is to be."""
    path = folder / place
    sha256 = "" if path.is_symlink() or not path.is_file() else files.sha256(path)
    if entry.signature and sha256 == entry.signature.sha256:  # a run ended between the record and the file
        with suppress(*signed.damage()):
            path = _put(folder, path, base64.b64decode(entry.signature.data), written)
            sha256 = files.sha256(path)
    if sha256 != entry.sha256:
        raise Refused(f"{entry.path} is not the file that was frozen", hint="Freeze it again: `coldforge freeze`.")
    if not signer.is_for(path, entry):
        return entry
    signature = signer.signature(path, entry)
    try:
        temporary = _put(folder, path, signature, written)
        key = signer.key(temporary, entry)
    except signed.damage() as error:
        raise BuildFailed(f"the signature that was made of {entry.path} is none of it", why=str(error)) from error
    record = Signature(key=key, size=entry.size, sha256=entry.sha256, data=base64.b64encode(signature).decode("ascii"))
    return msgspec.structs.replace(entry, size=temporary.stat().st_size, sha256=files.sha256(temporary), signature=record)


def _put(folder: Path, path: Path, signature: bytes, written: ExitStack) -> Path:
    """A file with its signature, which takes its place at the end. It lies outside of the tree, of which every file is packaged."""
    temporary = written.enter_context(files.beside(path, folder))
    signed.put(path, signed.PROGRAM, signature, temporary)
    temporary.chmod(path.stat().st_mode)
    return temporary


def is_unsigned(path: Path) -> bool:
    """Whether a file is a program or library for Windows that carries no signature at all."""
    with path.open("rb") as stream:
        if stream.read(2) != pe.MAGIC:
            return False
        try:
            return not pe.layout(stream).is_signed
        except signed.damage():  # something else that begins like one: data of an application may
            return False


def _check_vendors(path: Path, entry: Code) -> None:
    """Raise Refused for a program that was changed after somebody signed it; who that is, and what it is worth, is not asked."""
    with path.open("rb") as stream, suppress(*signed.damage()):  # signatures of other kinds, and data that only begins like a program
        if stream.read(len(pe.MAGIC)) == pe.MAGIC and not authenticode.is_intact(stream):
            why = "So whoever signed it does not vouch for it, and Windows warns of it."
            hint = "Get it anew. If the change is yours, take the signature off before it is frozen: `osslsigncode remove-signature`."
            raise Refused(f"{entry.path} was changed after it was signed", why=why, hint=hint)
