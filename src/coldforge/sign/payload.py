"""Programs and libraries of frozen trees for Windows get signatures before they are packaged, and the index tells of both states."""

from __future__ import annotations

import base64
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec

from coldforge.errors import BuildFailed, ConfigurationError, Refused
from coldforge.host import authenticode, files, pe, signed
from coldforge.records import INDEX, FileEntry, Manifest, Payload, Signature, TargetRecord, canonical, read
from coldforge.report import reporter
from coldforge.sign.authenticode import Key
from coldforge.sign.keys import Keys

TREE: Final = "payload"
SYSTEM: Final = "windows-"  # what the names of targets begin with whose trees are signed; a program for Windows in another tree is data


def sign_payloads(dist: Path, manifest: Manifest, keys: Keys) -> dict[str, Payload]:
    """Sign what is in the trees of `dist` for Windows, and write their indexes anew; the indexes by target.

    What anybody has signed already stays as it is, so signing again changes nothing. Raises Refused for a file that is not the one
    in the index, ConfigurationError without a tree or a key, and whatever the key raises; then everything is as it was.
    """
    records = [record for record in manifest.targets if record.target.startswith(SYSTEM)]
    if keys.programs is None or not records:
        hint = "Give --authenticode-key or --sign-command, and freeze for Windows before."
        raise ConfigurationError("there is no frozen tree that the given keys could sign", hint=hint)
    with ExitStack() as written:
        found = {record.target: _payload(dist, record, keys.programs, manifest.source.epoch, written) for record in records}
    for target, payload in found.items():
        files.write(dist / target / INDEX, canonical(payload))
    return found


def _payload(dist: Path, record: TargetRecord, key: Key, epoch: int, written: ExitStack) -> Payload:
    payload = read(dist / record.target / INDEX, Payload)
    if payload.digest != record.payload_digest:
        raise Refused(f"the tree of {record.target} is not the one that the manifest is about", hint="Freeze it again: `coldforge freeze`.")
    root = dist / record.target / TREE
    entries = tuple(_entry(root / entry.path, entry, key, epoch, written) for entry in payload.files)
    made = msgspec.structs.replace(payload, files=entries)
    new = sum(entry != before for entry, before in zip(entries, payload.files, strict=True))
    reporter().info(f"{record.target}: {new} programs and libraries are signed now.")
    return made


def _entry(path: Path, entry: FileEntry, key: Key, epoch: int, written: ExitStack) -> FileEntry:
    """The entry of a file, signed when it is a program that nobody has signed."""
    if entry.kind in ("link", "directory"):
        return entry
    if path.is_symlink() or not path.is_file() or files.sha256(path) != entry.sha256:
        raise Refused(f"{entry.path} is not the file that was frozen", hint="Freeze it again: `coldforge freeze`.")
    if not is_unsigned(path):
        return entry
    signature = key.signature(path, name=path.name, epoch=epoch)
    temporary = written.enter_context(files.beside(path))
    try:
        signed.put(path, signed.PROGRAM, signature, temporary)
        with temporary.open("rb") as stream:
            seen = authenticode.read(stream)
    except signed.damage() as error:
        raise BuildFailed(f"the signature that was made of {entry.path} is none of it", why=str(error)) from error
    if seen is None or (reason := key.fits(seen)):
        raise BuildFailed(f"the signature that was made of {entry.path} is not what is asked for: {reason}")
    temporary.chmod(path.stat().st_mode)
    record = Signature(key=seen.certificate, size=entry.size, sha256=entry.sha256, data=base64.b64encode(signature).decode("ascii"))
    return msgspec.structs.replace(entry, size=temporary.stat().st_size, sha256=files.sha256(temporary), signature=record)


def is_unsigned(path: Path) -> bool:
    """Whether a file is a program or library for Windows that carries no signature at all: a vendor's stays, whatever it is worth."""
    with path.open("rb") as stream:
        if stream.read(2) != pe.MAGIC:
            return False
        try:
            return not pe.layout(stream).is_signed
        except signed.damage():  # something else that begins like one: data of an application may
            return False
