"""Applications for macOS, from commands that unpack real wheels for it on Linux: read back by programs that are not ours."""

from __future__ import annotations

import io
import json
import os
import plistlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from coldforge.filetypes import codesign
from coldforge.filetypes.macho import is_macho
from coldforge.freeze.machos import read_macho
from coldforge.host.files import sha256
from coldforge.records import Manifest, Payload, TargetRecord, read
from support import rich
from support.authority import Authority
from support.program import coldforge
from support.repository import write
from support.require import tool
from support.wheels import wheels

pytestmark = pytest.mark.integration

APP: Final = "pictures-0.4.0-macos-aarch64.app.tar.gz"
ZIP: Final = "pictures-0.4.0-macos-aarch64.app.zip"
TOOLS: Final = "pictures-0.4.0-macos-aarch64.tar.gz"
CONFIG: Final = """\
freezer = "command"
identifier = "org.example.pictures"
display-name = "Pictures"
icon = "icon.svg"

[project]
name = "pictures"
version = "0.4"

[command]
run = ["{python} make.py {wheels} {{out}}"]

[executables.pictures]
entry = "pictures"
console = false

[macos.usage]
camera = "To take them"
"""
# The boot loader stands for a program, and what it would start lies beside it.
MAKE: Final = """\
import pathlib, sys, zipfile

wheels, out = map(pathlib.Path, sys.argv[1:])
for name in ("pillow", "markupsafe"):
    (wheel,) = wheels.glob(f"{name}-*-macosx_11_0_arm64.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(out / "site-packages")
(boot,) = wheels.glob("pyinstaller-*.whl")
with zipfile.ZipFile(boot) as archive:
    (out / "pictures").write_bytes(archive.read("PyInstaller/bootloader/Darwin-64bit/runw"))
(out / "pictures").chmod(0o755)
(out / "current").symlink_to("site-packages/PIL")
"""
MATRIX: Final = "targets:\n  macos-aarch64: {{ floor: '{floor}', formats: [{formats}] }}\n"
FORMATS: Final = "app.tar.gz, app.zip, tar.gz"


class Made(NamedTuple):
    """A build: its `dist/<target>` folder, and the environment that it was made in."""

    folder: Path
    env: Mapping[str, str]


def project(folder: Path, *, make: str = MAKE, floor: str = "11.0", formats: str = FORMATS) -> Path:
    config = CONFIG.format(python=sys.executable, wheels=wheels())
    files = {"coldforge.toml": config, "make.py": make, "icon.svg": rich.SVG, "matrix.yml": MATRIX.format(floor=floor, formats=formats)}
    return write(folder, files)


@pytest.fixture(scope="module")
def built(host_env: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("macos")
    coldforge("build", project(folder / "source"), "--target", "macos-aarch64", "--out", folder / "dist", env=host_env).succeeded()
    return Made(folder / "dist" / "macos-aarch64", host_env)


def unpacked(program: str, archive: Path, folder: Path) -> dict[str, str]:
    """What another program unpacks: a digest for each file, with its mode, and what links say."""
    folder.mkdir()
    words = {
        "tar": [tool("tar", "it is everywhere"), "-xpzf", archive, "-C", folder],
        "unzip": [tool("unzip", "apt-get install unzip"), "-q", archive, "-d", folder],
    }
    subprocess.run(list(map(str, words[program])), check=True, capture_output=True, timeout=60)
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {name: _told(path) for name, path in paths.items() if path.is_symlink() or not path.is_dir()}


def unsigned(path: Path) -> str:
    """The digest of a file, of code without its signature: an application is signed, if by nobody."""
    if not is_macho(path):
        return sha256(path)
    with path.open("rb") as stream:
        return codesign.digest(stream)


def listed_by_7z(archive: Path) -> dict[str, str]:
    """What 7z finds whole in a zip: the checksum of each file."""
    program = tool("7z", "apt-get install p7zip-full")
    subprocess.run([program, "t", str(archive)], check=True, capture_output=True, timeout=60)
    done = subprocess.run([program, "l", "-slt", "-ba", str(archive)], check=True, capture_output=True, text=True, timeout=60)
    entries = (dict(line.split(" = ", 1) for line in block.splitlines() if " = " in line) for block in done.stdout.split("\n\n"))
    return {entry["Path"]: entry["CRC"] for entry in entries if entry.get("CRC")}


def _told(path: Path) -> str:
    return f"to {path.readlink()}" if path.is_symlink() else f"{path.stat().st_mode & 0o777:o} {sha256(path)}"


def test_other_programs_unpack_the_same_application_from_both_archives(built: Made, tmp_path: Path) -> None:
    by_tar = unpacked("tar", built.folder / APP, tmp_path / "tar")
    assert unpacked("unzip", built.folder / ZIP, tmp_path / "unzip") == by_tar
    files = {name: told for name, told in by_tar.items() if not told.startswith("to ")}
    assert files.keys() < listed_by_7z(built.folder / ZIP).keys(), "and links, which it calls files"
    assert {name.partition("/")[0] for name in by_tar} == {"Pictures.app"}
    contents = tmp_path / "tar" / "Pictures.app" / "Contents"
    payload = {entry.path: entry for entry in read(built.folder / "payload.json", Payload).files}
    for path, entry in payload.items():
        if entry.sha256:
            places = [contents / side / path for side in ("MacOS", "Frameworks", "Resources")]
            assert {unsigned(place) for place in places} == {unsigned(built.folder / "payload" / path)}, path
    assert not [path for path in contents.rglob("*") if path.is_symlink() and not path.exists()], "no link leads nowhere"
    real = [path.relative_to(contents) for path in contents.rglob("*") if path.is_file() and not path.is_symlink()]
    assert {path.parts[0] for path in real if is_macho(contents / path)} == {"MacOS", "Frameworks"}
    assert {path.parts[0] for path in real if len(path.parts) > 1 and not is_macho(contents / path)} == {"Resources", "_CodeSignature"}


def test_the_system_reads_what_it_is(built: Made, tmp_path: Path) -> None:
    unpacked("tar", built.folder / APP, tmp_path / "out")
    contents = tmp_path / "out" / "Pictures.app" / "Contents"
    info = plistlib.loads((contents / "Info.plist").read_bytes())
    told = {"CFBundleExecutable": "pictures", "CFBundleIdentifier": "org.example.pictures", "LSMinimumSystemVersion": "11.0"}
    told |= {"CFBundleShortVersionString": "0.4.0", "CFBundleVersion": "0.4.99", "NSCameraUsageDescription": "To take them"}
    assert {key: info[key] for key in told} == told
    assert (contents / "MacOS" / info["CFBundleExecutable"]).is_file()
    assert (contents / "Resources" / f"{info['CFBundleIconFile']}.icns").read_bytes()[:4] == b"icns"


OTHER: Final = """\
import json, sys
from macholib.MachO import MachO
from macholib.mach_o import LC_BUILD_VERSION, LC_CODE_SIGNATURE, LC_ID_DYLIB, LC_LOAD_WEAK_DYLIB, LC_RPATH, LC_VERSION_MIN_MACOSX

def text(data):
    return data.rstrip(b"\\0").decode()

def number(value):
    return [value >> 16, value >> 8 & 255, value & 255]

found = {}
for path in sys.argv[1:]:
    for header in MachO(path).headers:
        part = {"since": [], "needed": [text for _, _, text in header.walkRelocatables()], "rpaths": [], "signed": False, "name": ""}
        for load, command, data in header.commands:
            if load.cmd == LC_BUILD_VERSION:
                part["since"] = number(command.minos)
            elif load.cmd == LC_VERSION_MIN_MACOSX:
                part["since"] = number(command.version)
            elif load.cmd == LC_RPATH:
                part["rpaths"].append(text(data))
            elif load.cmd == LC_ID_DYLIB:
                part["name"] = text(data)
            elif load.cmd == LC_CODE_SIGNATURE:
                part["signed"] = [header.offset + command.dataoff, command.datasize]
        found.setdefault(path, []).append({**part, "cpu": header.header.cputype, "type": header.filetype, "at": header.offset})
print(json.dumps(found))
"""


def said_by_macholib(paths: Sequence[Path]) -> dict[str, list[dict[str, Any]]]:
    readers = os.pathsep.join(str(path) for path in wheels().glob("*none-any.whl"))
    words = [sys.executable, "-c", OTHER, *map(str, paths)]
    done = subprocess.run(words, env={**os.environ, "PYTHONPATH": readers}, check=True, capture_output=True, text=True, timeout=60)
    found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return found


def test_another_reader_of_mach_o_says_the_same_of_every_file(built: Made) -> None:
    payload = read(built.folder / "payload.json", Payload)
    root = built.folder / "payload"
    paths = [root / entry.path for entry in payload.files if entry.kind != "link" and is_macho(root / entry.path)]
    assert len(paths) > 20
    theirs = said_by_macholib(paths)
    kinds = {"executable": "execute", "library": "dylib", "bundle": "bundle"}
    machines = {"x86_64": 0x01000007, "aarch64": 0x0100000C}
    for path in paths:
        ours = [
            {
                "cpu": machines[part.machine],
                "type": kinds[part.kind],
                "at": part.offset,
                "since": [*part.since, 0, 0][:3],
                "needed": sorted((*part.needed, *part.weak)),
                "rpaths": list(part.rpaths),
                "name": part.name,
                "signed": list(part.signature) if part.signature else False,
            }
            for part in read_macho(path, "").slices
        ]
        assert ours == [{**part, "needed": sorted(part["needed"])} for part in theirs[str(path)]], path
    told = {entry.path: entry.kind for entry in payload.files}
    assert (told["pictures"], told["site-packages/PIL/.dylibs/libjpeg.62.4.0.dylib"]) == ("executable", "library")
    assert told["site-packages/markupsafe/_speedups.cpython-312-darwin.so"] == "extension"


def test_the_record_says_what_it_needs(built: Made) -> None:
    (record,) = read(built.folder.parent / "manifest.json", Manifest).targets
    assert (record.macos_floor, record.glibc_floor) == ("11.0", "")
    assert [finding.gate for finding in record.findings if finding.level == "error"] == []
    shown = coldforge("inspect", built.folder / "payload.json", env=built.env).succeeded()
    assert "macOS 11.0" in shown.err


def test_what_is_in_the_archives_is_looked_into(built: Made) -> None:
    found = {}
    for name in (APP, ZIP):
        shown = json.loads(coldforge("inspect", built.folder / name, "--json", env=built.env).succeeded().out)
        found[name] = {item["path"]: item.get("link", "") for item in shown["items"]}
        assert found[name]["Pictures.app/Contents/MacOS/site-packages"] == "../Frameworks/site-packages"
        assert shown["floor"] == "macOS 11.0"
    assert {path.rstrip("/") for path in found[ZIP]} == {path.rstrip("/") for path in found[APP]}


def test_two_builds_that_differ_in_all_that_must_not_matter_are_identical(built: Made, tmp_path: Path) -> None:
    turned = MAKE.replace('("pillow", "markupsafe")', '("markupsafe", "pillow")')
    source = project(tmp_path / "another folder")
    (source / "make.py").write_text(MAKE)  # the same, with another time
    assert turned != MAKE
    odd = {**built.env, "COLDFORGE_CACHE": str(tmp_path / "cache"), "TZ": "Pacific/Chatham", "LC_ALL": "C.UTF-8", "USER": "another"}
    coldforge("build", source, "--target", "macos-aarch64", "--out", tmp_path / "dist", env=odd, umask=0o077).succeeded()
    names = (APP, ZIP, TOOLS, "payload.json")
    assert {name: sha256(tmp_path / "dist" / "macos-aarch64" / name) for name in names} == {
        name: sha256(built.folder / name) for name in names
    }


def test_code_that_would_not_run_is_refused_by_file(host_env: Mapping[str, str], tmp_path: Path) -> None:
    make = f"""{MAKE}
import shutil
(other,) = wheels.glob("markupsafe-*-macosx_10_13_x86_64.whl")
with zipfile.ZipFile(other) as archive:
    archive.extractall(out / "other")
(out / "site-packages/PIL/.dylibs/libxcb.1.1.0.dylib").unlink()
"""
    refused = coldforge(
        "build",
        project(tmp_path / "source", make=make, floor="11.0"),
        "--target",
        "macos-aarch64",
        "--out",
        tmp_path / "dist",
        env=host_env,
    )
    assert refused.code == 1
    said = " ".join(refused.err.split())
    assert "[floor] other/markupsafe/_speedups.cpython-312-darwin.so (from pictures) is made for x86_64, macos-aarch64 has aarch64" in said
    assert "libxcb.1.1.0.dylib is neither in the tree nor part of macOS, and is needed by site-packages/PIL/" in said


CODE: Final = ("executable", "library", "extension")
UNIVERSAL: Final = """\
targets:
  macos-x86_64: { formats: [tar.gz] }
  macos-aarch64: { formats: [tar.gz] }
  macos-universal2: { floor: "10.13", formats: [app.tar.gz] }
"""
HALVES: Final = """\
import pathlib, sys, zipfile

wheels, out, target = map(pathlib.Path, sys.argv[1:])
(wheel,) = wheels.glob(f"markupsafe-*{'arm64' if target.name.endswith('aarch64') else 'x86_64'}.whl")
with zipfile.ZipFile(wheel) as archive:
    archive.extractall(out, [name for name in archive.namelist() if not name.endswith(("WHEEL", "RECORD"))])
(boot,) = wheels.glob("pyinstaller-*.whl")
with zipfile.ZipFile(boot) as archive:
    (out / "pictures").write_bytes(archive.read("PyInstaller/bootloader/Darwin-64bit/runw"))
(out / "pictures").chmod(0o755)
"""


def test_two_trees_are_one_application_for_both_processors(host_env: Mapping[str, str], tmp_path: Path) -> None:
    config = CONFIG.format(python=sys.executable, wheels=wheels()).replace("{out}", "{out} {target}")
    source = write(tmp_path / "source", {"coldforge.toml": config, "make.py": HALVES, "icon.svg": rich.SVG, "matrix.yml": UNIVERSAL})
    named = [word for name in ("x86_64", "aarch64", "universal2") for word in ("--target", f"macos-{name}")]
    coldforge("build", source, *named, "--out", tmp_path / "dist", env=host_env).succeeded()
    record = next(each for each in read(tmp_path / "dist" / "manifest.json", Manifest).targets if each.target == "macos-universal2")
    assert record.macos_floor == "10.13"
    unpacked("tar", tmp_path / "dist/macos-universal2/pictures-0.4.0-macos-universal2.app.tar.gz", tmp_path / "out")
    contents = tmp_path / "out" / "Pictures.app" / "Contents"
    (extension,) = (contents / "Frameworks" / "markupsafe").glob("_speedups.*.so")
    assert {part.machine for part in read_macho(extension, "").slices} == {"x86_64", "aarch64"}
    data = extension.read_bytes()
    for part in read_macho(extension, "").slices:
        (half,) = (tmp_path / "dist" / f"macos-{part.machine}" / "payload" / "markupsafe").glob("_speedups.*.so")
        assert codesign.digest(io.BytesIO(data[part.offset : part.offset + part.size])) == unsigned(half)
    assert plistlib.loads((contents / "Info.plist").read_bytes())["LSMinimumSystemVersion"] == "10.13"
    theirs = said_by_macholib([extension])
    assert [part["cpu"] for part in theirs[str(extension)]] == [0x01000007, 0x0100000C]


def test_what_is_signed_is_what_came_of_both(host_env: Mapping[str, str], tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.signer("demo", "Example Ltd", team="ABCDE12345")
    config = CONFIG.format(python=sys.executable, wheels=wheels()).replace("{out}", "{out} {target}")
    source = write(tmp_path / "source", {"coldforge.toml": config, "make.py": HALVES, "icon.svg": rich.SVG, "matrix.yml": UNIVERSAL})
    dist, halves = tmp_path / "dist", ("--target", "macos-x86_64", "--target", "macos-aarch64")
    coldforge("freeze", source, *halves, "--out", dist, env=host_env).succeeded()  # as jobs of their own hand them over
    coldforge(
        "bundle", "--carried", source, "--target", "macos-universal2", "--out", dist, env=host_env
    ).succeeded()  # as the action does it
    key = ("--apple-key", authority.folder / "demo.pfx", "--apple-timestamp-server", "none")
    env = {**host_env, "COLDFORGE_APPLE_PASSPHRASE": "vertraulich"}
    coldforge("sign", "--payload", "--project", source, *key, dist, env=env).succeeded()
    payload = read(dist / "macos-universal2" / "payload.json", Payload)
    assert {entry.path for entry in payload.files if entry.signature} == {entry.path for entry in payload.files if entry.kind in CODE}
    assert payload.sealed
    coldforge("bundle", source, "--target", "macos-universal2", "--out", dist, env=host_env).succeeded()
    unpacked("tar", dist / "macos-universal2/pictures-0.4.0-macos-universal2.app.tar.gz", tmp_path / "out")
    with (tmp_path / "out/Pictures.app/Contents/MacOS/pictures").open("rb") as stream:
        assert [seen.name if seen else "" for seen in codesign.read(stream)] == ["Example Ltd", "Example Ltd"]

    words = ("rebuild", dist, "--unverified", "--host", "--source", source, "--json")
    for named, wanted in ((("--target", "macos-universal2"), {"macos-universal2"}), ((), {each.target for each in released(dist)})):
        told = json.loads(coldforge(*words, *named, env=host_env).succeeded().out)
        assert told["word"] == "identical"
        assert {row["target"] for row in told["rows"]} == wanted
        assert "pictures-0.4.0-macos-universal2.app.tar.gz" in {row["name"] for row in told["rows"]}


def test_what_is_made_of_both_stays_when_an_optional_one_fails_later(host_env: Mapping[str, str], tmp_path: Path) -> None:
    """Its tree is damaged when both are united already, and the steps of the job after that go by what is there."""
    config = CONFIG.format(python=sys.executable, wheels=wheels()).replace("{out}", "{out} {target}")
    matrix = UNIVERSAL.replace("x86_64: { formats: [tar.gz]", "x86_64: { optional: true, formats: [tar.gz]")
    source = write(tmp_path / "source", {"coldforge.toml": config, "make.py": HALVES, "icon.svg": rich.SVG, "matrix.yml": matrix})
    dist, halves = tmp_path / "dist", ("--target", "macos-x86_64", "--target", "macos-aarch64")
    coldforge("freeze", source, *halves, "--out", dist, env=host_env).succeeded()
    every = ("bundle", "--frozen", "--clean", source, *halves, "--target", "macos-universal2", "--out", dist)
    coldforge(*every, env=host_env).succeeded()
    (dist / "macos-x86_64/payload/pictures").write_text("other")
    for told in (
        "macos-x86_64 is optional and left out, because it failed",
        "macos-x86_64 is optional and was not frozen, or failed since",
    ):
        assert told in " ".join(coldforge(*every, env=host_env).succeeded().err.split())
        assert {each.target for each in released(dist)} == {"macos-aarch64", "macos-universal2"}
    words = ("rebuild", dist, "--unverified", "--host", "--source", source, "--target", "macos-universal2")
    coldforge(*words, env=host_env).failed(3, "macos-universal2 cannot be rebuilt", "macos-x86_64, which the release left out")


def released(dist: Path) -> tuple[TargetRecord, ...]:
    return read(dist / "manifest.json", Manifest).targets
