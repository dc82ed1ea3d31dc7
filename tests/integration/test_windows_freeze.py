"""Programs for Windows, frozen on Linux by Wine with Windows' own Python: they run where there is none, and come out the same twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pefile
import pytest
from PIL import Image

from coldforge.freeze.programs import read_pe
from coldforge.records import Manifest, Payload, read
from support import images, windows_system
from support.program import coldforge
from support.repository import TINY, write
from support.windows_system import Windows

pytestmark = pytest.mark.integration
TARGET = "windows-x86_64"
# A wheel of Rust code, one of C, one that only Windows gets (colorama, by click), and windows (Tk).
FILES = {
    "pyproject.toml": """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"
[project]
name = "herald"
version = "1.2.0rc1"
description = "Says what it is told, in secret"
license = "MIT"
license-files = ["LICENSE"]
requires-python = ">=3.11,<3.14"
authors = [{ name = "Somebody", email = "somebody@example.org" }]
dependencies = ["click>=8", "cryptography>=44", "markupsafe>=3"]
[project.scripts]
herald = "herald:main"
[project.gui-scripts]
herald-window = "herald.window:main"
[tool.coldforge]
display-name = "Herald & more"
icon = "assets/herald.png"
[tool.coldforge.smoke]
run = ["herald wörter"]
""",
    "LICENSE": "Copyright (c) 2024 Some Body\n\nDo as you like.\n",
    "herald/__init__.py": """\
import locale
import ssl
import click
from cryptography.fernet import Fernet
from markupsafe import _speedups, escape

@click.command()
@click.argument("text")
def main(text):
    key = Fernet(Fernet.generate_key())
    click.echo(f"{escape('<')}{key.decrypt(key.encrypt(text.encode())).decode()} {locale.getpreferredencoding(False)}")
""",
    "herald/window.py": """\
import sys
import tkinter

def main():
    window = tkinter.Tk()
    window.title("Herald")
    tkinter.Label(window, text="Grüße").pack()
    window.update()
    with open(sys.argv[1], "w", encoding="utf-8") as stream:
        stream.write(f"{window.winfo_viewable()} {window.title()}")
    window.destroy()
""",
}


def project(folder: Path) -> Path:
    """The source, which is frozen in the tests' image."""
    made = write(
        folder,
        {
            **FILES,
            "matrix.yml": f"targets:\n  {TARGET}: {{ runner: windows-2025, formats: [onefile, sbom] }}\n",
            "containers/images.toml": images.wine_entry(),
        },
    )
    (made / "assets").mkdir()
    Image.new("RGBA", (256, 256), (0, 90, 50, 255)).save(made / "assets/herald.png", "PNG")
    return made


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project(tmp_path_factory.mktemp("herald") / "source")


@pytest.fixture(scope="module")
def made(source: Path, container_env: dict[str, str]) -> Path:
    """The target's folder in `dist/`."""
    outcome = coldforge("build", source, "--target", TARGET, "--out", source.parent / "dist", env=container_env).succeeded()
    assert "Wine 10.0" in outcome.err
    return source.parent / "dist" / TARGET


@pytest.fixture(scope="module")
def payload(made: Path) -> Payload:
    return read(made / "payload.json", Payload)


@pytest.fixture(scope="module")
def system(windows_machine: Windows, made: Path) -> Windows:
    """A Windows without Python, with the tree and the one-file programs."""
    windows_system.renew(windows_machine)
    for folder in ("payload", "onefile"):
        windows_machine.put_tree(made / folder, folder)
    return windows_machine


@pytest.mark.parametrize("folder", ["payload", "onefile"])
def test_it_runs_without_python(folder: str, system: Windows) -> None:
    """The wheels are Windows' own, of Rust and C, and the manifest makes UTF-8 of all that is not said otherwise."""
    done = system.run(rf"C:\{folder}\herald.exe", "wörter")
    assert (done.code, done.text.strip()) == (0, "&lt;wörter cp65001")


def test_a_window_comes_up(system: Windows) -> None:
    done = system.run(r"C:\payload\herald-window.exe", r"C:\seen")
    assert done.code == 0, done.text
    assert system.read("seen") == b"1 Herald"


def test_the_one_file_programs_were_tried_without_python(made: Path) -> None:
    (record,) = read(made / "manifest.json", Manifest).targets
    (trial,) = record.smoke.trials
    assert {name for name in trial.artifacts if "herald" in name} == {one.name for one in record.artifacts if one.format == "onefile"}
    assert (trial.commands, record.smoke.unproven) == (("herald wörter",), ("no window was shown: Wine has no display here",))


def test_what_is_in_the_tree_is_known(payload: Payload) -> None:
    files = {entry.path: entry for entry in payload.files}
    program, library = files["herald.exe"], files["_internal/python313.dll"]
    assert (program.kind, program.mode, library.kind, library.mode) == ("executable", 0o755, "library", 0o755)
    extension = files["_internal/_ssl.pyd"]
    assert extension.origin is not None
    assert (extension.kind, extension.origin.kind, extension.origin.version) == ("extension", "python", "3.13.2")
    assert files["_internal/base_library.zip"].mode == 0o644
    assert {"kind": "distribution", "name": "cryptography"}.items() <= _origin(payload, "_rust.pyd").items()
    parts = {part.name: part for part in payload.components}
    assert {"click", "colorama", "cryptography", "markupsafe", "python"} <= parts.keys()
    assert parts["python"].license.startswith("Python-2")
    assert "licenses/python/LICENSE.txt" in files
    assert payload.environment.python == "3.13"
    assert {one.name for one in payload.environment.freezer_distributions} >= {"pefile", "pywin32-ctypes"}
    assert {one.name for one in payload.environment.distributions} >= {"colorama"}
    assert payload.environment.network == "off"
    assert payload.findings == ()


def _origin(payload: Payload, name: str) -> dict[str, str]:
    (entry,) = (entry for entry in payload.files if entry.path.endswith(f"/{name}"))
    assert entry.origin is not None
    return {"kind": entry.origin.kind, "name": entry.origin.name}


@pytest.mark.parametrize("folder", ["payload", "onefile"])
@pytest.mark.parametrize(("name", "subsystem"), [("herald", "console"), ("herald-window", "windows")])
def test_windows_is_told_what_it_is(folder: str, name: str, subsystem: str, made: Path) -> None:
    path = made / folder / f"{name}.exe"
    facts = read_pe(path, name)
    assert facts is not None
    assert (facts.machine, facts.subsystem, facts.unprotected, facts.of_wine) == ("x86_64", subsystem, (), False)
    assert "kernel32.dll" in facts.needed
    with pefile.PE(str(path)) as program:
        strings = {key.decode(): text.decode() for table in _tables(program) for key, text in table.entries.items()}
        assert strings == {
            "Comments": "Says what it is told, in secret",
            "CompanyName": "Somebody",
            "FileDescription": "Herald & more",
            "FileVersion": "1.2.0-rc.1",
            "InternalName": name,
            "LegalCopyright": "Copyright (c) 2024 Some Body",
            "OriginalFilename": f"{name}.exe",
            "ProductName": "Herald & more",
            "ProductVersion": "1.2.0-rc.1",
        }
        fixed = program.VS_FIXEDFILEINFO[0]
        assert (fixed.FileVersionMS, fixed.FileVersionLS) == (0x10002, 0)
        manifest = resource(program, "RT_MANIFEST")[0].decode()
        assert len(resource(program, "RT_ICON")) >= 6
        assert program.verify_checksum()
    for words in ("longPathAware", ">UTF-8<", "PerMonitorV2", 'level="asInvoker"', "Common-Controls"):
        assert words in manifest


def _tables(program: pefile.PE) -> Iterator[pefile.Structure]:
    yield from (table for info in program.FileInfo[0] if info.Key == b"StringFileInfo" for table in info.StringTable)


def resource(program: pefile.PE, kind: str) -> list[bytes]:
    """The resources of a kind."""
    wanted = pefile.RESOURCE_TYPE[kind]
    kinds = [entry for entry in program.DIRECTORY_ENTRY_RESOURCE.entries if entry.id == wanted]
    leaves = [leaf.data.struct for entry in kinds for named in entry.directory.entries for leaf in named.directory.entries]
    return [program.get_data(leaf.OffsetToData, leaf.Size) for leaf in leaves]


@pytest.mark.parametrize(("minor", "version"), [("3.11", "3.11.9"), ("3.12", "3.12.9")])
def test_the_other_pinned_pythons_freeze_too(
    minor: str, version: str, windows_machine: Windows, container_env: dict[str, str], tmp_path: Path
) -> None:
    """The freeze above takes the newest one; a small program of these starts and finds its libraries."""
    code = (
        "import ctypes, platform, sqlite3, ssl, sys\n\n\ndef main():\n"
        "    print(platform.python_version(), ssl.OPENSSL_VERSION.split()[0], sys.frozen)\n"
    )
    files = {
        **TINY,
        "src/tiny/__init__.py": code,
        "coldforge.toml": f'[environment]\npython = "{minor}"\n',
        "matrix.yml": f"targets:\n  {TARGET}: {{ runner: windows-2025, formats: [zip] }}\n",
        "containers/images.toml": images.wine_entry(),
    }
    source = write(tmp_path / "tiny", files)
    coldforge("freeze", source, "--target", TARGET, "--out", tmp_path / "dist", env=container_env).succeeded()
    windows_system.renew(windows_machine)
    windows_machine.put_tree(tmp_path / "dist" / TARGET / "payload", "tiny")
    done = windows_machine.run(r"C:\tiny\tiny.exe")
    assert (done.code, done.text.split()) == (0, [version, "OpenSSL", "True"]), done.text


def test_two_freezes_are_identical(made: Path, payload: Payload, container_env: dict[str, str], tmp_path: Path) -> None:
    """From another folder, with an empty cache and another umask, time zone, locale and user."""
    copy = project(tmp_path / "an öther" / "place")
    odd = {"TZ": "Pacific/Chatham", "LC_ALL": "C", "PYTHONHASHSEED": "4711", "USER": "another", "COLDFORGE_CACHE": str(tmp_path / "cache")}
    out = tmp_path / "dist"
    coldforge("freeze", copy, "--target", TARGET, "--out", out, env={**container_env, **odd}, umask=0o077).succeeded()
    again = read(out / TARGET / "payload.json", Payload)
    assert {entry.path: entry.sha256 for entry in again.files} == {entry.path: entry.sha256 for entry in payload.files}
    assert (again.files, again.singles, again.digest) == (payload.files, payload.singles, payload.digest)
    recorded = json.loads((made / "manifest.json").read_text())["targets"][0]
    assert recorded["payload-digest"] == again.digest
