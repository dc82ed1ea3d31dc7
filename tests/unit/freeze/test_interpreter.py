"""Looking for the Python that is frozen: what is asked, what is not, and which command is told when there is none."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from coldforge.errors import ConfigurationError, Missing
from coldforge.freeze import interpreter, managed
from coldforge.host.files import sha256
from coldforge.host.run import Completed
from coldforge.records import Interpreter


class Machine:
    """Every interpreter on it is of one version; what was started, and that none of it is shown to people."""

    def __init__(self, version: str, library: Path) -> None:
        self._facts = json.dumps({"version": version, "build": version, "library": str(library)})
        self.started: list[str] = []

    def run(self, argv: Sequence[str], **options: Any) -> Completed:
        assert options["check"] is False
        name = Path(argv[0]).name
        self.started.append(name)
        return Completed(code=1, output="error: No interpreter found") if name == "uv" else Completed(code=0, output=self._facts)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    interpreter._probed.cache_clear()
    (tmp_path / "libpython.so").touch()
    made = Machine("3.12.4", tmp_path / "libpython.so")
    monkeypatch.setattr(interpreter, "run", made.run)
    monkeypatch.setattr(managed, "run", made.run)
    yield made
    interpreter._probed.cache_clear()


def test_uv_is_not_asked_when_there_is_one(machine: Machine) -> None:
    assert interpreter.find_python("", ">=3.11").version == "3.12.4"
    assert len(machine.started) == 1
    with pytest.raises(Missing):
        interpreter.find_python("3.10", "")
    assert machine.started[-1] == "uv"


@pytest.mark.parametrize(
    ("wanted", "requires", "told"),
    [
        ("", ">=3.14", "libpython3.14 "),
        ("", "==3.13.*", "libpython3.13 "),
        ("", ">=3.13.5,<3.14", "libpython3.13 "),
        ("3.13", "", "libpython3.13 "),
        ("3.13.2", "", "libpython3.13 "),
        ("", ">=3.99", "The project requires >=3.99."),
    ],
)
def test_the_command_that_gets_one_gets_one_that_fits(wanted: str, requires: str, told: str, machine: Machine) -> None:
    with pytest.raises(Missing) as caught:
        interpreter.find_python(wanted, requires)
    assert told in caught.value.hint
    assert ("apt-get" in caught.value.hint) == ("libpython" in told)


def test_one_of_uvs_is_fetched_for_a_freeze_only(machine: Machine) -> None:
    with pytest.raises(Missing) as caught:
        interpreter.find_python("cpython-3.13.5", "")
    assert "A freeze fetches it" in caught.value.hint
    assert machine.started == ["uv"]
    with pytest.raises(Missing, match=r"cpython-3\.13\.5 cannot be had"):
        interpreter.find_python("cpython-3.13.5", "", fetch=True)
    assert machine.started == ["uv"] * 3


def test_a_specifier_that_is_none_is_no_fault_of_ours(machine: Machine) -> None:
    with pytest.raises(ConfigurationError, match="garbage"):
        interpreter.find_python("", "garbage")


def test_the_recorded_one_is_known_by_its_bytes(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "libpython.so").write_bytes(b"its code")
    recorded = Interpreter(version="3.12.4", build="3.12.4 (main)", sha256=sha256(tmp_path / "libpython.so"))
    assert interpreter.find_same(recorded).library == tmp_path / "libpython.so"
    (tmp_path / "libpython.so").write_bytes(b"another build of the same version")
    with pytest.raises(Missing, match="the recorded Python is not on this machine") as caught:
        interpreter.find_same(recorded)
    assert len(caught.value.why.splitlines()) == 2  # what is recorded, and the one library that all are here
    assert sha256(tmp_path / "libpython.so")[:12] in caught.value.why
    assert "uv" in machine.started


@pytest.mark.parametrize(
    ("names", "file"),
    [
        ({"INSTSONAME": "Python.framework/Versions/3.12/Python", "LDLIBRARY": "Python.framework/Versions/3.12/Python"}, "Python"),
        ({"LDLIBRARY": "libpython3.12.dylib"}, "lib/libpython3.12.dylib"),
        ({"LDLIBRARY": "libpython3.12.a"}, f"lib/libpython{sys.version_info[0]}.{sys.version_info[1]}.dylib"),
    ],
)
def test_the_library_of_a_macs_python(
    names: dict[str, str], file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).touch()
    with monkeypatch.context() as mac:  # as far as the question about the library sees it
        mac.setattr("sys.platform", "darwin")
        mac.setattr("sys.base_prefix", str(tmp_path))
        mac.setattr("sysconfig.get_config_var", names.get)
        exec(interpreter._PROBE, {})  # what every interpreter is asked with
    assert json.loads(capsys.readouterr().out)["library"] == str(tmp_path / file)


def test_a_path_is_one_of_the_project_wherever_the_program_is_started(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin/python"
    python.write_text("")
    python.chmod(0o755)
    monkeypatch.chdir("/")
    assert interpreter.find_python("bin/python", "", project=tmp_path).path == str(python)
    with pytest.raises(Missing) as caught:
        interpreter.find_python("bin/other", "", project=tmp_path)
    assert "bin/other is no Python that can be started" in caught.value.why
