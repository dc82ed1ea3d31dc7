"""apk: `apk/<architecture>/` with the packages and `APKINDEX.tar.gz`, which is signed by a tar in front of it.

Source: https://wiki.alpinelinux.org/wiki/Apk_spec
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from coldforge.filetypes import gzips
from coldforge.repo import Form, Identity, Package, Site, by_arch
from coldforge.repo.plain import information, one, tar_of
from coldforge.sign import apk

_COMPRESSION: Final = ".gz"
_SIGNATURE: Final = b".SIGN."  # how the name of the first file in it begins
# The letters of the index, by the package's own words.
_WORDS: Final = {
    "pkgname": "P", "pkgver": "V", "arch": "A", "size": "I", "pkgdesc": "T", "url": "U", "license": "L", "origin": "o", "maintainer": "m",
    "builddate": "t", "commit": "c",
}  # fmt: skip
_LISTS: Final = {"depend": "D", "provides": "p", "install_if": "i"}


class Apk:
    """Alpine, Wolfi and their kin."""

    format: Form = "apk"

    def identify(self, file: Path) -> Identity:
        fields = information(file, _COMPRESSION)
        return Identity(name=one(fields, "pkgname"), version=one(fields, "pkgver"), arch=one(fields, "arch"))

    def path(self, identity: Identity, name: str) -> str:
        del name  # apk makes up the address from the index
        return f"apk/{identity.arch}/{identity.name}-{identity.version}.apk"

    def indices(self, packages: Sequence[Package], site: Site) -> Mapping[str, bytes]:
        made = {}
        for arch, found in by_arch(packages).items():
            text = "".join(_paragraph(package) for package in found).encode()
            index = gzips.small(tar_of({"DESCRIPTION": site.name.encode(), "APKINDEX": text}, site.epoch))
            made[f"apk/{arch}/APKINDEX.tar.gz"] = _signed(index, site) + index
        return made

    def lines(self, site: Site, package: str) -> tuple[str, ...]:
        add = f"echo {site.url}/apk | doas tee -a /etc/apk/repositories"
        if site.rsa is None:
            return (add, f"doas apk add --allow-untrusted {package}")
        return (f"doas wget -P /etc/apk/keys {site.url}/{site.rsa_public}", add, f"doas apk add --update-cache {package}")


def _signed(index: bytes, site: Site) -> bytes:
    """What stands before the index."""
    if site.rsa is None:
        return b""
    return apk.signature(index, site.rsa, site.epoch)


def _paragraph(package: Package) -> str:
    fields = information(package.file, _COMPRESSION)
    lines = [f"C:Q1{base64.b64encode(_checksum(package.file)).decode()}", f"S:{package.held.size}"]
    lines += [f"{letter}:{one(fields, key)}" for key, letter in _WORDS.items() if key in fields]
    lines += [f"{letter}:{' '.join(fields[key])}" for key, letter in _LISTS.items() if key in fields]
    return "\n".join(lines) + "\n\n"


def _checksum(file: Path) -> bytes:
    """The SHA-1 of the stream that says what the package is: the first, or the second when that before it is a signature."""
    start, end = 0, 0
    with file.open("rb") as stream:
        head = _SIGNATURE
        while head.startswith(_SIGNATURE):
            start = end
            end, head, _ = gzips.stream_at(stream, start)
        stream.seek(start)
        return hashlib.sha1(stream.read(end - start), usedforsecurity=False).digest()  # what the format has
