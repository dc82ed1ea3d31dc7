"""`rpm`: the package for Fedora, Red Hat, openSUSE and their kin.

nfpm writes it, which streams the payload. Libraries that the tree leaves to the system are asked for by their names, which every
distribution's packages provide: https://rpm-software-management.github.io/rpm/manual/dependencies.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from coldforge.bundle import BundleJob
from coldforge.bundle.linux import control, desktop, documents, nfpm, scripts
from coldforge.bundle.linux.installed import packaged
from coldforge.bundle.tree import Node, Tree
from coldforge.host import clock, files
from coldforge.plan import libraries, names
from coldforge.target import Target

# What rpm calls the files of a package that are no program: `rpm -qd`, and `--excludedocs` of small systems.
_KINDS: Final = {"usr/share/licenses/": "license", "usr/share/doc/": "doc", "usr/share/man/": "doc"}


_SCRIPTS: Final = {
    "before_install": "preinstall",
    "after_install": "postinstall",
    "before_remove": "preremove",
    "after_remove": "postremove",
}
# Folders that every system has, or several packages share; all else that a package brings is its own, and goes with it.
_SYSTEM: Final = re.compile(
    r"(etc|usr|opt|var|srv|boot)"
    r"|usr/(s?bin|lib|lib64|libexec|include|games|src|share)"
    r"|var/(lib|log|cache|spool|opt)"
    r"|etc/(xdg(/autostart)?|default|sysconfig|profile\.d|cron\.\w+|logrotate\.d|ld\.so\.conf\.d|modprobe\.d|sysctl\.d|sudoers\.d|pam\.d)"
    r"|(etc|usr/lib)/(systemd|udev|dbus-1|sysusers\.d|tmpfiles\.d|modules-load\.d|environment\.d|binfmt\.d|firewalld|polkit-1)(/.*)?"
    r"|usr/share/(applications|pixmaps|metainfo|licenses|doc|info|fonts|sounds|xsessions|wayland-sessions)"
    r"|usr/share/(icons|man|mime|locale|bash-completion|zsh|fish|dbus-1|polkit-1|lintian|help|gnome-shell|vim|emacs)(/.*)?"
)


class Rpm:
    """Writes the package with nfpm, every file of it named with owner, mode and time."""

    format = "rpm"
    templates: tuple[str, ...] = (documents.MANUAL, desktop.TEMPLATE)
    settings: tuple[str, ...] = ("rpm", "linux", "icon")
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        """The compressor is nfpm's own."""
        return nfpm.tool()

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        with files.scratch("rpm") as folder:
            own = documents.licences(job, job.package)
            content = packaged(job, tree, own, package=job.package, scratch=folder)
            nfpm.package({**configuration(job, content), **_beside(job, folder, tree.epoch)}, "rpm", out, tree.epoch)


def _beside(job: BundleJob, folder: Path, epoch: int) -> dict[str, Any]:
    """What nfpm reads from files of its own: the scripts, and the changelog, which says when this was released."""
    made: dict[str, str] = {}
    product = job.plan.product
    entry = {
        "semver": f"{names.rpm(names.Version.parse(product.version))}-{job.plan.config.rpm.revision}",
        "date": clock.iso(epoch),
        "packager": control.line(product.maintainer),
    }
    news = folder / "changelog.yaml"
    news.write_text(json.dumps([{**entry, "changes": [{"note": f"Release {product.version}."}]}]))
    for moment, body in scripts.bodies(job.project, job.plan.config.linux).items():
        path = folder / moment
        path.write_bytes(scripts.script(body, scripts.RPM[moment]))
        made[_SCRIPTS[moment]] = str(path)
    return {"changelog": str(news), "scripts": made}


def configuration(job: BundleJob, content: Tree) -> dict[str, Any]:
    """What nfpm is told."""
    plan, config = job.plan, job.plan.config.rpm
    product, needs = plan.product, job.payload.needs
    found = libraries.rpm(needs, "", "recommended")
    return {
        "name": job.package,
        "arch": Target.parse(job.target.target).debian_arch,  # nfpm takes Go's words, which are Debian's, and translates them
        "platform": "linux",
        # nfpm splits and rewrites a version that it understands; this one is final
        "version": names.rpm(names.Version.parse(product.version)),
        "version_schema": "none",
        "release": str(config.revision),
        "maintainer": control.line(product.maintainer),
        "description": f"{control.synopsis(product)}\n{control.extended(product)}",
        "homepage": control.line(product.homepage),
        "license": control.line(product.license) or "unknown",
        "mtime": clock.iso(content.epoch),
        "depends": [*dict.fromkeys([*libraries.rpm(needs, job.payload.glibc_floor), *map(control.line, config.depends)])],
        "recommends": [*dict.fromkeys([*found, *map(control.line, config.recommends)])],
        "suggests": [*map(control.line, config.suggests)],
        "conflicts": [*map(control.line, config.conflicts)],
        "provides": [*map(control.line, config.provides)],
        "replaces": [*map(control.line, config.replaces)],
        "disable_globbing": True,
        "contents": [_entry(node, content.epoch) for node in content if not node.is_directory or not _SYSTEM.fullmatch(node.path)],
        "rpm": {
            "buildhost": "coldforge",
            "summary": control.capitalised(product),
            "group": control.line(config.group),
            # every rpm since 4.14 reads it, of 2017; nfpm takes three times as long for 6, which is four per cent smaller
            "compression": "zstd:3",
        },
    }


def _entry(node: Node, epoch: int) -> dict[str, Any]:
    facts = {"owner": "root", "group": "root", "mode": node.mode, "mtime": clock.iso(epoch)}
    return {"dst": f"/{node.path}", "file_info": facts, **dict(_what(node))}


def _what(node: Node) -> Iterator[tuple[str, str]]:
    if node.link:
        yield from {"type": "symlink", "src": node.link}.items()
    elif node.source:
        kind = "config|noreplace" if node.config else next((kind for top, kind in _KINDS.items() if node.path.startswith(top)), "")
        yield from {"src": str(node.source), **({"type": kind} if kind else {})}.items()
    else:
        yield "type", "dir"
