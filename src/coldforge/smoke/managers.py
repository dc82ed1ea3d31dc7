"""Package managers, as values: which format each installs, in which words, and how a library is asked for.

No signature is demanded: what is tried was made a moment ago, and is named in the manifest by its digest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from coldforge.plan import libraries
from coldforge.project.images import Manager as Name
from coldforge.records import Need


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """One package manager: what is said before a package's file, before what is to be there, and before the name of what goes."""

    format: str
    install: Sequence[str]
    satisfy: Sequence[str]
    remove: Sequence[str]
    refresh: Sequence[str]

    def needed(self, needs: Sequence[Need], packages: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
        """What brings the libraries that a tree needs; `packages` are the tables of Debian and Arch Linux, by format."""
        if self.format == "rpm":
            return libraries.rpm(needs, "")
        if self.format == "apk":
            return tuple(f"so:{need.soname}" for need in needs if need.priority == "required")
        found = libraries.named(needs, packages[self.format])
        return (", ".join(found),) if found and self.format == "deb" else found  # `apt-get satisfy` takes a field's text


MANAGERS: Final[Mapping[Name, Manager]] = {
    "apt": Manager(
        format="deb",
        install=("apt-get", "install", "--yes", "--quiet", "--no-install-recommends"),
        satisfy=("apt-get", "satisfy", "--yes", "--quiet", "--no-install-recommends"),
        remove=("apt-get", "remove", "--yes", "--quiet"),
        refresh=("apt-get", "update", "--quiet"),
    ),
    "dnf": Manager(
        format="rpm",
        install=("dnf", "install", "--assumeyes", "--quiet", "--nogpgcheck", "--setopt=install_weak_deps=False"),
        satisfy=("dnf", "install", "--assumeyes", "--quiet", "--setopt=install_weak_deps=False"),
        remove=("dnf", "remove", "--assumeyes", "--quiet", "--noautoremove"),
        refresh=("dnf", "makecache", "--quiet"),
    ),
    "zypper": Manager(
        format="rpm",
        install=("zypper", "--non-interactive", "--no-gpg-checks", "install", "--no-recommends", "--allow-unsigned-rpm"),
        satisfy=("zypper", "--non-interactive", "install", "--no-recommends", "--capability"),
        remove=("zypper", "--non-interactive", "remove"),
        refresh=("zypper", "--non-interactive", "refresh"),
    ),
    "pacman": Manager(
        format="arch",
        install=("pacman", "--upgrade", "--noconfirm"),
        satisfy=("pacman", "--sync", "--noconfirm", "--needed"),
        remove=("pacman", "--remove", "--noconfirm"),
        refresh=("pacman", "--sync", "--refresh"),
    ),
    "apk": Manager(
        format="apk",
        install=("apk", "add", "--allow-untrusted"),
        satisfy=("apk", "add"),
        remove=("apk", "del"),
        refresh=("apk", "update"),
    ),
}
