"""`deb`: the package for Debian, Ubuntu and their kin.

    /usr/lib/<package>/            the tree
    /usr/bin/<executable>          -> ../lib/<package>/<executable>
    /usr/share/doc/<package>/      copyright, changelog.Debian.gz
    /usr/share/man/man1/           a page for each executable
    /usr/share/applications/, /usr/share/icons/hicolor/   for what belongs into a menu

Layout and names follow Debian Policy 4.7; what lintian would still say of a frozen tree is explained
in the overrides that the package carries. The container is that of deb(5).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Final

from coldforge.bundle import BundleJob, tars
from coldforge.bundle.linux import control, desktop, documents, scripts
from coldforge.bundle.linux.installed import packaged
from coldforge.bundle.tree import Tree
from coldforge.filetypes import gzips, zstds
from coldforge.host import files
from coldforge.plan import libraries, names
from coldforge.target import Target

_FORMAT: Final = b"2.0\n"
_COLLECT: Final = " Or install the library where the freeze runs, so that it is collected."
_SCRIPTS: Final = {"before_install": "preinst", "after_install": "postinst", "before_remove": "prerm", "after_remove": "postrm"}


class Deb:
    """Writes the package: an ar archive of two tars, the second as large as the tree."""

    format = "deb"
    templates: tuple[str, ...] = (*documents.TEMPLATES, desktop.TEMPLATE, libraries.DEBIAN)
    settings: tuple[str, ...] = ("deb", "linux", "icon")
    digests: tuple[str, ...] = ("md5",)

    def tool(self) -> str:
        """The compressors, of which the floor decides."""
        return f"{tars.gzip_tool()}; {tars.zstd_tool()}"

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        _check(job)
        with files.scratch("deb") as folder:
            package = job.package
            own = documents.debian(job, tree, package)
            content = packaged(job, tree, own, package=package, scratch=folder)
            data, suffix = folder / "data", compression(job.target.floor or job.payload.glibc_floor)
            with data.open("wb") as raw, zstds.ZstdWriter(raw) if suffix == "zst" else gzips.GzipWriter(raw) as stream:
                tars.write(content, stream, below=".", form=tars.GNU)
            about = gzips.small(tars.texts(members(job, content), tree.epoch) + tars.END)
            with out.open("wb") as raw:
                _archive(raw, {"debian-binary": _FORMAT, "control.tar.gz": about, f"data.tar.{suffix}": data}, tree.epoch)


def _packages(job: BundleJob) -> dict[str, str]:
    """The packages of all libraries: the table's, and what the project says."""
    return control.packages(job, libraries.DEBIAN, job.plan.config.deb.libraries)


def _check(job: BundleJob) -> None:
    """Raises Refused when the package would be installed without a library that it cannot start without."""
    control.check(job, _packages(job), job.plan.config.deb.depends, of="Debian", also=_COLLECT)


def compression(floor: str) -> str:
    """What dpkg reads on every system that the floor promises: zstd since 1.21.18, of Debian 12; Debian 11 has glibc 2.31."""
    old = tuple(int(part) for part in floor.removeprefix("glibc-").split(".") if part.isdecimal()) <= (2, 31)
    return "gz" if floor and old else "zst"


def members(job: BundleJob, content: Tree) -> dict[str, bytes]:
    """The files of the control archive."""
    made = {"./control": control.paragraph(fields(job, content)), "./md5sums": "".join(_sums(content)).encode()}
    if kept := control.conffiles(content):
        made["./conffiles"] = kept
    bodies = scripts.bodies(job.project, job.plan.config.linux)
    if "after_install" in bodies:  # preinst leaves word for it
        bodies = {"before_install": "", **bodies}
    return {**made, **maintainer_scripts(bodies, scripts.DPKG)}


def maintainer_scripts(bodies: Mapping[str, str], entries: Mapping[str, str]) -> dict[str, bytes]:
    """The scripts by their names in a control archive; `entries` is how each finds out why it runs."""
    return {f"./{_SCRIPTS[moment]}": scripts.script(body, entries[moment]) for moment, body in bodies.items()}


def fields(job: BundleJob, content: Tree) -> dict[str, str]:
    """The control file's fields, those without a value too (Debian Policy 5.3)."""
    product, config, packages = job.plan.product, job.plan.config.deb, _packages(job)
    return {
        "Package": job.package,
        "Version": names.debian(names.Version.parse(product.version), config.revision),
        "Architecture": Target.parse(job.target.target).debian_arch,
        "Maintainer": product.maintainer,
        "Installed-Size": str(installed_size(content)),
        "Depends": ", ".join(control.depends(job.payload, packages, config.depends)),
        "Recommends": ", ".join(control.recommends(job.payload, packages, config.recommends)),
        "Suggests": ", ".join(config.suggests),
        "Conflicts": ", ".join(config.conflicts),
        "Provides": ", ".join(config.provides),
        "Replaces": ", ".join(config.replaces),
        "Section": config.section,
        "Priority": config.priority,
        "Homepage": product.homepage,
        "Description": f"{control.synopsis(product)}\n{control.extended(product)}",
    }


def installed_size(content: Tree) -> int:
    """KiB on a disk, each file rounded up, as dpkg-gencontrol counts (deb-substvars(5))."""
    return sum((node.size + 1023) // 1024 if node.source else 1 for node in content)


def _sums(content: Tree) -> Iterator[str]:
    """What `dpkg --verify` compares with; MD5 is what that file has to hold (deb-md5sums(5))."""
    for node in content:
        if node.source and not node.config:  # dpkg itself remembers the sums of those
            yield f"{node.digest('md5')}  {node.path}\n"


def _archive(raw: IO[bytes], parts: Mapping[str, bytes | Path], epoch: int) -> None:
    """An ar archive, as deb(5) has it: no name tables, no trailing slashes."""
    raw.write(b"!<arch>\n")
    for part, content in parts.items():
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        raw.write(f"{part:<16}{epoch:<12}{0:<6}{0:<6}{'100644':<8}{size:<10}`\n".encode())
        if isinstance(content, bytes):
            raw.write(content)
        else:
            with content.open("rb") as stream:
                shutil.copyfileobj(stream, raw, files.CHUNK)
        raw.write(b"\n" * (size % 2))
