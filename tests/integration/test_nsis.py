"""The installer for Windows: installed, used, upgraded and removed under Wine; its content read by 7-Zip; the zip beside it."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from coldforge.host import wine
from coldforge.inspect.look import inspect
from coldforge.project.windows import WindowsConfig
from coldforge.rebuild.compare import compare
from coldforge.records import Payload
from support import exe, hand, windows_system
from support.hand import goes_through
from support.require import tool
from support.windows_system import PROFILE, Windows

pytestmark = pytest.mark.integration
USER: Final = f"{PROFILE}/AppData/Local/Programs/{exe.NAME}"
MACHINE: Final = f"Program Files/{exe.NAME}"
MENU: Final = f"{PROFILE}/AppData/Roaming/Microsoft/Windows/Start Menu/Programs/{exe.NAME}.lnk"
DESKTOP: Final = f"{PROFILE}/Desktop/{exe.NAME}.lnk"
UNINSTALL: Final = rf"Software\Microsoft\Windows\CurrentVersion\Uninstall\{exe.ID}"
OWN: Final = {"uninstall.exe", f"icons/{exe.ID}.demo.ico", "icons"}
PLUGINS: Final = {f"$PLUGINSDIR/{name}" for name in ("System.dll", "nsExec.dll", "nsDialogs.dll", "UserInfo.dll", "modern-wizard.bmp")}
WHOLE: Final = WindowsConfig(
    languages=("de", "en", "fr", "es", "it", "nl"),
    shortcuts=("start-menu", "desktop"),
    publisher='The "Demo" $HOME makers',
    after_install=(r"""demo --write C:\after.txt 'a b' 'say "no"' "it's" '$HOME ${LEVEL}' C:\x""",),
    before_remove=(r"demo --write C:\removed.txt",),
)


@pytest.fixture(scope="module")
def setups(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[Path, Payload]]:
    """Two versions for the user, and one that asks."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLDFORGE_CACHE", str(tmp_path_factory.mktemp("cache")))
        for name, version, config in (
            ("old", "1.2.0rc1", WHOLE),
            ("new", "1.2.0", WHOLE),
            ("both", "1.2.0", WindowsConfig(scope="both", path=False, languages=("de",))),
        ):
            found, payload = exe.bundled(tmp_path_factory.mktemp(name), version, config, formats=("nsis",))
            made[name] = (found["nsis"], payload)
    return made


@pytest.fixture
def system(windows_machine: Windows, setups: Mapping[str, tuple[Path, Payload]]) -> Windows:
    """A fresh system with the installers on it, and a hand to go through their pages."""
    windows_system.renew(windows_machine)
    for name, (path, _) in setups.items():
        windows_machine.put(f"{name}.exe", path.read_bytes())
    hand.lend(windows_machine)
    return windows_machine


def installed(payload: Payload) -> dict[str, str]:
    """What the index says that must be there: files with their sums, and folders."""
    files = {entry.path: entry.sha256 for entry in payload.files}
    folders = {parent.as_posix(): "" for path in files for parent in Path(path).parents if parent.name}
    return {**folders, **files}


def without_own(files: Mapping[str, str]) -> dict[str, str]:
    assert files.keys() >= OWN
    return {path: digest for path, digest in files.items() if path not in OWN}


def test_installs_for_the_user_alone_what_the_index_says(system: Windows, setups: Mapping[str, tuple[Path, Payload]]) -> None:
    before = system.state()
    assert system.run(r"C:\old.exe", "/S").code == 0
    after = system.state()
    assert without_own(system.files(USER)) == installed(setups["old"][1])
    changed = {name for name in after.new(before) if not name.startswith((f"{USER}/", "after.txt"))}
    assert {name for name in changed if not name.startswith("HKCU")} == {DESKTOP, MENU, USER, USER.rpartition("/")[0]}
    said = system.run(rf"C:\{USER.replace('/', chr(92))}\demo.exe", "x y")
    assert said.text.strip() == 'demo 1.2.0rc1 "it runs\\n" ["x y"]'
    assert system.read("after.txt").decode() == r"""["a b" "say \"no\"" "it's" "$HOME ${LEVEL}" "C:\\x"]"""
    place = "C:\\" + USER.replace("/", "\\")
    registered = after.registry[rf"HKCU\{UNINSTALL}"]
    assert {name: data for name, data in registered.items() if name != "EstimatedSize"} == {
        "DisplayName": exe.NAME,
        "DisplayVersion": "1.2.0-rc.1",
        "ComparableVersion": "1.2.0.0.3.1",
        "Publisher": "The 'Demo' $HOME makers",
        "DisplayIcon": rf"{place}\demo-gui.exe",
        "InstallLocation": place,
        "UninstallString": rf'"{place}\uninstall.exe" /SCOPE=user',
        "QuietUninstallString": rf'"{place}\uninstall.exe" /S /SCOPE=user',
        "URLInfoAbout": "https://demo.example.org",
        "NoModify": "dword:00000001",
        "NoRepair": "dword:00000001",
        "VersionMajor": "dword:00000001",
        "VersionMinor": "dword:00000002",
    }
    size = sum(entry.size for entry in setups["old"][1].files) / 1024
    assert size <= int(registered["EstimatedSize"].removeprefix("dword:"), 16) <= size * 1.5
    classes = {key.removeprefix("HKCU\\Software\\Classes\\"): values for key, values in after.registry.items() if "\\Classes\\" in key}
    program = rf'"{place}\demo-gui.exe" "%1"'
    assert classes[".demo"] == {"@": f"{exe.ID}.demo"}
    assert classes[r".demo\OpenWithProgids"] == {f"{exe.ID}.demo": ""}
    assert classes[f"{exe.ID}.demo"] == {"@": "Demo $HOME document"}
    assert classes[rf"{exe.ID}.demo\shell\open\command"] == {"@": program}
    assert classes[rf"{exe.ID}.demo\DefaultIcon"] == {"@": rf"{place}\icons\{exe.ID}.demo.ico"}
    assert classes["demo"] == {"@": f"URL:{exe.NAME}", "URL Protocol": ""}
    assert classes[r"demo\shell\open\command"] == {"@": program}
    assert after.registry[r"HKCU\Environment"]["Path"] == "str(2):" + place
    for link in (MENU, DESKTOP):
        assert rf"{place}\demo-gui.exe".encode("utf-16-le") in system.read(link)


def test_removes_all_that_it_brought_and_nothing_else(system: Windows) -> None:
    system.run("reg", "add", r"HKCU\Environment", "/v", "Path", "/t", "REG_EXPAND_SZ", "/d", ";".join(LONG), "/f")
    system.run("reg", "add", r"HKCU\Software\Classes\.demo", "/ve", "/d", "another.program", "/f")
    before = system.state()
    system.run(r"C:\new.exe", "/S")
    place = "C:\\" + USER.replace("/", "\\")
    registry = system.registry()
    assert registry[r"HKCU\Environment"]["Path"] == "str(2):" + ";".join([*LONG, place])
    assert registry[r"HKCU\Software\Classes\.demo"] == {"@": "another.program"}
    system.put(f"{USER}/mine.txt", b"of the user")
    removed(system, USER)
    assert system.state().new(before) == {USER, f"{USER}/mine.txt", "after.txt", "removed.txt", USER.rpartition("/")[0]}
    assert before.new(system.state()) == set()


# More than NSIS's own texts hold, with what a PATH has in it.
LONG: Final = (r"%USERPROFILE%\bin", *(rf"C:\folder number {number}\with a long name" for number in range(60)))


def removed(system: Windows, folder: str) -> None:
    """Run the uninstaller as Windows does; it goes on in a copy of itself."""
    place = "C:\\" + folder.replace("/", "\\")
    done = system.run(rf"{place}\uninstall.exe", "/S")
    assert done.code == 0, done.text
    done = system.sh("for i in $(seq 300); do grep -qa '[~]nsu' /proc/[0-9]*/cmdline || exit 0; sleep 0.1; done; exit 1")
    assert done.code == 0, "it has not come to its end"


def test_a_newer_version_takes_the_place_and_an_older_one_is_refused(system: Windows, setups: Mapping[str, tuple[Path, Payload]]) -> None:
    system.line(r"C:\old.exe /S /D=C:\an other place\ÄÖ é")  # last, and without quotation marks
    assert without_own(system.files("an other place/ÄÖ é")) == installed(setups["old"][1])
    system.sh(f"rm {windows_system.DRIVE}/'{DESKTOP}'")
    assert system.run(r"C:\new.exe", "/S").code == 0
    assert without_own(system.files("an other place/ÄÖ é")) == installed(setups["new"][1])
    assert not system.exists(USER)
    assert not system.exists(DESKTOP), "which the user has thrown away"
    assert not system.exists("removed.txt"), "an upgrade is no removal"
    assert system.exists(MENU)
    entries = [values for key, values in system.registry().items() if key.endswith(UNINSTALL)]
    assert [(entry["DisplayVersion"], entry["InstallLocation"]) for entry in entries] == [("1.2.0", r"C:\an other place\ÄÖ é")]
    assert system.run(r"C:\old.exe", "/S").code == 4
    assert without_own(system.files("an other place/ÄÖ é")) == installed(setups["new"][1])
    removed(system, "an other place/ÄÖ é")
    assert not system.exists("an other place/ÄÖ é")
    assert not system.exists(MENU)


def running_old(system: Windows) -> str:
    """Install the older version for the user, and start the program with a window; where it lies."""
    system.run(r"C:\old.exe", "/S")
    place = "C:\\" + USER.replace("/", "\\")
    system.run(rf"{place}\demo-gui.exe", r"C:\state.txt", background=True)
    system.awaits("-e state.txt")
    return place


def test_a_program_that_runs_is_asked_to_close_and_one_that_cannot_be_is_left_alone(
    system: Windows, setups: Mapping[str, tuple[Path, Payload]]
) -> None:
    place = running_old(system)
    assert system.read("state.txt") == b"open"
    assert system.run(r"C:\new.exe", "/S").code == 0
    assert system.read("state.txt") == b"closed"
    assert without_own(system.files(USER)) == installed(setups["new"][1])
    system.sh(f"sleep 60 | {wine.LOADER} '{place}\\demo.exe' --wait > /tmp/waits 2>&1 &")
    system.awaits("-s /tmp/waits")
    assert system.run(r"C:\new.exe", "/S").code == 3
    assert without_own(system.files(USER)) == installed(setups["new"][1])


def test_for_the_machine_when_that_is_chosen(system: Windows, setups: Mapping[str, tuple[Path, Payload]]) -> None:
    before = system.state()
    assert system.run(r"C:\both.exe", "/S", "/ALLUSERS").code == 0
    after = system.state()
    assert without_own(system.files(MACHINE)) == installed(setups["both"][1])
    menu = f"ProgramData/Microsoft/Windows/Start Menu/Programs/{exe.NAME}.lnk"
    assert system.exists(menu)
    new = after.new(before)
    assert [name for name in new if name.startswith(("HKCU", "users/"))] == []
    assert after.registry[rf"HKLM\{UNINSTALL}"]["InstallLocation"] == rf"C:\Program Files\{exe.NAME}"
    assert after.registry[r"HKLM\Software\Classes\demo"]["URL Protocol"] == ""
    removed(system, MACHINE)
    assert system.state().new(before) == set()
    assert before.new(system.state()) == set()


ALL: Final = "Für alle Benutzer dieses Computers (erfordert Administratorrechte)"
AGREE: Final = ("Do as you like.", "Annehmen")
RUN: Final = f"{exe.NAME} ausführen"
FINISHED: Final = (f"Die Installation von {exe.NAME} wird abgeschlossen", RUN), (RUN, "Fertigstellen")


def test_who_installs_by_hand_chooses_for_whom(system: Windows, setups: Mapping[str, tuple[Path, Payload]]) -> None:
    """Page by page, in the language that there is: the user's folder, back, everybody's; the next time that is chosen already."""
    before = system.state()
    first = (
        (f"Für wen soll {exe.NAME} installiert werden?", "Weiter >"),
        AGREE,
        (rf"C:\users\person\AppData\Local\Programs\{exe.NAME}", "< Zurück"),
        ("Lizenzabkommen", "< Zurück"),
        ("Nur für mich", ALL),
        (ALL, "Weiter >"),
        AGREE,
        (rf"C:\Program Files\{exe.NAME}", "Installieren"),
        *FINISHED,
    )
    done = goes_through(system, r"C:\both.exe", *first)
    assert done.code == 0, done.text
    assert without_own(system.files(MACHINE)) == installed(setups["both"][1])
    assert not system.exists(USER)
    after = system.state()
    assert [name for name in after.new(before) if name.startswith(("HKCU", "users/"))] == []
    assert after.registry[rf"HKLM\{UNINSTALL}"]["InstallLocation"] == rf"C:\Program Files\{exe.NAME}"
    again = ((ALL, "Weiter >"), AGREE, (rf"C:\Program Files\{exe.NAME}", "Installieren"), *FINISHED)
    done = goes_through(system, r"C:\both.exe", *again)
    assert done.code == 0, done.text
    assert (system.exists(MACHINE), system.exists(USER)) == (True, False)
    place = rf"C:\Program Files\{exe.NAME}\uninstall.exe"
    done = goes_through(system, place, (place.rpartition("\\")[0], "Deinstallieren"), ("erfolgreich abgeschlossen", "Beenden"))
    assert done.code == 0, done.text
    system.awaits(f"! -e '{MACHINE}'")
    assert system.state().new(before) == set()


def test_who_installs_by_hand_is_asked_before_a_program_is_closed_and_may_give_up(
    system: Windows, setups: Mapping[str, tuple[Path, Payload]]
) -> None:
    running_old(system)
    install = (("Do as you like.", "I Agree"), ("Choose Install Location", "Install"))
    done = goes_through(system, r"C:\new.exe", *install, ("demo-gui.exe is running.", "Cancel"))
    assert done.code == 1, done.text
    assert system.read("state.txt") == b"open"
    assert without_own(system.files(USER)) == installed(setups["old"][1])
    done = goes_through(system, r"C:\new.exe", ("Do as you like.", "Cancel"), ("Are you sure you want to quit", "Yes"))
    assert done.code == 1, done.text
    finished = (("Completing", f"Run {exe.NAME}"), (f"Run {exe.NAME}", "Finish"))
    done = goes_through(system, r"C:\new.exe", *install, ("It is asked to close when you go on.", "OK"), *finished)
    assert done.code == 0, done.text
    assert system.read("state.txt") == b"closed"
    assert without_own(system.files(USER)) == installed(setups["new"][1])


def test_a_passive_run_goes_through_all_pages_without_a_question(system: Windows, setups: Mapping[str, tuple[Path, Payload]]) -> None:
    """Also the page of its own, which asks for whom; and the uninstaller's."""
    assert system.run(r"C:\both.exe", "/P").code == 0
    assert without_own(system.files(USER)) == installed(setups["both"][1])
    assert not system.exists(MACHINE)
    place = "C:\\" + USER.replace("/", "\\")
    assert system.run(rf"{place}\uninstall.exe", "/P").code == 0
    system.awaits(f"! -e '{USER}/uninstall.exe'")


def test_a_folder_that_is_too_long_is_refused_before_anything_is_written(system: Windows) -> None:
    before = system.state()
    assert system.run(r"C:\new.exe", "/S", "/D=C:\\" + "long" * 30).code == 8
    assert system.state().new(before) == set()


def test_an_updater_starts_the_program_again(system: Windows) -> None:
    assert system.run(r"C:\new.exe", "/S", "/UPDATE", "/R", r"/ARGS=C:\started.txt").code == 0
    system.awaits("-e started.txt")
    assert system.read("started.txt") == b"open"


def test_another_program_finds_the_files_in_it(setups: Mapping[str, tuple[Path, Payload]], tmp_path: Path) -> None:
    program = tool("7z", "apt-get install p7zip-full")
    path, payload = setups["new"]
    subprocess.run([program, "x", "-y", f"-o{tmp_path}", path], check=True, capture_output=True)
    found = {file.relative_to(tmp_path).as_posix(): file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    contents = exe.contents("1.2.0")
    assert {name: data for name, data in found.items() if name in contents} == contents
    assert found.keys() - contents.keys() == {*OWN, *PLUGINS} - {"icons"}
    assert {entry.path for entry in payload.files if entry.sha256} == contents.keys()


@pytest.mark.parametrize(("name", "level"), [("new", "asInvoker"), ("both", "asInvoker")])
def test_windows_is_asked_for_no_rights(name: str, level: str, setups: Mapping[str, tuple[Path, Payload]]) -> None:
    data = setups[name][0].read_bytes()
    assert re.findall(rb'requestedExecutionLevel level="(\w+)"', data) == [level.encode()]
    assert b"longPathAware" in data


def test_for_the_machine_alone_windows_is_asked_for_an_administrators(tmp_path: Path) -> None:
    made, _ = exe.bundled(tmp_path, config=WindowsConfig(scope="machine"), formats=("nsis",))
    assert b'requestedExecutionLevel level="requireAdministrator"' in made["nsis"].read_bytes()


PROGRAM: Final = """
import sys
from pathlib import Path
sys.path[:0] = [{source!r}, {tests!r}]
from integration.test_nsis import WHOLE
from support import exe
exe.bundled(Path({folder!r}), config=WHOLE, reverse=True)
"""


def test_the_same_bytes_whatever_the_circumstances(tmp_path: Path) -> None:
    first, _ = exe.bundled(tmp_path / "first", config=WHOLE)
    tests, folder = Path(__file__).resolve().parents[1], tmp_path / "ein anderer Ort"
    folder.mkdir()
    code = PROGRAM.format(source=str(tests.parent / "src"), tests=str(tests), folder=str(folder))
    other = {"TZ": "Pacific/Chatham", "LC_ALL": "POSIX", "PYTHONHASHSEED": "2", "PYTHONDONTWRITEBYTECODE": "1"}
    other["COLDFORGE_CACHE"] = str(folder / "cache")
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **other}, umask=0o077, check=True, cwd="/")
    for path in first.values():
        assert (folder / "dist" / exe.TARGET / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_zip_holds_the_tree(tmp_path: Path) -> None:
    made, _ = exe.bundled(tmp_path, formats=("zip",))
    subprocess.run([tool("unzip", "apt-get install unzip"), "-tqq", made["zip"]], check=True)
    subprocess.run([tool("7z", "apt-get install p7zip-full"), "x", f"-o{tmp_path}/out", made["zip"]], check=True, capture_output=True)
    top = tmp_path / "out" / "demo-1.2.0"
    found = {path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()}
    assert found == {**exe.contents("1.2.0"), "LICENSE": (tmp_path / "LICENSE").read_bytes()}
    assert (top / exe.EMPTY).is_dir()
    with zipfile.ZipFile(made["zip"]) as archive:
        modes = {info.filename: (info.external_attr >> 16, info.external_attr & 0xFFFF) for info in archive.infolist()}
        assert {info.date_time for info in archive.infolist()} == {(2023, 11, 14, 22, 13, 20)}
    assert modes["demo-1.2.0/demo.exe"] == (0o100755, 0)
    assert modes["demo-1.2.0/_internal/größe.txt"] == (0o100644, 0)
    assert modes[f"demo-1.2.0/{exe.EMPTY}/"] == (0o040755, 0x10)


SMALL: Final = """\
Unicode true
OutFile "setup.exe"
SetCompressor /SOLID lzma
InstallDir "$LOCALAPPDATA\\demo"
Section
SetOutPath "$INSTDIR\\a demo"
File file.txt
File numbers
WriteUninstaller "$INSTDIR\\uninstall.exe"
SectionEnd
Section uninstall
Delete "$INSTDIR\\uninstall.exe"
SectionEnd
"""


def test_it_is_looked_into_by_file(tmp_path: Path) -> None:
    """By where files are installed; of two setups the first line that differs; and damage is told."""
    program = tool("makensis", "apt-get install nsis")
    tool("7z", "apt-get install p7zip-full")
    contents = {"file.txt": "it runs\n", "numbers": "".join(f"{number}\n" for number in range(50_000))}
    for folder, text in (tmp_path / "one", "it runs\n"), (tmp_path / "other", "it walks\n"):
        folder.mkdir()
        for name, content in {**contents, "file.txt": text, "setup.nsi": SMALL}.items():
            (folder / name).write_text(content)
            os.utime(folder / name, (1_700_000_000, 1_700_000_000))
        subprocess.run([program, "-V1", "-NOCONFIG", "setup.nsi"], cwd=folder, check=True, capture_output=True)
    one, other = tmp_path / "one" / "setup.exe", tmp_path / "other" / "setup.exe"
    found = {item.path: item.sha256 for item in inspect(one).items}
    assert found.keys() == {"a demo/file.txt", "a demo/numbers", "uninstall.exe"}
    assert all(found[f"a demo/{name}"] == hashlib.sha256(content.encode()).hexdigest() for name, content in contents.items())
    difference = compare(one, other)
    assert difference is not None
    assert (difference.where, difference.rebuilt) == (("setup.exe", "a demo/file.txt", "line 1"), "it walks")
    data = bytearray(one.read_bytes())
    data[-2000:-1000] = bytes(1000)
    one.write_bytes(data)
    told = inspect(one)
    assert told.items == ()
    assert told.fields["its files"].startswith("damaged: ")
