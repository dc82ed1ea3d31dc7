"""pacman: `arch/<architecture>/` with the packages, their signatures, and the lists `NAME.db` and, with all paths, `NAME.files`.

Source: https://man.archlinux.org/man/repo-add.8, https://wiki.archlinux.org/title/Pacman/Tips_and_tricks#Custom_local_repository
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from coldforge.filetypes import zstds
from coldforge.repo import Form, Identity, Package, Site, by_arch
from coldforge.repo.age import latest
from coldforge.repo.plain import information, one, opened, tar_of

_COMPRESSION: Final = ".zst"
# What the list says of a package, by the words that the package itself has for it.
_WORDS: Final = {
    "pkgbase": "BASE", "pkgver": "VERSION", "pkgdesc": "DESC", "group": "GROUPS", "size": "ISIZE", "url": "URL", "license": "LICENSE",
    "arch": "ARCH", "builddate": "BUILDDATE", "packager": "PACKAGER", "replaces": "REPLACES", "conflict": "CONFLICTS",
    "provides": "PROVIDES", "depend": "DEPENDS", "optdepend": "OPTDEPENDS",
}  # fmt: skip


class Pacman:
    """Arch Linux and its kin. A list has the newest version of each package only; older ones stay beside it, for `pacman -U`."""

    format: Form = "arch"

    def identify(self, file: Path) -> Identity:
        fields = information(file, _COMPRESSION)
        return Identity(name=one(fields, "pkgname"), version=one(fields, "pkgver"), arch=one(fields, "arch"))

    def path(self, identity: Identity, name: str) -> str:
        return f"arch/{identity.arch}/{name}"

    def indices(self, packages: Sequence[Package], site: Site) -> Mapping[str, bytes]:
        signed = {p.held.path: site.openpgp.detached(p.file, epoch=p.held.epoch) for p in packages} if site.openpgp else {}
        made = {f"{path}.sig": signature for path, signature in signed.items()}
        for arch, found in by_arch(latest(packages).values()).items():
            for name, data in _lists(found, site, signed).items():
                made |= {f"arch/{arch}/{name}": data, f"arch/{arch}/{name}.tar.zst": data}
                if site.openpgp:
                    signature = site.detached(data)
                    made |= {f"arch/{arch}/{name}.sig": signature, f"arch/{arch}/{name}.tar.zst.sig": signature}
        return made

    def lines(self, site: Site, package: str) -> tuple[str, ...]:
        level = "Required" if site.openpgp else "Never"
        section = f"[{site.name}]\\nSigLevel = {level}\\nServer = {site.url}/arch/$arch\\n"
        write = f"printf '{section}' | sudo tee -a /etc/pacman.conf"
        install = f"sudo pacman -Sy {package}"
        if site.openpgp is None:
            return (write, install)
        key = site.openpgp.primary
        trust = f"curl -fsSL {site.url}/{site.public} | sudo pacman-key --add - && sudo pacman-key --lsign-key {key}"
        return (trust, write, install)


def _lists(packages: Sequence[Package], site: Site, signed: Mapping[str, bytes]) -> dict[str, bytes]:
    short: dict[str, bytes] = {}
    long: dict[str, bytes] = {}
    for package in packages:
        folder = f"{package.held.name}-{package.held.version}"
        about = "\n".join(_description(package, signed.get(package.held.path, b""))).encode()
        short |= {f"{folder}/desc": about}
        long |= {f"{folder}/desc": about, f"{folder}/files": "\n".join(["%FILES%", *_paths(package), ""]).encode()}
    return {f"{site.name}.db": _packed(short, site.epoch), f"{site.name}.files": _packed(long, site.epoch)}


def _packed(texts: Mapping[str, bytes], epoch: int) -> bytes:
    packed = io.BytesIO()
    with zstds.ZstdWriter(packed) as stream:
        stream.write(tar_of(texts, epoch))
    return packed.getvalue()


def _description(package: Package, signature: bytes) -> Iterator[str]:
    held, fields = package.held, information(package.file, _COMPRESSION)
    said = {"FILENAME": [held.path.rpartition("/")[2]], "NAME": [held.name], "CSIZE": [str(held.size)], "SHA256SUM": [held.sha256]}
    said |= {"PGPSIG": [base64.b64encode(signature).decode()]} if signature else {}
    said |= {word: fields[key] for key, word in _WORDS.items() if key in fields}
    for word, values in said.items():
        yield from (f"%{word}%", *values, "")


def _paths(package: Package) -> Iterator[str]:
    """The paths that a package installs; those of folders end with a slash."""
    with opened(package.file, _COMPRESSION) as tar:
        for member in tar:
            if not member.name.startswith("."):
                yield f"{member.name}/" if member.isdir() else member.name
