"""Whether two artifacts are the same but for signatures that were put into them after the build; and recorded ones put back.

A signature is only what every program that installs the file leaves unread, or what it reads as one: see `filetypes/signed.py`.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from coldforge.filetypes import signed, spans, tickets
from coldforge.host import files, zsyncmake
from coldforge.rebuild.members import damage
from coldforge.rebuild.views import file_of
from coldforge.records import CARRIED, INDEX, TREE, Artifact, Carried, FileEntry, Notarization, Payload, Signature, canonical, read

E = TypeVar("E", FileEntry, Carried)


def same_but_for_signatures(one: memoryview, other: memoryview) -> bool:
    """Whether at least one is signed, and without signatures both are the same bytes."""
    try:
        plain = _unsigned(one), _unsigned(other)
    except damage():
        return False
    return plain[0][0] == plain[1][0] and (plain[0][1] or plain[1][1])


def _unsigned(view: memoryview) -> tuple[str, bool]:
    """The digest of what is left without signatures, and whether there were any."""
    with file_of(view) as stream:
        found = signed.unsigned(stream)
        digest = hashlib.sha256()
        for piece in spans.pieces(stream, found.spans):
            digest.update(piece)
    return digest.hexdigest(), found.was_signed


def put_back(recorded: Artifact, rebuilt: Path) -> bool:
    """Put the recorded signature into a rebuilt file, when that is what was signed; whether it now is what was released."""
    signature = recorded.signature
    if signature is None or recorded.format not in signed.FORMATS or files.sha256(rebuilt) != signature.sha256:
        return False
    with files.scratch("signed") as folder:
        whole = folder / "whole"
        try:
            signed.put(rebuilt, recorded.format, base64.b64decode(signature.data, validate=True), whole)
        except damage():  # what is recorded may come from anybody
            return False
        if not _stapled(recorded, whole) or files.sha256(whole) != recorded.sha256:
            return False
        with files.beside(rebuilt) as temporary:
            shutil.copyfile(whole, temporary)
            temporary.chmod(rebuilt.stat().st_mode)
    return True


def _stapled(recorded: Artifact, file: Path) -> bool:
    """Put the ticket to a signed file that was released with one; whether it could be."""
    if recorded.notarization is None or not recorded.notarization.ticket:
        return True
    with files.scratch("stapled") as folder:
        try:
            tickets.staple(file, recorded.format, base64.b64decode(recorded.notarization.ticket, validate=True), folder / "whole")
        except damage():  # what is recorded may come from anybody
            return False
        shutil.copyfile(folder / "whole", file)
    return True


def about_signed(rebuilt: Artifact, out: Path, epoch: int) -> Artifact:
    """The sums of a rebuilt AppImage, made again when a signature was put back into it: they are about the released bytes."""
    path = out / rebuilt.path
    name = zsyncmake.origin(rebuilt.name)
    with files.beside(path) as temporary:
        zsyncmake.write(path.with_name(name), name, epoch, temporary)
    return msgspec.structs.replace(rebuilt, size=path.stat().st_size, sha256=files.sha256(path))


def put_back_into_tree(recorded: Mapping[str, Signature], folder: Path, notarization: Notarization | None = None) -> Payload:
    """Put recorded signatures into the files of a rebuilt tree that they were made of, and write its index anew; the index.

    With them comes the ticket of the application that is made of it.
    """
    payload = read(folder / INDEX, Payload)
    entries = tuple(_signed_again(recorded.get(entry.path), entry, folder / TREE / entry.path) for entry in payload.files)
    # what is no file of the tree is of the application that is made of it
    others = {path: signature for path, signature in recorded.items() if path not in {entry.path for entry in payload.files}}
    made = msgspec.structs.replace(payload, files=entries, sealed=others, notarization=notarization)
    files.write(folder / INDEX, canonical(made))
    return made


def put_back_into_carried(recorded: Iterable[Carried], made: Iterable[Carried], folder: Path) -> tuple[Carried, ...]:
    """Put recorded signatures into what packages carry of their own, where that is what was signed."""
    signatures = {one.path: one.signature for one in recorded}
    return tuple(_signed_again(signatures.get(one.path), one, folder / CARRIED / one.path) for one in made)


def _signed_again(signature: Signature | None, entry: E, path: Path) -> E:
    if signature is None or entry.sha256 != signature.sha256:
        return entry
    try:
        with files.beside(path) as temporary:
            signed.put(path, signed.PROGRAM, base64.b64decode(signature.data, validate=True), temporary)
            temporary.chmod(path.stat().st_mode)
    except damage():  # what is recorded may come from anybody
        return entry
    return msgspec.structs.replace(entry, size=path.stat().st_size, sha256=files.sha256(path), signature=signature)
