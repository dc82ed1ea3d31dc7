"""The disk image for macOS as independent readers see it: 7-Zip, dmg2img, libfshfs and The Sleuth Kit. No Mac opens it here."""

from __future__ import annotations

import subprocess
import unicodedata
from pathlib import Path
from typing import Final

import pytest

from coldforge.bundle.macos import hfs, udif
from coldforge.bundle.tree import Node, Tree, sorted_with_folders
from coldforge.filetypes import hfsnames
from coldforge.host import files
from coldforge.inspect.look import inspect
from coldforge.rebuild.compare import compare
from support import mac, payloads
from support.require import tool

pytestmark = pytest.mark.integration
NAME: Final = "Démo 1"


def run(*words: str | Path) -> str:
    return subprocess.run([str(word) for word in words], check=True, capture_output=True).stdout.decode(errors="surrogateescape")


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return mac.tree(tmp_path_factory.mktemp("tree"), below="Démo.app/")


@pytest.fixture(scope="module")
def image(content: Tree, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("image") / "demo.dmg"
    with path.open("wb") as stream:
        udif.write(hfs.write(hfs.Volume(name=NAME, tree=content, identity=0x0123456789ABCDEF)), stream)
    return path


@pytest.fixture(scope="module")
def raw(image: Path) -> Path:
    """The volume as dmg2img unpacks it, which checks no sum but every piece."""
    run(tool("dmg2img", "apt-get install dmg2img"), "-s", image, image.with_suffix(".raw"))
    return image.with_suffix(".raw")


def composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def expected(content: Tree) -> dict[str, tuple[str, str, str]]:
    return {composed(path): facts for path, facts in mac.told(content).items()}


def test_dmg2img_unpacks_the_volume_that_was_written(raw: Path, content: Tree) -> None:
    written = b"".join(hfs.write(hfs.Volume(name=NAME, tree=content, identity=0x0123456789ABCDEF)))
    assert raw.read_bytes() == written


def test_libfshfs_finds_every_entry_as_it_was(raw: Path, content: Tree, tmp_path: Path) -> None:
    run(tool("fshfsinfo", "apt-get install libfshfs-utils"), "-d", "-H", "-B", tmp_path / "body", raw)
    kinds = {"d": "directory", "l": "link", "-": "file"}
    found = {}
    for line in (tmp_path / "body").read_text().splitlines():
        digest, name, _, mode, owner, group, *_, changed = line.split("|")
        path, _, link = name.partition(" -> ")
        rights = sum(1 << 8 - place for place, letter in enumerate(mode[1:]) if letter != "-")
        assert (owner, group, changed) == ("0", "0", str(payloads.EPOCH))
        kind = kinds[mode[0]]
        facts = (kind, "", composed(link)) if kind == "link" else (kind, f"{rights:o}", digest if kind == "file" else "")
        found[composed(path.strip("/"))] = facts
    assert {path: facts for path, facts in found.items() if path} == expected(content)


def test_7zip_finds_the_checksums_right_and_the_files_equal(image: Path, content: Tree, tmp_path: Path) -> None:
    seven = tool("7z", "apt-get install p7zip-full")
    run(seven, "t", image)
    run(seven, "x", "-snld", f"-o{tmp_path}", image)
    (root,) = tmp_path.iterdir()
    assert composed(root.name) == NAME
    assert {composed(path.relative_to(root).as_posix()): _facts(path) for path in root.rglob("*")} == {
        path.replace(":", "_"): facts for path, facts in expected(content).items()
    }


def _facts(path: Path) -> tuple[str, str, str]:
    if path.is_symlink():
        return "link", "", composed(path.readlink().as_posix())
    return (
        "directory" if path.is_dir() else "file",
        f"{path.stat().st_mode & 0o777:o}",
        "" if path.is_dir() else files.digests(path, "md5")[0],
    )


def test_the_sleuth_kit_knows_the_volume_and_what_a_link_leads_to(raw: Path) -> None:
    said = run(tool("fsstat", "apt-get install sleuthkit"), "-f", "hfs", raw)
    assert "Volume Name: Démo 1\nVolume Identifier: 0123456789abcdef\n" in unicodedata.normalize("NFC", said)
    assert "Volume Unmounted Properly" in said
    listed = run(tool("fls", "apt-get install sleuthkit"), "-r", "-p", "-f", "hfs", raw).splitlines()
    number = next(line.split()[1].rstrip(":") for line in listed if line.endswith("app/links"))
    assert run(tool("icat", "apt-get install sleuthkit"), "-f", "hfs", raw, number) == "_internal/many"


def test_another_reader_finds_names_in_the_order_that_macos_looks_for_them(tmp_path: Path) -> None:
    """libfshfs walks down the tree by its own comparison: an order that is not Apple's loses names."""
    (tmp_path / "f").write_bytes(b"1")
    letters = [chr(code) for code in range(0x21, 0x3000) if unicodedata.category(chr(code)) in {"Lu", "Ll", "Lt", "Nl", "Sc", "Pd"}]
    names = {hfsnames.order(hfsnames.spelled(f"{letter}x")): f"{letter}x" for letter in letters}
    nodes = [Node(path=f"d/{name}", mode=0o644, size=1, source=tmp_path / "f") for name in names.values()]
    volume = hfs.Volume(name="V", tree=Tree(nodes=sorted_with_folders(nodes), epoch=payloads.EPOCH), identity=1)
    with (tmp_path / "raw").open("wb") as stream:
        stream.writelines(hfs.write(volume))
    reader = tool("fshfsinfo", "apt-get install libfshfs-utils")
    for name in ("Ax", "ǆx", "Øx", "ჀX", "Ⅳx", "жx", "ևx", "zx", "ὰx"):
        said = subprocess.run([reader, "-F", f"/d/{name}", tmp_path / "raw"], capture_output=True, check=False).stdout.decode()
        assert f"Path\t\t\t: /d/{name}\n\tIdentifier\t\t: " in said, name


def test_a_signed_image_has_the_same_in_it(image: Path, tmp_path: Path) -> None:
    signed = mac.signed(image, tmp_path)
    before, after = inspect(image), inspect(signed)
    assert after.items == before.items
    assert before.fields["signature"] == "none"
    assert after.fields["identifier"]
    difference = compare(image, signed)
    assert difference is not None
    assert (difference.what, difference.released) == ("header", "compression zlib, a signature of 0 bytes")
    run(tool("7z", "apt-get install p7zip-full"), "t", signed)


def test_apple_platform_reads_the_image(image: Path, raw: Path) -> None:
    from apple_platform import packaging

    found = packaging.dmg_info(image)
    assert str(raw.stat().st_size // 512) in str(found)
    assert "Apple_HFS" in str(found)
