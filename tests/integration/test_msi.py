"""The package for Windows Installer: installed, upgraded, repaired and removed under Wine, its tables read by msitools."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from coldforge.errors import Refused
from coldforge.inspect.look import inspect
from coldforge.project.windows import WindowsConfig
from coldforge.rebuild.compare import compare
from coldforge.records import Payload
from support import exe, windows_system
from support.require import tool
from support.windows_system import PROFILE, Windows

pytestmark = pytest.mark.integration
USER: Final = f"{PROFILE}/AppData/Local/Programs/{exe.NAME}"
MENU: Final = f"{PROFILE}/AppData/Roaming/Microsoft/Windows/Start Menu/Programs/{exe.NAME}.lnk"
DESKTOP: Final = f"{PROFILE}/Desktop/{exe.NAME}.lnk"
PLACE: Final = "C:\\" + USER.replace("/", "\\")
WHOLE: Final = WindowsConfig(
    languages=("de",),
    shortcuts=("start-menu", "desktop"),
    after_install=(r"demo --write C:\after.txt 'a b' x[y] $HOME",),
    before_remove=(r"demo --write C:\removed.txt",),
)
Made = Mapping[str, tuple[Path, Payload]]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Three versions for the user, of which two have the same numbers, and one for the machine."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLDFORGE_CACHE", str(tmp_path_factory.mktemp("cache")))
        machine = WindowsConfig(scope="machine", path=False)
        for name, version, config in (
            ("rc", "1.2.0rc1", WHOLE),
            ("new", "1.2.0", WHOLE),
            ("old", "1.1.9", WHOLE),
            ("all", "1.2.0", machine),
        ):
            found, payload = exe.bundled(tmp_path_factory.mktemp(name), version, config, formats=("msi",))
            made[name] = (found["msi"], payload)
    return made


@pytest.fixture
def system(windows_machine: Windows, packages: Made) -> Windows:
    """A fresh system with the packages on it."""
    windows_system.renew(windows_machine)
    for name, (path, _) in packages.items():
        windows_machine.put(f"{name}.msi", path.read_bytes())
    return windows_machine


def expected(payload: Payload) -> dict[str, str]:
    files = {entry.path: entry.sha256 for entry in payload.files}
    return {**{parent.as_posix(): "" for path in files for parent in Path(path).parents if parent.name}, **files}


def without_icons(files: Mapping[str, str]) -> dict[str, str]:
    own = {"icons", f"icons/{exe.ID}.demo.ico"}
    assert files.keys() >= own
    return {path: digest for path, digest in files.items() if path not in own}


def test_it_is_installed_repaired_upgraded_and_removed(system: Windows, packages: Made) -> None:
    before = system.state()
    assert system.run("msiexec", "/i", r"C:\rc.msi", "/qn").code == 0
    assert without_icons(system.files(USER)) == expected(packages["rc"][1])
    assert system.run(rf"{PLACE}\demo.exe").text.startswith("demo 1.2.0rc1 ")
    assert system.read("after.txt").decode() == '["a b" "x[y]" "$HOME"]'
    registry = system.registry()
    assert registry[r"HKCU\Environment"]["Path"].removeprefix("str(2):").rstrip("\\") == PLACE
    assert registry[r"HKCU\Software\Classes\demo\shell\open\command"]["@"] == rf'"{PLACE}\demo-gui.exe" "%1"'
    assert registry[rf"HKCU\Software\Classes\{exe.ID}.demo"]["@"] == "Demo $HOME document"
    assert registry[r"HKCU\Software\Classes\.demo"]["@"] == f"{exe.ID}.demo"
    for link in (MENU, DESKTOP):
        assert "demo-gui.exe".encode("utf-16-le") in system.read(link)

    system.sh(f"cd {windows_system.DRIVE}/'{USER}' && rm _internal/größe.txt && echo x > _internal/version.txt")
    system.sh(f"rm {windows_system.DRIVE}/'{MENU}'")
    system.run("reg", "delete", r"HKCU\Software\Classes\demo", "/f")
    assert system.run("msiexec", "/i", r"C:\rc.msi", "REINSTALL=ALL", "REINSTALLMODE=amus", "/qn").code == 0
    assert without_icons(system.files(USER)) == expected(packages["rc"][1])
    assert system.exists(MENU)
    assert system.registry()[r"HKCU\Software\Classes\demo\shell\open\command"] == registry[r"HKCU\Software\Classes\demo\shell\open\command"]

    assert system.run("msiexec", "/i", r"C:\new.msi", "/qn").code == 0
    assert without_icons(system.files(USER)) == expected(packages["new"][1]), "which has the numbers of the pre-release"
    assert system.run("msiexec", "/i", r"C:\old.msi", "/qn").code != 0
    assert without_icons(system.files(USER)) == expected(packages["new"][1])

    system.put(f"{USER}/mine.txt", b"of the user")
    assert system.run("msiexec", "/x", r"C:\new.msi", "/qn").code == 0
    after = system.state()
    assert "Path" not in after.registry[r"HKCU\Environment"]
    new = after.new(before)
    kept = {USER, f"{USER}/mine.txt", USER.rpartition("/")[0], "after.txt", "removed.txt"}
    kept.add(f"{PROFILE}/AppData/Roaming/Microsoft/Installer")  # Windows Installer's own folder for icons
    assert {name for name in new if exe.ID in name or "demo" in name.lower() or name.startswith("users")} - kept == set()


def test_the_path_and_shortcuts_are_features_to_leave_out(system: Windows, packages: Made) -> None:
    assert system.run("msiexec", "/i", r"C:\new.msi", "ADDLOCAL=Program,StartMenu", "/qn").code == 0
    assert without_icons(system.files(USER)) == expected(packages["new"][1])
    assert (system.exists(MENU), system.exists(DESKTOP)) == (True, False)
    assert "Path" not in system.registry()[r"HKCU\Environment"]
    assert system.run("msiexec", "/i", r"C:\new.msi", "ADDLOCAL=Path", "REMOVE=StartMenu", "/qn").code == 0
    assert (system.exists(MENU), system.exists(DESKTOP)) == (False, False)
    assert system.registry()[r"HKCU\Environment"]["Path"].removeprefix("str(2):").rstrip("\\") == PLACE


def test_for_the_machine(system: Windows, packages: Made) -> None:
    before = system.state()
    assert system.run("msiexec", "/i", r"C:\all.msi", "/qn").code == 0
    after = system.state()
    assert without_icons(system.files(f"Program Files/{exe.NAME}")) == expected(packages["all"][1])
    assert after.registry[r"HKLM\Software\Classes\demo"]["URL Protocol"] == ""
    assert system.exists(MENU), "Wine knows the user's menu only"
    assert [name for name in after.new(before) if name.startswith("HKCU\\Software\\Classes")] == []
    assert system.run("msiexec", "/x", r"C:\all.msi", "/qn").code == 0
    assert not system.exists(f"Program Files/{exe.NAME}")


def table(path: Path, name: str) -> list[list[str]]:
    program = tool("msiinfo", "apt-get install msitools")
    lines = subprocess.run([program, "export", path, name], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split("\t") for line in lines[3:]]


def test_what_stays_and_what_changes_from_version_to_version(packages: Made) -> None:
    facts = {name: dict(table(path, "Property")) for name, (path, _) in packages.items() if name != "all"}
    assert {name: told["ProductVersion"] for name, told in facts.items()} == {"rc": "1.2.0", "new": "1.2.0", "old": "1.1.9"}
    assert len({told["UpgradeCode"] for told in facts.values()}) == 1
    assert len({told["ProductCode"] for told in facts.values()}) == 3
    components = {name: {row[0]: row[1] for row in table(packages[name][0], "Component")} for name in ("rc", "new")}
    common = components["rc"].keys() & components["new"].keys()
    assert len(common) > 20
    assert {name: components["rc"][name] for name in common} == {name: components["new"][name] for name in common}


def test_commands_of_a_removal_are_none_of_an_upgrade(packages: Made) -> None:
    """Wine does not tell the old version that a newer one removes it, so this is read only."""
    (row,) = (row for row in table(packages["new"][0], "InstallExecuteSequence") if row[0] == "Before0")
    assert row == ["Before0", 'REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE', "1700"]


def test_another_program_finds_the_files_in_it(packages: Made, tmp_path: Path) -> None:
    program = tool("msiextract", "apt-get install msitools")
    subprocess.run([program, "-C", tmp_path, packages["new"][0]], check=True, capture_output=True)
    found = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    wanted = {name.rpartition("/")[2]: data for name, data in exe.contents("1.2.0", western=True).items()}
    assert {name: data for name, data in found.items() if name in wanted} == wanted
    program = tool("msiinfo", "apt-get install msitools")
    said = subprocess.run(
        [program, "suminfo", packages["new"][0]], capture_output=True, encoding="cp1252", check=True, env={**os.environ, "TZ": "UTC"}
    )
    assert said.stdout.count("Tue Nov 14 22:13:20 2023") == 2
    assert "Subject: Démo & more" in said.stdout


def test_letters_that_it_cannot_hold_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exe, "contents", lambda version, western: {**CONTENTS(version, western=western), "日本語.txt": b""})
    with pytest.raises(Refused, match="1 texts cannot be written") as caught:
        exe.bundled(tmp_path, formats=("msi",))
    assert "日本語.txt" in caught.value.problems[0].what


def test_command_lines_that_it_cannot_hold_are_refused(tmp_path: Path) -> None:
    """wixl leaves such a text out, and msibuild ends at it."""
    with pytest.raises(Refused, match="1 texts cannot be written") as caught:
        exe.bundled(tmp_path, config=WindowsConfig(after_install=("demo --greet 日本",)), formats=("msi",))
    assert "demo --greet 日本" in caught.value.problems[0].what


CONTENTS: Final = exe.contents
PROGRAM: Final = """
import sys
from pathlib import Path
sys.path[:0] = [{source!r}, {tests!r}]
from integration.test_msi import WHOLE
from support import exe
exe.bundled(Path({folder!r}), config=WHOLE, formats=("msi",), reverse=True)
"""


def test_the_same_bytes_whatever_the_circumstances(packages: Made, tmp_path: Path) -> None:
    tests, folder = Path(__file__).resolve().parents[1], tmp_path / "ein anderer Ort"
    folder.mkdir()
    code = PROGRAM.format(source=str(tests.parent / "src"), tests=str(tests), folder=str(folder))
    other = {"TZ": "Pacific/Chatham", "LC_ALL": "POSIX", "PYTHONHASHSEED": "2", "PYTHONDONTWRITEBYTECODE": "1"}
    other["COLDFORGE_CACHE"] = str(folder / "cache")
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **other}, umask=0o077, check=True, cwd="/")
    path = packages["new"][0]
    assert (folder / "dist" / exe.TARGET / path.name).read_bytes() == path.read_bytes()


SMALL = """\
<?xml version="1.0"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Product Id="6D4A9A1E-4A57-4C5C-9E0D-0D7B1A1C0001" Name="demo" Language="1033" Version="{version}" Manufacturer="Somebody"
           UpgradeCode="6D4A9A1E-4A57-4C5C-9E0D-0D7B1A1C0002">
    <Package Id="6D4A9A1E-4A57-4C5C-9E0D-0D7B1A1C0003" InstallerVersion="500" Compressed="yes"/>
    <Media Id="1" Cabinet="content.cab" EmbedCab="yes"/>
    <Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="ProgramFilesFolder"><Directory Id="APP" Name="a demo">
      <Component Id="c" Guid="6D4A9A1E-4A57-4C5C-9E0D-0D7B1A1C0004">
        <File Id="f1" Name="a file.txt" Source="file"/><File Id="f2" Name="numbers" Source="numbers"/>
      </Component>
    </Directory></Directory></Directory>
    <Feature Id="all" Level="1"><ComponentRef Id="c"/></Feature>
  </Product>
</Wix>
"""


def test_it_is_looked_into_by_file_and_by_table(tmp_path: Path) -> None:
    """As wixl writes them: files by where they are installed, and of two packages the first row or line that differs."""
    program = tool("wixl", "apt-get install wixl")
    numbers = "".join(f"{number}\n" for number in range(50_000))  # several blocks of the cabinet
    for name, text, version in (("one", "it runs\n", "1.2.0"), ("other", "it walks\n", "1.2.0"), ("newer", "it runs\n", "1.3.0")):
        (tmp_path / name).mkdir()
        for path, content in {"file": text, "numbers": numbers, "x.wxs": SMALL.format(version=version)}.items():
            (tmp_path / name / path).write_text(content)
            os.utime(tmp_path / name / path, (1_700_000_000, 1_700_000_000))
        subprocess.run([program, "-o", "x.msi", "x.wxs"], cwd=tmp_path / name, check=True, capture_output=True)
    one, other, newer = (tmp_path / name / "x.msi" for name in ("one", "other", "newer"))
    found = inspect(one)
    assert (found.fields["ProductName"], found.fields["ProductVersion"]) == ("demo", "1.2.0")
    expected = {"a demo/a file.txt": "it runs\n", "a demo/numbers": numbers}
    assert {item.path: item.sha256 for item in found.items} == {
        path: hashlib.sha256(text.encode()).hexdigest() for path, text in expected.items()
    }
    changed, risen = compare(one, other), compare(one, newer)
    assert changed is not None
    assert risen is not None
    assert (changed.where, changed.rebuilt) == (("x.msi", "a demo/a file.txt", "line 1"), "it walks")
    assert risen.where[:2] == ("x.msi", "table Property")
    assert (risen.released, risen.rebuilt) == (r"ProductVersion\t1.2.0", r"ProductVersion\t1.3.0")
