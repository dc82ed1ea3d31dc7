"""Pictures in the sizes that somebody wants, from one PNG or SVG: for Linux' themes, and for the icons of Windows and macOS."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from coldforge.bundle import kinds
from coldforge.errors import ConfigurationError, Location
from coldforge.host import cache, files
from coldforge.project.config import Product
from coldforge.records import digest_of

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


def tool() -> str:
    """What draws them: another version may give other bytes."""
    return f"Pillow {version('pillow')}, resvg-py {version('resvg-py')}"


def sources(product: Product) -> tuple[str, ...]:
    """The icons of the project, as paths relative to it."""
    own = [product.icon] if product.icon else []
    return (*own, *(association.icon for association in kinds.defined(product).values() if association.icon))


def drawn(source: Path, sizes: tuple[int, ...]) -> Mapping[int, bytes]:
    """A square PNG for each size, of a PNG those that it has the pixels for. Raises ConfigurationError for a damaged one."""
    try:
        return rendered(source.read_bytes(), scalable=source.suffix.lower() == ".svg", sizes=sizes)
    except (OSError, SyntaxError, ValueError) as error:  # of Pillow and resvg, for what is damaged
        hint = "Open it in an image editor and save it again."
        raise ConfigurationError(f"the icon cannot be drawn: {error}", where=Location(source), hint=hint) from error


@lru_cache(maxsize=8)
def rendered(data: bytes, *, scalable: bool, sizes: tuple[int, ...]) -> Mapping[int, bytes]:
    """A square PNG for each size; of a PNG only those that it has the pixels for. Raises what the libraries do for a damaged one."""
    draws = [tool(), zlib.ZLIB_RUNTIME_VERSION, files.sha256(Path(__file__))]
    key = digest_of([hashlib.sha256(data).hexdigest(), scalable, sizes, draws])
    made = cache.recalled("icon", key, lambda: msgspec.json.encode(_drawn(data.decode(), sizes) if scalable else _scaled(data, sizes)))
    return msgspec.json.decode(made, type=dict[int, bytes])


def _drawn(text: str, sizes: tuple[int, ...]) -> dict[int, bytes]:
    """Without the fonts of this machine: see `project.icon.icon_problem`."""
    import resvg_py

    return {size: bytes(resvg_py.svg_to_bytes(svg_string=text, width=size, height=size, skip_system_fonts=True)) for size in sizes}


def _scaled(data: bytes, sizes: tuple[int, ...]) -> dict[int, bytes]:
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        picture = image.convert("RGBA")
    scaled = [size for size in sizes if size <= picture.width]
    return {size: data if size == picture.width else _png(picture.resize((size, size), Image.Resampling.LANCZOS)) for size in scaled}


def _png(picture: Picture) -> bytes:
    """A PNG of an image of Pillow's, which chooses the filters; the compression is this Python's.

    Pillow's own, zlib-ng, may give other bytes on another processor.
    """
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=0)
    chunks = list(_chunks(buffer.getvalue()))
    pixels = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    parts = [(b"IHDR", chunks[0][1]), (b"IDAT", zlib.compress(pixels, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in parts)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG: https://www.w3.org/TR/png/#5Chunk-layout"""
    position = 8
    while position < len(png):
        (size,) = struct.unpack_from(">I", png, position)
        yield png[position + 4 : position + 8], png[position + 8 : position + 8 + size]
        position += size + 12


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
