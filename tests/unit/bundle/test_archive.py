"""The archive is read back as what went in, by a reader of its own, and holds nothing of the machine."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tempfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from coldforge.bundle import tars
from coldforge.bundle.archive import TarGz, TarZst, with_licences
from coldforge.bundle.tree import Node, Tree, load
from coldforge.filetypes import gzips
from support import payloads

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=120).filter(
    lambda name: name not in (".", "..") and len(name.encode()) <= 200
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
CONTENTS = st.tuples(st.binary(max_size=2000), st.sampled_from([0o644, 0o755]))


def write(tree: Tree, out: io.BytesIO) -> None:
    with gzips.GzipWriter(out) as stream:
        tars.write(tree, stream, below="top")


def read(data: bytes) -> dict[str, tuple[bytes, int, int, str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert all((m.uid, m.gid, m.uname, m.gname) == (0, 0, "", "") for m in tar)
        return {m.name: (m.type, m.mode, int(m.mtime), m.linkname, _content(tar, m)) for m in tar}


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(member) if member.isreg() else None
    return stream.read() if stream else b""


@settings(max_examples=60)
@given(
    files=st.dictionaries(PATHS, CONTENTS, max_size=6),
    links=st.dictionaries(PATHS, NAMES, max_size=3),
    folders=st.sets(PATHS, max_size=3),
    epoch=st.integers(315532800, 4_000_000_000),
)
def test_any_tree_is_read_back(files: dict[str, tuple[bytes, int]], links: dict[str, str], folders: set[str], epoch: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        nodes, expected = [], {"top": (tarfile.DIRTYPE, 0o755, epoch, "", b"")}
        for number, (path, (data, mode)) in enumerate(sorted(files.items())):
            source = Path(name, str(number))
            source.write_bytes(data)
            nodes.append(Node(path=path, mode=mode, size=len(data), source=source))
            expected[f"top/{path}"] = (tarfile.REGTYPE, mode, epoch, "", data)
        for path in links.keys() - files.keys():
            nodes.append(Node(path=path, mode=0o777, link=links[path]))
            expected[f"top/{path}"] = (tarfile.SYMTYPE, 0o777, epoch, links[path], b"")
        for path in folders - files.keys() - links.keys():
            nodes.append(Node(path=path, mode=0o755))
            expected[f"top/{path}"] = (tarfile.DIRTYPE, 0o755, epoch, "", b"")
        out = io.BytesIO()
        write(Tree(nodes=tuple(nodes), epoch=epoch), out)
    assert read(out.getvalue()) == expected


def test_the_head_tells_nothing() -> None:
    out = io.BytesIO()
    write(Tree(nodes=(), epoch=1_700_000_000), out)
    # RFC 1952: magic, deflate, no flags (so no name), no time, no extra flags, unknown system
    assert out.getvalue()[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    assert len(gzip.decompress(out.getvalue())) % tarfile.RECORDSIZE == 0


def test_licences_lie_beside_the_program(tmp_path: Path) -> None:
    for name in ("LICENSE", "demo", "vendor/COPYING"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    tree = with_licences(
        Tree(nodes=(Node(path="demo", mode=0o755, source=tmp_path / "x"),), epoch=0), tmp_path, ("LICENSE", "demo", "vendor/COPYING")
    )
    assert [node.path for node in tree] == ["LICENSE", "demo", "licenses", "licenses/demo", "licenses/vendor", "licenses/vendor/COPYING"]
    assert {node.path: node.mode for node in tree}["demo"] == 0o755


def test_the_folder_is_named_by_product_and_version(tmp_path: Path) -> None:
    job = payloads.job(tmp_path, "tar.gz")
    TarGz().bundle(job, load(job.payload, job.folder / "payload", payloads.EPOCH), tmp_path / "out")
    found = read((tmp_path / "out").read_bytes())
    assert list(found) == sorted(found, key=lambda name: name.split("/"))
    assert {name.split("/")[0] for name in found} == {"demo-1.2.0-rc.1"}
    assert found["demo-1.2.0-rc.1/licenses/vendor/COPYING"][4] == b"Take it.\n"
    assert {time for _, _, time, _, _ in found.values()} == {payloads.EPOCH}
    assert os.fsencode(str(tmp_path)) not in gzip.decompress((tmp_path / "out").read_bytes())


def test_both_compressions_hold_the_same(tmp_path: Path) -> None:
    job = payloads.job(tmp_path, "tar.gz")
    tree = load(job.payload, job.folder / "payload", payloads.EPOCH)
    TarGz().bundle(job, tree, tmp_path / "gz")
    TarZst().bundle(job, tree, tmp_path / "zst")
    unpacked = zstandard.ZstdDecompressor().stream_reader((tmp_path / "zst").read_bytes()).readall()
    assert unpacked == gzip.decompress((tmp_path / "gz").read_bytes())


@settings(max_examples=40)
@given(
    pieces=st.lists(st.binary(max_size=3000).map(lambda data: data * 97), max_size=6),
    block=st.integers(1, 70_000),
    workers=st.integers(1, 5),
)
def test_any_content_comes_out_of_gzip_again_whatever_the_number_of_processors(pieces: list[bytes], block: int, workers: int) -> None:
    made = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gzips, "BLOCK", block)
        for number in (1, workers):
            patch.setattr("os.cpu_count", lambda number=number: number)
            out = io.BytesIO()
            with gzips.GzipWriter(out) as stream:
                for piece in pieces:
                    stream.write(piece)
            made.add(out.getvalue())
    (data,) = made
    assert gzip.decompress(data) == b"".join(pieces)
