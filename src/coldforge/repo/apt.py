"""apt: `apt/dists/stable/` with its lists, also under the names of their digests, `apt/pool/` with the packages.

Source: https://wiki.debian.org/DebianRepository/Format
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from coldforge.filetypes import gzips
from coldforge.host import clock
from coldforge.inspect import contents
from coldforge.repo import Form, Identity, Package, Site, by_arch

SUITE: Final = "stable"
COMPONENT: Final = "main"
_DISTS: Final = f"apt/dists/{SUITE}"


class Apt:
    """Debian, Ubuntu and their kin."""

    format: Form = "deb"

    def identify(self, file: Path) -> Identity:
        fields = dict(_fields(_control(file)))
        return Identity(name=fields["Package"], version=fields["Version"], arch=fields["Architecture"])

    def path(self, identity: Identity, name: str) -> str:
        return f"apt/pool/{COMPONENT}/{identity.name[0]}/{identity.name}/{name}"

    def indices(self, packages: Sequence[Package], site: Site) -> Mapping[str, bytes]:
        lists: dict[str, bytes] = {}
        for arch, found in by_arch(packages).items():
            text = "\n".join(map(_paragraph, found)).encode()
            place = f"{COMPONENT}/binary-{arch}"
            lists |= {f"{place}/Packages": text, f"{place}/Packages.gz": gzips.small(text)}
        hashed = {f"{place.rpartition('/')[0]}/by-hash/SHA256/{hashlib.sha256(data).hexdigest()}": data for place, data in lists.items()}
        release = _release(site, sorted(by_arch(packages)), lists)
        made = {**hashed, **lists, "Release": release}
        if site.openpgp:
            made |= {"Release.gpg": site.detached(release, armor=True), "InRelease": site.clear(release)}
        return {f"{_DISTS}/{place}": data for place, data in made.items()}

    def lines(self, site: Site, package: str) -> tuple[str, ...]:
        key = f"/usr/share/keyrings/{site.public}"
        trust = f"signed-by={key}" if site.openpgp else "trusted=yes"
        source = f'echo "deb [{trust}] {site.url}/apt {SUITE} {COMPONENT}" | sudo tee /etc/apt/sources.list.d/{site.name}.list'
        install = f"sudo apt-get update && sudo apt-get install {package}"
        fetch = [f"sudo curl -fsSL {site.url}/{site.public} -o {key}"] if site.openpgp else []
        return (*fetch, source, install)


def _control(file: Path) -> str:
    with file.open("rb") as stream:
        return contents.control(stream)


def _fields(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        key, separator, value = line.partition(":")
        if separator and not line.startswith((" ", "\t")):
            yield key, value.strip()


def _paragraph(package: Package) -> str:
    """What the list says of a package: what it says of itself, where it lies, and its digest."""
    held = package.held
    own = {"Filename": held.path.removeprefix("apt/"), "Size": str(held.size), "SHA256": held.sha256}
    text = _control(package.file).strip("\n")
    if len(text.split("\n\n")) > 1 or own.keys() & dict(_fields(text)).keys():
        raise ValueError("its control file is more than one paragraph about one package")
    return "\n".join([text, *(f"{key}: {value}" for key, value in own.items()), ""])


def _release(site: Site, arches: Sequence[str], lists: Mapping[str, bytes]) -> bytes:
    fields = {
        "Origin": site.name,
        "Label": site.name,
        "Suite": SUITE,
        "Codename": SUITE,
        "Date": clock.rfc2822(site.epoch).replace("+0000", "UTC"),
        "Architectures": " ".join(arches),
        "Components": COMPONENT,
        "Description": f"Packages of {site.name}",
        "Acquire-By-Hash": "yes",
        "SHA256": "".join(f"\n {hashlib.sha256(data).hexdigest()} {len(data):>9} {place}" for place, data in sorted(lists.items())),
    }
    return "".join(f"{key}: {value}\n" if key != "SHA256" else f"{key}:{value}\n" for key, value in fields.items()).encode()
