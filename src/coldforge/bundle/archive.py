"""`tar.gz`: the tree in one folder `<name>-<version>/`, with the licence files beside the program."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from pathlib import Path
from typing import IO

from coldforge.bundle import BundleJob
from coldforge.bundle.tree import Node, Tree
from coldforge.plan import names

# Level 6 of zlib: 9 takes four times as long for one per cent on frozen trees.
LEVEL = 6


class Archive:
    """Streams the tree through tar and gzip; memory stays flat."""

    format = "tar.gz"
    templates: tuple[str, ...] = ()

    def tool(self) -> str:
        return f"tarfile + zlib {zlib.ZLIB_RUNTIME_VERSION} level {LEVEL}"

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        product = job.plan.product
        folder = names.archive_folder(product.name, names.Version.parse(product.version))
        with out.open("wb") as raw, compressed(raw) as stream, tarfile.open(mode="w|", fileobj=stream, format=tarfile.PAX_FORMAT) as tar:
            tar.addfile(_info(folder, tarfile.DIRTYPE, 0o755, tree.epoch))
            for node in tree:
                add(tar, node, f"{folder}/{node.path}", tree.epoch)
            taken = {node.path for node in tree}
            for name in product.license_files:
                if name not in taken and "/" not in name:
                    data = (job.project / name).read_bytes()
                    info = _info(f"{folder}/{name}", tarfile.REGTYPE, 0o644, tree.epoch)
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))


def compressed(raw: IO[bytes]) -> gzip.GzipFile:
    """A gzip stream without name and time (RFC 1952: MTIME 0 means none)."""
    return gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=raw, mtime=0)


def add(tar: tarfile.TarFile, node: Node, name: str, epoch: int) -> None:
    """Add one entry of the tree under `name`."""
    if node.source is not None:
        info = _info(name, tarfile.REGTYPE, node.mode, epoch)
        info.size = node.size
        with node.source.open("rb") as stream:
            tar.addfile(info, stream)
    elif node.link:
        info = _info(name, tarfile.SYMTYPE, 0o777, epoch)
        info.linkname = node.link
        tar.addfile(info)
    else:
        tar.addfile(_info(name, tarfile.DIRTYPE, node.mode, epoch))


def _info(name: str, kind: bytes, mode: int, epoch: int) -> tarfile.TarInfo:
    """Owner 0 without a name, one time: nothing of the machine."""
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.mtime = kind, mode, epoch
    return info
