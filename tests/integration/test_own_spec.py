"""A spec of the user's own: run as it stands, its tree found, its bytes the same everywhere; what does not fit the plan is told."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from coldforge.records import Payload, canonical, read
from support.pair import PAIR, PYPROJECT
from support.program import Outcome, coldforge
from support.repository import write

pytestmark = pytest.mark.integration

# As PyInstaller writes them, with what people add: imports for their editor, a folder of data, files read from the project.
SPEC = """\
from pathlib import Path

from PyInstaller.building.api import COLLECT, EXE, PYZ
from PyInstaller.building.build_main import Analysis
from PyInstaller.building.datastruct import Tree
from PyInstaller.utils.hooks import copy_metadata

assert Path("pyproject.toml").is_file()
analysis = Analysis(
    ["../scripts/show.py"],
    datas=[("../notes.txt", "texts"), *copy_metadata("markupsafe")],
    hiddenimports=["pair.late"],
    runtime_hooks=["hook.py"],
)
analysis.datas += Tree(str(Path(SPECPATH).parent / "tables"), prefix="tables")
pyz = PYZ(analysis.pure)
shown = EXE(pyz, analysis.scripts, [("X utf8", None, "OPTION")], exclude_binaries=True, name="pair-show", upx=True)
COLLECT(shown, analysis.binaries, analysis.datas, strip=False, upx=True, name="Whatever it is called")
"""
SCRIPT = """\
import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import markupsafe

root = Path(sys._MEIPASS)
facts = {
    "notes": (root / "texts" / "notes.txt").read_text(),
    "tables": sorted(path.name for path in (root / "tables").iterdir()),
    "hook": os.environ["FROM_HOOK"],
    "late": import_module("pair.late").NAME,
    "escaped": markupsafe.escape("<"),
    "utf8": sys.flags.utf8_mode,
    "child": subprocess.run(["/bin/sh", "-c", "echo ${LD_LIBRARY_PATH-unset}"], capture_output=True, text=True).stdout.strip(),
}
print(json.dumps(facts))
"""
# The least that PyInstaller can freeze.
PLAIN = """\
analysis = Analysis(["../scripts/plain.py"], hiddenimports=["pair.naive"])
shown = EXE(PYZ(analysis.pure), analysis.scripts, exclude_binaries=True, name="pair-show")
"""
CONFIGURED = """
[tool.coldforge.pyinstaller]
spec = "packaging/own.spec"
"""
ONE = PYPROJECT.replace('pair-work = "pair.work:Work.main"\n', "").replace(', "pair-work pool"', "")
OWN = {
    **PAIR,
    "pyproject.toml": ONE + CONFIGURED,
    "packaging/own.spec": SPEC,
    "scripts/show.py": SCRIPT,
    "scripts/plain.py": "",
    "notes.txt": "taken along",
    "hook.py": 'import os\nos.environ["FROM_HOOK"] = "hooked"\n',
    "tables/b.csv": "2",
    "tables/a.csv": "1",
}


def freeze(folder: Path, env: dict[str, str], spec: str = SPEC) -> Outcome:
    project = write(folder / "source", {**OWN, "packaging/own.spec": spec})
    return coldforge("freeze", project, "--host", "--out", folder / "dist", env=env)


@pytest.fixture(scope="module")
def frozen(host_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's folder, frozen twice: `dist` and `again`, each in a folder of its own, the second from everything anew."""
    folder = tmp_path_factory.mktemp("own")
    freeze(folder, host_env).succeeded()
    coldforge("freeze", folder / "source", "--host", "--clean", "--out", folder / "again", env=host_env).succeeded()
    return folder


@pytest.mark.parametrize("place", ["payload", "onefile"])
def test_the_program_of_the_spec_works(place: str, frozen: Path) -> None:
    program = frozen / "dist" / "linux-x86_64" / place / "pair-show"
    done = subprocess.run([program], env={"PATH": "/usr/bin:/bin"}, cwd="/", capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == {
        "notes": "taken along",
        "tables": ["a.csv", "b.csv"],
        "hook": "hooked",
        "late": "imported by name",
        "escaped": "&lt;",
        "utf8": 1,
        "child": "unset",
    }


def test_it_is_identical_twice(frozen: Path) -> None:
    first, second = (read(frozen / name / "linux-x86_64" / "payload.json", Payload) for name in ("dist", "again"))
    assert canonical(first) == canonical(second)


def test_origins_are_known_and_nothing_of_the_installer_is_left(frozen: Path) -> None:
    entries = {entry.path: entry for entry in read(frozen / "dist" / "linux-x86_64" / "payload.json", Payload).files}
    (extension,) = (entry for path, entry in entries.items() if "_speedups" in path and entry.kind == "extension")
    assert (extension.origin.name, entries["_internal/tables/a.csv"].origin.kind) == ("markupsafe", "application")
    traces = {path.rpartition("/")[2] for path in entries if ".dist-info/" in path}
    assert "METADATA" in traces
    assert traces.isdisjoint({"INSTALLER", "RECORD", "REQUESTED"})


def test_programs_that_are_not_planned_are_told_with_the_spec(host_env: dict[str, str], tmp_path: Path) -> None:
    outcome = freeze(tmp_path, host_env, spec=PLAIN.replace("pair-show", "show") + "COLLECT(shown, name='pair-show')\n")
    outcome.failed(2, "packaging/own.spec", "the spec makes show; planned are pair-show")


def test_a_spec_without_a_tree_is_told(host_env: dict[str, str], tmp_path: Path) -> None:
    freeze(tmp_path, host_env, spec=PLAIN).failed(2, "packaging/own.spec", "the spec makes no tree", "onefile")


def test_a_hidden_import_of_the_spec_must_exist(host_env: dict[str, str], tmp_path: Path) -> None:
    outcome = freeze(tmp_path, host_env, spec=PLAIN + "COLLECT(shown, analysis.binaries, analysis.datas, name='pair')\n")
    outcome.failed(1, "[hidden-import]", "pair.naive")


def test_a_fault_in_the_spec_is_shown_with_its_line(host_env: dict[str, str], tmp_path: Path) -> None:
    freeze(tmp_path, host_env, spec="import os\nraise ValueError('no such thing')\n").failed(4, "own.spec", "line 2", "no such thing")
