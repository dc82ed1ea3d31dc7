"""The package for macOS' Installer as independent readers see it: bsdtar, 7-Zip, cksum and apple-platform-rs. No Mac installs it here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from coldforge.bundle import BundleJob
from coldforge.bundle.macos import shared as macos
from coldforge.bundle.tree import Tree
from coldforge.host import files
from coldforge.inspect.look import inspect
from coldforge.project.config import Config
from coldforge.project.pkg import PkgConfig
from coldforge.rebuild.compare import compare
from support import bom, mac
from support.require import tool

pytestmark = pytest.mark.integration


def run(*words: str | Path) -> str:
    return subprocess.run([str(word) for word in words], check=True, capture_output=True).stdout.decode()


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> BundleJob:
    found = mac.job(tmp_path_factory.mktemp("project"), "pkg", config=Config(pkg=PkgConfig(license="agreement.txt", postinstall="post.sh")))
    (found.project / "post.sh").write_text("#!/bin/sh\n")
    return found


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return mac.tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def package(job: BundleJob, content: Tree) -> Path:
    return mac.made(job, content)


@pytest.fixture(scope="module")
def unpacked(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package and its payload, by bsdtar."""
    folder, tar = tmp_path_factory.mktemp("unpacked"), tool("bsdtar", "apt-get install libarchive-tools")
    run(tar, "-C", folder, "-xf", package)
    (folder / "root").mkdir()
    run(tar, "-C", folder / "root", "-xpf", folder / "demo.pkg" / "Payload")
    return folder


def facts(path: Path) -> tuple[str, str, str]:
    if path.is_symlink():
        return "link", "", path.readlink().as_posix()
    if path.is_dir():
        return "directory", f"{path.stat().st_mode & 0o777:o}", ""
    return "file", f"{path.stat().st_mode & 0o777:o}", files.digests(path, "md5")[0]


def test_bsdtar_unpacks_the_application_as_it_was(unpacked: Path, job: BundleJob, content: Tree, tmp_path: Path) -> None:
    root = unpacked / "root"
    found = {path.relative_to(root).as_posix(): facts(path) for path in root.rglob("*")}
    assert found == mac.told(macos.app(job, content, tmp_path))


def test_the_bill_has_the_checksums_that_cksum_reckons(unpacked: Path) -> None:
    root = unpacked / "root"
    listed = {path: fact for path, fact in bom.read((unpacked / "demo.pkg" / "Bom").read_bytes()).items() if fact.kind == "file"}
    said = run("cksum", *(root / path for path in listed)).splitlines()
    assert {path: (fact.checksum, fact.size) for path, fact in listed.items()} == {
        path: (int(line.split()[0]), int(line.split()[1])) for path, line in zip(listed, said, strict=True)
    }


def test_7zip_lists_it_and_finds_its_checksums_right(package: Path) -> None:
    seven = tool("7z", "apt-get install p7zip-full")
    run(seven, "t", package)
    assert "demo.pkg/PackageInfo" in run(seven, "l", package)


def test_a_signed_package_has_the_same_in_it(package: Path, tmp_path: Path) -> None:
    signed = mac.signed(package, tmp_path)
    before, after = inspect(package), inspect(signed)
    assert after.items == before.items
    assert before.fields["signature"] == "none"
    assert "Some Body" in after.fields["signed by"]
    difference = compare(package, signed)
    assert difference is not None
    assert (difference.what, difference.released, difference.rebuilt) == ("header", "not signed", "signed")
    run(tool("bsdtar", "apt-get install libarchive-tools"), "-tf", signed)


def test_apple_platform_reads_what_it_is(package: Path) -> None:
    from apple_platform import packaging

    found = packaging.pkg_info(package)
    (component,) = found["components"]
    assert found["flavor"] == "Product"
    assert component["has_bom"] is True
    assert component["package_info"]["identifier"] == "org.example.demo.pkg"
    assert component["package_info"]["payload"]["numberOfFiles"] == len(bom.read(packaging.pkg_extract_member(package, "demo.pkg/Bom")))
    assert found["distribution"]["options"]["hostArchitectures"] == "arm64"
