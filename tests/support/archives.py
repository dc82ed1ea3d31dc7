"""Archives as PyInstaller and Python make them, from names and content."""

from __future__ import annotations

import io
import marshal
import struct
import zipfile
import zlib
from collections.abc import Mapping


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def modules(code: Mapping[str, bytes]) -> bytes:
    """PyInstaller's archive of modules (ZlibArchiveWriter)."""
    body, table = b"", []
    for name, data in code.items():
        packed = zlib.compress(data) if data else b""
        table.append((name, (0, 17 + len(body), len(packed))))
        body += packed
    return b"PYZ\0" + b"mgc!" + struct.pack("!I", 17 + len(body)) + b"\0" * 5 + body + marshal.dumps(table)


def program(members: Mapping[str, bytes]) -> bytes:
    """A program with PyInstaller's archive at its end (CArchiveWriter)."""
    body, table = b"", b""
    for name, data in members.items():
        packed, text = zlib.compress(data), name.encode() + b"\0"
        table += struct.pack("!IIIIBc", 18 + len(text), len(body), len(packed), len(data), 1, b"b") + text
        body += packed
    whole = len(body) + len(table) + 88
    cookie = struct.pack("!8sIIII64s", b"MEI\x0c\x0b\x0a\x0b\x0e", whole, len(body), len(table), 311, b"libpython3.11.so.1.0")
    return b"\x7fELF" + b"\0" * 200 + body + table + cookie
