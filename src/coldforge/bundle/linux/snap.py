"""`snap`: the package for Ubuntu's store and every system with snapd: a squashfs image with `meta/snap.yaml`.

`snap pack` writes the same bytes; it takes snapd to be installed, this does not.
Sources: https://snapcraft.io/docs/snap-format and https://snapcraft.io/docs/snapcraft-app-and-service-metadata
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from coldforge.bundle import BundleJob
from coldforge.bundle.linux import control, desktop, documents, share, squashfs
from coldforge.bundle.linux.installed import installed
from coldforge.bundle.tree import Tree
from coldforge.errors import Refused
from coldforge.host import files
from coldforge.plan import names, snaps
from coldforge.target import Target

_ICON: Final = "${SNAP}/meta/gui/icon"
# What a program with windows cannot show one without.
_WINDOWS: Final = ("desktop", "wayland", "x11")


class Snap:
    """Writes the image as `snap pack` does."""

    format = "snap"
    templates: tuple[str, ...] = (documents.MANUAL, desktop.TEMPLATE)
    settings: tuple[str, ...] = ("snap",)
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        return ""

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        with files.scratch("snap") as folder:
            package = snaps.name(job.plan.product, job.plan.config)
            made = [*documents.licences(job, package), *documents.manuals(job, tree), *metadata(job)]
            content = installed(job, tree, made, below=share.place(package), scratch=folder)
            compression = job.plan.config.snap.compression
            squashfs.write(content, out, ["-comp", compression, "-no-fragments", "-all-root"], job.tools)


def metadata(job: BundleJob) -> Iterator[tuple[str, bytes]]:
    """What snapd reads: the description, and the menu's entries with their icon."""
    import yaml

    product = job.plan.product
    yield "meta/snap.yaml", yaml.safe_dump(description(job), sort_keys=False, allow_unicode=True, width=1 << 16).encode()
    apps = snaps.apps(product, job.plan.config)
    icon = f"{_ICON}{Path(product.icon).suffix.lower()}"
    for executable, entry in desktop.entries(product, job.project):
        yield f"meta/gui/{apps[executable.name]}.desktop", _entry(entry, executable.name, snaps.command(job.plan, executable.name), icon)
    if product.icon:
        yield f"meta/gui/icon{Path(product.icon).suffix.lower()}", (job.project / product.icon).read_bytes()


def _entry(entry: bytes, executable: str, command: str, icon: str) -> bytes:
    """An entry of the menu in snapd's words: commands by the name that snapd gives them, the icon inside of the snap."""
    text = re.sub(r"(?m)^TryExec=.*\n", "", entry.decode())  # which snapd does not take
    text = re.sub(rf"(?m)^Exec={re.escape(executable)}(?=\s|$)", f"Exec={command}", text)
    return re.sub(r"(?m)^Icon=.*$", lambda _: f"Icon={icon}", text).encode()


def description(job: BundleJob) -> dict[str, Any]:
    """The values of snap.yaml: confined, and with no right that is not configured but those that a window takes."""
    product, config = job.plan.product, job.plan.config.snap
    version = names.Version.parse(product.version)
    name = snaps.name(product, job.plan.config)
    return {
        "name": name,
        "title": control.line(product.display_name or product.name)[:40],
        "version": names.semver(version),
        "summary": control.synopsis(product)[:78],
        "description": control.extended(product),
        **({"license": control.line(product.license)} if product.license else {}),
        "architectures": [Target.parse(job.target.target).debian_arch],
        "base": config.base or _base(job),
        "grade": config.grade or ("devel" if version.stage not in ("", "post") else "stable"),
        "confinement": config.confinement,
        "apps": {app: _app(job, executable, name) for executable, app in snaps.apps(product, job.plan.config).items()},
    }


def _base(job: BundleJob) -> str:
    if found := snaps.base(job.payload.glibc_floor):
        return found
    what = f"{job.artifact.name} would not start: its tree needs {job.payload.glibc_floor}, and no base for snaps that is known has it"
    known = ", ".join(snaps.BASES)
    hint = f"Freeze it in an older build image (`floor` in matrix.yml), or name a newer base than {known} in [tool.coldforge.snap]."
    raise Refused(what, hint=hint)


def _app(job: BundleJob, executable: str, package: str) -> dict[str, Any]:
    windowed = {each.name for each in job.plan.product.executables if not each.console}
    plugs = [*(_WINDOWS if executable in windowed else ()), *job.plan.config.snap.plugs]
    return {"command": f"usr/lib/{package}/{executable}", **({"plugs": list(dict.fromkeys(plugs))} if plugs else {})}
