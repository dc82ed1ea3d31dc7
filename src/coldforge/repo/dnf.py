"""dnf, yum and zypper: `rpm/<architecture>/` with the packages, `repodata/` with three lists and what names them.

Source: https://github.com/rpm-software-management/createrepo_c, whose lists these are compared with in the tests.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

from coldforge.filetypes import gzips, rpm
from coldforge.repo import Form, Identity, Package, Site, by_arch
from coldforge.repo.rpmtags import Tag

_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE: Final = "http://linux.duke.edu/metadata"
_COMPARED: Final = {2: "LT", 4: "GT", 8: "EQ", 10: "LE", 12: "GE"}  # by the bits of a relation's flags
_EARLY: Final = 1 << 6 | 1 << 9 | 1 << 10  # a relation that must hold before a package's scripts run
_RPMLIB: Final = 1 << 24  # a relation that rpm itself fulfils
_GHOST: Final = 1 << 6
_PAYLOAD_SIZE: Final = 1007  # in the header of signatures
_DIRECTORY: Final = 0o040000
_KIND: Final = 0o170000
_SIGNED: Final = (Tag.DSAHEADER, Tag.RSAHEADER)
_CHANGES: Final = 10  # entries of a changelog
_NO_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The files that are in the first list already, so that nothing more need be fetched to find who brings a program.
_PROMINENT: Final = re.compile(r"/etc/|.*bin/|/usr/lib/sendmail$")
_RELATIONS: Final = {
    "provides": (Tag.PROVIDENAME, Tag.PROVIDEVERSION, Tag.PROVIDEFLAGS),
    "requires": (Tag.REQUIRENAME, Tag.REQUIREVERSION, Tag.REQUIREFLAGS),
    "conflicts": (Tag.CONFLICTNAME, Tag.CONFLICTVERSION, Tag.CONFLICTFLAGS),
    "obsoletes": (Tag.OBSOLETENAME, Tag.OBSOLETEVERSION, Tag.OBSOLETEFLAGS),
    "suggests": (Tag.SUGGESTNAME, Tag.SUGGESTVERSION, Tag.SUGGESTFLAGS),
    "recommends": (Tag.RECOMMENDNAME, Tag.RECOMMENDVERSION, Tag.RECOMMENDFLAGS),
}


class Dnf:
    """Fedora, Red Hat, openSUSE and their kin."""

    format: Form = "rpm"

    def identify(self, file: Path) -> Identity:
        with file.open("rb") as stream:
            _, header = rpm.headers(stream)
        version = f"{header.text(Tag.VERSION)}-{header.text(Tag.RELEASE)}"
        return Identity(name=header.text(Tag.NAME), version=version, arch=header.text(Tag.ARCH))

    def path(self, identity: Identity, name: str) -> str:
        return f"rpm/{identity.arch}/{name}"

    def indices(self, packages: Sequence[Package], site: Site) -> Mapping[str, bytes]:
        made: dict[str, bytes] = {}
        signed = bool(packages) and all(map(_is_signed, packages))
        for arch, found in by_arch(packages).items():
            made |= {f"rpm/{arch}/repodata/{name}": data for name, data in _repodata(found, site).items()}
        made[f"rpm/{site.name}.repo"] = _settings(site, signed=signed).encode()
        return made

    def lines(self, site: Site, package: str) -> tuple[str, ...]:
        return (
            f"sudo curl -fsSL {site.url}/rpm/{site.name}.repo -o /etc/yum.repos.d/{site.name}.repo",
            f"sudo dnf install {package}",
        )


def _settings(site: Site, *, signed: bool) -> str:
    """The file that tells dnf of the repository. The signed list vouches for the packages, whether they are signed themselves or not."""
    key = f"gpgkey={site.url}/{site.public}\n" if site.openpgp else ""
    checks = f"repo_gpgcheck={int(bool(site.openpgp))}\ngpgcheck={int(signed and bool(site.openpgp))}\n"
    return f"[{site.name}]\nname={site.name}\nbaseurl={site.url}/rpm/$basearch\nenabled=1\n{checks}{key}"


def _is_signed(package: Package) -> bool:
    with package.file.open("rb") as stream:
        signatures, _ = rpm.headers(stream)
    return any(tag in signatures.entries for tag in _SIGNED)


def _repodata(packages: Sequence[Package], site: Site) -> dict[str, bytes]:
    facts = [(package, *_headers(package.file)) for package in packages]
    primary = "".join(_primary(package, header) for package, _, header in facts)
    common = f'xmlns="{_NAMESPACE}/common" xmlns:rpm="{_NAMESPACE}/rpm"'
    lists = {
        "primary": f'{_HEAD}<metadata {common} packages="{len(facts)}">\n{primary}</metadata>\n',
        "filelists": _list("filelists", [_filelist(package, header) for package, _, header in facts]),
        "other": _list("otherdata", [_changes(package, header) for package, _, header in facts], "other"),
    }
    made: dict[str, bytes] = {}
    data = "".join(_data(kind, text.encode(), site.epoch, made) for kind, text in lists.items())
    head = f'xmlns="{_NAMESPACE}/repo" xmlns:rpm="{_NAMESPACE}/rpm"'
    top = f"{_HEAD}<repomd {head}>\n  <revision>{site.epoch}</revision>\n{data}</repomd>\n".encode()
    if site.openpgp:
        made["repomd.xml.key"] = site.openpgp.public()
        made["repomd.xml.asc"] = site.detached(top, armor=True)
    made["repomd.xml"] = top
    return made


def _list(top: str, packages: Sequence[str], namespace: str = "") -> str:
    return f'{_HEAD}<{top} xmlns="{_NAMESPACE}/{namespace or top}" packages="{len(packages)}">\n{"".join(packages)}</{top}>\n'


def _headers(file: Path) -> tuple[rpm.Header, rpm.Header]:
    with file.open("rb") as stream:
        return rpm.headers(stream)


def _data(kind: str, text: bytes, epoch: int, made: dict[str, bytes]) -> str:
    """What names one list; the list itself goes into `made` under its digest."""
    packed = gzips.small(text)
    digest, plain = (hashlib.sha256(data).hexdigest() for data in (packed, text))
    made[f"{digest}-{kind}.xml.gz"] = packed
    return (
        f'  <data type="{kind}">\n    <checksum type="sha256">{digest}</checksum>\n'
        f'    <open-checksum type="sha256">{plain}</open-checksum>\n'
        f'    <location href="repodata/{digest}-{kind}.xml.gz"/>\n    <timestamp>{epoch}</timestamp>\n'
        f"    <size>{len(packed)}</size>\n    <open-size>{len(text)}</open-size>\n  </data>\n"
    )


def _text(value: str) -> str:
    """A text between tags or quotes; what no XML document may hold is left out."""
    return escape(_NO_XML.sub("", value))


def _version(header: rpm.Header) -> str:
    epoch = next(iter(header.numbers(Tag.EPOCH)), 0)
    return f'<version epoch="{epoch}" ver="{_text(header.text(Tag.VERSION))}" rel="{_text(header.text(Tag.RELEASE))}"/>'


def _number(header: rpm.Header, *tags: int) -> int:
    return next((value for tag in tags for value in header.numbers(tag)), 0)


def _primary(package: Package, header: rpm.Header) -> str:
    held, name = package.held, package.held.path.rpartition("/")[2]
    signatures, _ = _headers(package.file)
    words = {"summary": Tag.SUMMARY, "description": Tag.DESCRIPTION, "packager": Tag.PACKAGER, "url": Tag.URL}
    shown = "".join(f"  <{word}>{_text(header.text(tag))}</{word}>\n" for word, tag in words.items())
    own = {"license": Tag.LICENSE, "vendor": Tag.VENDOR, "group": Tag.GROUP, "buildhost": Tag.BUILDHOST, "sourcerpm": Tag.SOURCERPM}
    about = "".join(f"    <rpm:{word}>{_text(header.text(tag))}</rpm:{word}>\n" for word, tag in own.items())
    relations = "".join(_relations(word, header, *tags) for word, tags in _RELATIONS.items())
    prominent = "".join(f"    {line}\n" for path, line in _files(header) if _PROMINENT.match(path))
    installed = _number(header, Tag.LONGSIZE, Tag.SIZE)
    archive = _number(signatures, _PAYLOAD_SIZE) or _number(header, Tag.ARCHIVESIZE)
    return (
        f'<package type="rpm">\n  <name>{_text(held.name)}</name>\n  <arch>{_text(held.arch)}</arch>\n  {_version(header)}\n'
        f'  <checksum type="sha256" pkgid="YES">{held.sha256}</checksum>\n{shown}'
        f'  <time file="{held.epoch}" build="{_number(header, Tag.BUILDTIME)}"/>\n'
        f'  <size package="{held.size}" installed="{installed}" archive="{archive}"/>\n  <location href="{_text(name)}"/>\n'
        f'  <format>\n{about}    <rpm:header-range start="{header.start}" end="{header.end}"/>\n'
        f"{relations}{prominent}  </format>\n</package>\n"
    )


def _relations(word: str, header: rpm.Header, names: int, versions: int, flags: int) -> str:
    found = zip(header.texts(names), header.texts(versions), header.numbers(flags), strict=True)
    lines = dict.fromkeys(_relation(*one) for one in found if not one[2] & _RPMLIB and not one[0].startswith("rpmlib("))
    return f"    <rpm:{word}>\n{''.join(lines)}    </rpm:{word}>\n" if lines else ""


def _relation(name: str, version: str, flags: int) -> str:
    parts = {"name": name}
    if version and (compared := _COMPARED.get(flags & 0xE)):
        before, colon, rest = version.partition(":")
        number, dash, release = (rest if colon else version).rpartition("-")
        parts |= {"flags": compared, "epoch": before if colon else "0", "ver": number if dash else release}
        parts |= {"rel": release} if dash else {}
    parts |= {"pre": "1"} if flags & _EARLY else {}
    attributes = "".join(f' {key}="{_text(value)}"' for key, value in parts.items())
    return f"      <rpm:entry{attributes}/>\n"


def _files(header: rpm.Header) -> Iterator[tuple[str, str]]:
    """Every file of a package: its path, and its line in a list."""
    folders = header.texts(Tag.DIRNAMES)
    facts = (header.numbers(Tag.DIRINDEXES), header.texts(Tag.BASENAMES), header.numbers(Tag.FILEMODES), header.numbers(Tag.FILEFLAGS))
    for folder, name, mode, flags in zip(*facts, strict=True):
        path = f"{folders[folder]}{name}"
        kind = ' type="dir"' if mode & _KIND == _DIRECTORY else ' type="ghost"' if flags & _GHOST else ""
        yield path, f"<file{kind}>{_text(path)}</file>"


def _package(package: Package, header: rpm.Header) -> str:
    held = package.held
    return f'<package pkgid="{held.sha256}" name="{_text(held.name)}" arch="{_text(held.arch)}">\n  {_version(header)}\n'


def _changes(package: Package, header: rpm.Header) -> str:
    """The last entries of a package's changelog, the oldest of them first."""
    parts = (header.texts(Tag.CHANGELOGNAME), header.numbers(Tag.CHANGELOGTIME), header.texts(Tag.CHANGELOGTEXT))
    entries = list(zip(*parts, strict=True))[:_CHANGES]
    lines = (f'  <changelog author="{_text(who)}" date="{when}">{_text(text)}</changelog>\n' for who, when, text in reversed(entries))
    return f"{_package(package, header)}{''.join(lines)}</package>\n"


def _filelist(package: Package, header: rpm.Header) -> str:
    lines = "".join(f"  {line}\n" for _, line in _files(header))
    return f"{_package(package, header)}{lines}</package>\n"
