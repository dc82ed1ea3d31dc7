"""`deb`: the package for Debian, Ubuntu and their kin.

    /usr/lib/<package>/            the tree
    /usr/bin/<executable>          -> ../lib/<package>/<executable>
    /usr/share/doc/<package>/      copyright, changelog.Debian.gz
    /usr/share/man/man1/           a page for each executable
    /usr/share/applications/, /usr/share/icons/hicolor/   for what belongs into a menu

Layout and names follow Debian Policy 4.7; what lintian would still say of a frozen tree is explained
in the overrides that the package carries.
"""

from __future__ import annotations

import gzip
import io
import string
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from coldforge import recipes
from coldforge.bundle import BundleJob, nfpm
from coldforge.bundle.tree import Node, Tree
from coldforge.host import clock, files
from coldforge.plan import names
from coldforge.project.config import Executable, Product
from coldforge.target import Target

TEMPLATES: Final = tuple(f"build/templates/deb/{name}" for name in ("copyright", "changelog", "manual.1", "desktop", "lintian-overrides"))
# Sonames that frozen programs most often leave to the system, with Debian's packages for them.
PACKAGES: Final = {
    "libz.so.1": "zlib1g", "libX11.so.6": "libx11-6", "libxcb.so.1": "libxcb1", "libGL.so.1": "libgl1", "libEGL.so.1": "libegl1",
    "libgcc_s.so.1": "libgcc-s1", "libstdc++.so.6": "libstdc++6", "libcrypt.so.1": "libcrypt1", "libtinfo.so.6": "libtinfo6",
    "libdrm.so.2": "libdrm2", "libwayland-client.so.0": "libwayland-client0", "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1", "libglib-2.0.so.0": "libglib2.0-0 | libglib2.0-0t64", "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6", "libdbus-1.so.3": "libdbus-1-3", "libasound.so.2": "libasound2 | libasound2t64",
    "libXft.so.2": "libxft2", "libXext.so.6": "libxext6", "libXrender.so.1": "libxrender1", "libXss.so.1": "libxss1",
}  # fmt: skip


class Deb:
    """Writes the package with nfpm, every file of it named with owner, mode and time."""

    format = "deb"
    templates: tuple[str, ...] = TEMPLATES

    def tool(self) -> str:
        return nfpm.tool()

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        with files.scratch("deb") as folder:
            nfpm.package(configuration(job, tree, folder), "deb", out, tree.epoch)


def configuration(job: BundleJob, tree: Tree, scratch: Path) -> dict[str, Any]:
    """What nfpm is told. Generated files are put into `scratch`; nothing of its path gets into the package."""
    plan, config = job.plan, job.plan.config.deb
    product = plan.product
    package = config.package or names.debian_package(product.name)
    version = names.debian(names.Version.parse(product.version), config.revision)
    return {
        "name": package,
        "arch": Target.parse(job.target.target).debian_arch,
        "platform": "linux",
        # nfpm splits and rewrites a version that it understands; this one is final
        "version": version.rpartition("-")[0],
        "version_schema": "none",
        "release": str(config.revision),
        "section": config.section,
        "priority": config.priority,
        "maintainer": product.maintainer,
        "description": f"{description(product.summary or product.display_name, product.name)}\n{extended(product)}",
        "homepage": product.homepage,
        "license": product.license,
        "mtime": clock.iso(tree.epoch),
        "depends": depends(job),
        "recommends": list(config.recommends),
        "suggests": list(config.suggests),
        "conflicts": list(config.conflicts),
        "disable_globbing": True,
        "contents": [*_tree(tree, package), *_launchers(job, package, tree.epoch), *_texts(job, package, tree.epoch, scratch)],
        "deb": {"compression": "zstd"},  # dpkg reads it since 1.21.18, Debian 12; two seconds instead of minutes for xz
    }


def description(summary: str, name: str) -> str:
    """A synopsis as the archive wants it: not starting with the name, no full stop, at most 80 characters."""
    text = " ".join(summary.split()).rstrip(".")
    for prefix in (f"{name}: ", f"{name} - ", f"{name} is "):
        text = text[len(prefix) :] if text.lower().startswith(prefix.lower()) else text
    return text[:80].strip() or "frozen application"


def extended(product: Product) -> str:
    """The longer text below the synopsis."""
    text = " ".join(product.description.split()) or f"{product.display_name} with everything that it needs to run."
    return "\n".join(textwrap.wrap(text, 78)[:20])


def depends(job: BundleJob) -> list[str]:
    """The C library as new as the tree needs it, packages of what the tree takes from the system, what the user adds."""
    floor = job.payload.glibc_floor.removeprefix("glibc-")
    own = [f"libc6 (>= {floor})"] if floor else []
    found = sorted({PACKAGES[soname] for soname in job.payload.requires if soname in PACKAGES})
    return list(dict.fromkeys([*own, *found, *job.plan.config.deb.depends]))


def _file(source: Path | None, path: str, mode: int, epoch: int, kind: str = "") -> dict[str, Any]:
    info = {"owner": "root", "group": "root", "mode": mode, "mtime": clock.iso(epoch)}
    entry: dict[str, Any] = {"dst": path, "file_info": info}
    if source is not None:
        entry["src"] = str(source)
    if kind:
        entry["type"] = kind
    return entry


def _tree(tree: Tree, package: str) -> Iterator[dict[str, Any]]:
    yield _file(None, f"/usr/lib/{package}", 0o755, tree.epoch, "dir")
    for node in tree:
        path = f"/usr/lib/{package}/{node.path}"
        if node.link:
            yield {**_file(None, path, 0o777, tree.epoch, "symlink"), "src": node.link}
        elif node.is_directory:
            yield _file(None, path, 0o755, tree.epoch, "dir")
        else:
            yield _file(node.source, path, _mode(node), tree.epoch)


def _mode(node: Node) -> int:
    """Shared libraries are not executable in a package (Debian Policy 10.2)."""
    return 0o644 if ".so" in node.path.rpartition("/")[2] else node.mode


def _launchers(job: BundleJob, package: str, epoch: int) -> Iterator[dict[str, Any]]:
    for executable in job.plan.product.executables:
        link = _file(None, f"/usr/bin/{executable.name}", 0o777, epoch, "symlink")
        yield {**link, "src": f"../lib/{package}/{executable.name}"}


def _texts(job: BundleJob, package: str, epoch: int, scratch: Path) -> Iterator[dict[str, Any]]:
    """Documents, manual pages and desktop files, written into `scratch`."""
    product = job.plan.product
    values = _values(job, package, epoch)
    made: dict[str, bytes] = {
        f"/usr/share/doc/{package}/copyright": _template(job, "copyright", values),
        f"/usr/share/doc/{package}/changelog.Debian.gz": _gzip(_template(job, "changelog", values)),
        f"/usr/share/lintian/overrides/{package}": _template(job, "lintian-overrides", values),
    }
    for executable in product.executables:
        made[f"/usr/share/man/man1/{executable.name}.1.gz"] = _gzip(_manual(job, executable, values))
        if not executable.console:
            made[f"/usr/share/applications/{executable.name}.desktop"] = _template(job, "desktop", _menu(job, executable, values))
    if product.icon and any(not executable.console for executable in product.executables):
        made[_icon_path(job)] = (job.project / product.icon).read_bytes()
    for number, (path, data) in enumerate(sorted(made.items())):
        source = scratch / str(number)
        source.write_bytes(data)
        yield _file(source, path, 0o644, epoch)


def _values(job: BundleJob, package: str, epoch: int) -> dict[str, str]:
    product, config = job.plan.product, job.plan.config.deb
    texts = [(job.project / name).read_text(encoding="utf-8", errors="replace") for name in product.license_files]
    licence = "\n".join(f" {line}" if line.strip() else " ." for line in "\n".join(texts).splitlines()) or " See the project's home page."
    return {
        "package": package,
        "name": product.display_name,
        "version": names.debian(names.Version.parse(product.version), config.revision),
        "upstream_version": product.version,
        "summary": description(product.summary or product.display_name, product.name),
        "homepage": product.homepage,
        "maintainer": product.maintainer,
        "license": product.license.split()[0] if product.license else "unknown",
        "license_text": licence,
        "date": clock.rfc2822(epoch),
        "day": clock.iso(epoch)[:10],
        "year": clock.iso(epoch)[:4],
    }


def _template(job: BundleJob, name: str, values: dict[str, str]) -> bytes:
    path = recipes.find(f"build/templates/deb/{name}", job.project)
    return string.Template(path.read_text(encoding="utf-8")).substitute(values).encode()


def _manual(job: BundleJob, executable: Executable, values: dict[str, str]) -> bytes:
    """The project's own page if it has one, else a short one."""
    own = job.project / "man" / f"{executable.name}.1"
    if own.is_file():
        return own.read_bytes()
    escaped = {key: value.replace("\\", "\\e").replace("-", "\\-") for key, value in values.items()}
    title = {"executable": executable.name.replace("-", "\\-"), "title": executable.name.upper()}
    return _template(job, "manual.1", {**escaped, **title, "day": values["day"]})


def _menu(job: BundleJob, executable: Executable, values: dict[str, str]) -> dict[str, str]:
    icon = Path(_icon_path(job)).stem if job.plan.product.icon else ""
    categories = "".join(f"{category};" for category in job.plan.product.categories) or "Utility;"
    return {**values, "executable": executable.name, "icon": icon, "categories": categories}


def _icon_path(job: BundleJob) -> str:
    """hicolor's place for the icon at its own size; nothing is scaled."""
    product = job.plan.product
    name = product.identifier or names.debian_package(product.name)
    source = job.project / product.icon
    if source.suffix == ".svg":
        return f"/usr/share/icons/hicolor/scalable/apps/{name}.svg"
    width = int.from_bytes(source.read_bytes()[16:20], "big")
    return f"/usr/share/icons/hicolor/{width}x{width}/apps/{name}.png"


def _gzip(data: bytes) -> bytes:
    """As `gzip -9n` does."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as stream:
        stream.write(data)
    return buffer.getvalue()
