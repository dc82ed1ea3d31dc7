"""What a Debian package says of itself: description and dependencies, as the archive's rules want them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from coldforge.project.config import Product
from coldforge.records import Payload

# Sonames that frozen programs most often leave to the system, with Debian's packages for them.
PACKAGES: Final = {
    "libz.so.1": "zlib1g", "libX11.so.6": "libx11-6", "libxcb.so.1": "libxcb1", "libGL.so.1": "libgl1", "libEGL.so.1": "libegl1",
    "libgcc_s.so.1": "libgcc-s1", "libstdc++.so.6": "libstdc++6", "libcrypt.so.1": "libcrypt1", "libtinfo.so.6": "libtinfo6",
    "libdrm.so.2": "libdrm2", "libwayland-client.so.0": "libwayland-client0", "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1", "libglib-2.0.so.0": "libglib2.0-0 | libglib2.0-0t64", "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6", "libdbus-1.so.3": "libdbus-1-3", "libasound.so.2": "libasound2 | libasound2t64",
    "libXft.so.2": "libxft2", "libXext.so.6": "libxext6", "libXrender.so.1": "libxrender1", "libXss.so.1": "libxss1",
}  # fmt: skip
SYNOPSIS: Final = 80  # characters, the package's name excluded (Debian Policy 3.4.1)
_ARTICLE: Final = re.compile(r"^(an?|the) (?=\S)", re.IGNORECASE)


def line(text: str) -> str:
    """A value of one line: whatever it came from, it begins no further field."""
    return " ".join(text.split())


def synopsis(product: Product) -> str:
    """One line that neither starts with the name or an article nor ends with a full stop (Debian Policy 3.4.1).

    >>> synopsis(Product(name="demo", version="1", summary="Demo: a thing that demonstrates."))
    'thing that demonstrates'
    """
    text = line(product.summary or product.display_name).rstrip(".")
    for name in (product.display_name, product.name):
        text = re.sub(rf"^{re.escape(name)}(:| -| is) ", "", text, flags=re.IGNORECASE) if name else text
    text = _ARTICLE.sub("", text)
    if text.lower() in ("", product.name.lower(), product.display_name.lower()):
        text = "frozen application"
    return text if len(text) <= SYNOPSIS else textwrap.shorten(text, SYNOPSIS, placeholder="…")


def extended(product: Product) -> str:
    """The longer text below the synopsis: a paragraph of at most twenty lines."""
    text = line(product.description) or f"{product.display_name or product.name} with everything that it needs to run."
    lines = textwrap.wrap(text, 78, max_lines=20, placeholder=" …")
    return "\n".join(f" {text}" if text.startswith(".") else text for text in lines)  # a full stop there is reserved (Policy 5.6.13)


def depends(payload: Payload, configured: Iterable[str]) -> tuple[str, ...]:
    """The C library as new as the tree needs it, packages of what the tree takes from the system, what the user adds."""
    floor = payload.glibc_floor.removeprefix("glibc-")
    own = [f"libc6 (>= {floor})"] if floor else []
    found = sorted({PACKAGES[soname] for soname in payload.requires if soname in PACKAGES})
    return tuple(dict.fromkeys([*own, *found, *map(line, configured)]))


def unknown(payload: Payload, configured: Iterable[str]) -> Iterator[str]:
    """The libraries that are left to the system without a package that is known to bring them.

    A configured dependency counts for a library whose name it starts with: `libmpv2` for `libmpv.so.2`.
    """
    named = tuple(configured)
    for soname in payload.requires:
        stem = soname.partition(".so")[0].lower()
        if soname not in PACKAGES and not any(package.strip().lower().startswith(stem) for package in named):
            yield soname
