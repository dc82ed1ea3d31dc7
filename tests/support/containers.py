"""Containers made by hand, so that two can be made that differ in one thing: ar, tar, zip, and PyInstaller's two archives.

What PyInstaller itself writes is compared in the integration tests.
"""

from __future__ import annotations

import importlib.util
import io
import marshal
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from types import CodeType
from typing import Any


def ar(members: Mapping[str, bytes], *, time: int = 0, owner: int = 0, mode: str = "100644") -> bytes:
    """An ar archive (deb)."""
    made = b"!<arch>\n"
    for name, data in members.items():
        made += f"{name:<16}{time:<12}{owner:<6}{owner:<6}{mode:<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) % 2)
    return made


def tar(members: Mapping[str, bytes], **facts: Any) -> bytes:
    """A tar archive; `facts` are set on every entry."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for fact, value in facts.items():
                setattr(info, fact, value)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zipped(members: Mapping[str, bytes], *, when: tuple[int, int, int, int, int, int] = (1980, 1, 1, 0, 0, 0), level: int = 6) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, when), data, zipfile.ZIP_DEFLATED, level)
    return out.getvalue()


def pyz(modules: Mapping[str, CodeType], *, level: int = 6) -> bytes:
    """PyInstaller's archive of byte code."""
    return packed_modules({name: marshal.dumps(code) for name, code in modules.items()}, level=level)


def packed_modules(modules: Mapping[str, bytes], *, level: int = 6) -> bytes:
    """The same of any bytes; a namespace package has none."""
    table, body = [], b""
    for name, code in modules.items():
        data = zlib.compress(code, level) if code else b""
        table.append((name, (0, 17 + len(body), len(data))))
        body += data
    head = b"PYZ\0" + importlib.util.MAGIC_NUMBER + struct.pack("!i", 17 + len(body)) + b"\0" * 5
    return head + body + marshal.dumps(table)


def carchive(members: Mapping[str, bytes], *, boot: bytes = b"\x7fELF boot loader", after: bytes = b"") -> bytes:
    """PyInstaller's program: a boot loader, members, their table, a cookie; `after` is what a signer appends."""
    body, table = b"", b""
    for name, data in members.items():
        packed = zlib.compress(data)
        written = name.encode() + b"\0"
        table += struct.pack("!IIIIBc", 18 + len(written), len(body), len(packed), len(data), 1, b"b") + written
        body += packed
    cookie = struct.pack(
        "!8sIIII64s", b"MEI\014\013\012\013\016", len(body) + len(table) + 88, len(body), len(table), 311, b"libpython3.11.so"
    )
    return boot + body + table + cookie + after


def pyc(code: CodeType, *, time: int = 0) -> bytes:
    """A file of byte code (PEP 552, checked by time)."""
    return importlib.util.MAGIC_NUMBER + struct.pack("<III", 0, time, 0) + marshal.dumps(code)
