"""PyInstaller's vocabulary: all of it is known, and what it says is done; a spec of the user's own works as it stands."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from coldforge.freeze.interpreter import find_python
from coldforge.freeze.lock import uv
from coldforge.project.pyinstaller import DECIDED, REMOVED, options
from coldforge.records import Payload, read
from support.pair import LOCK, PAIR, PYPROJECT
from support.program import ROOT, Outcome, coldforge
from support.repository import write
from support.require import need

pytestmark = pytest.mark.integration

# Every option of PyInstaller's command line, the hidden ones too, as its own parser has them.
PARSER = """\
import json
from PyInstaller.__main__ import generate_parser
print(json.dumps([action.option_strings for action in generate_parser()._actions if action.option_strings]))
"""


def test_every_option_of_pyinstaller_is_a_key_or_decided(tmp_path: Path) -> None:
    python = tmp_path / "environment" / "bin" / "python"
    lock = ROOT / "build" / "requirements" / "pyinstaller.txt"
    for step in (
        ["venv", "--python", find_python("", "").path, str(tmp_path / "environment")],
        ["pip", "install", "--python", str(python), "--require-hashes", "--no-deps", "-r", str(lock)],
    ):
        subprocess.run([uv(), "--quiet", *step], check=True)
    actions = json.loads(subprocess.run([python, "-c", PARSER], capture_output=True, text=True, check=True).stdout)
    known = {*(option["option"] for option in options().values()), *DECIDED, *REMOVED}
    assert [words for words in actions if known.isdisjoint(words)] == [], "options that coldforge does not know"
    assert known - {word for words in actions for word in words} == set(), "options that PyInstaller does not have"


SHOW = """\
import json
import os
import sys
from importlib import import_module, metadata
from pathlib import Path

try:
    import sqlite3
except ImportError:
    sqlite3 = None

ROOT = Path(getattr(sys, "_MEIPASS", ""))


def main() -> None:
    \"\"\"Gone at level 2.\"\"\"
    facts = {
        "notes": (ROOT / "texts" / "notes.txt").read_text(),
        "tables": sorted(path.name for path in (ROOT / "tables").iterdir()),
        "tool": os.access(ROOT / "tool", os.X_OK),
        "hook": os.environ.get("FROM_HOOK"),
        "hooked": import_module("json.tool").__name__,
        "beside": import_module("beside").__name__,
        "sqlite3": sqlite3,
        "folder": ROOT.name,
        "flags": [sys.flags.optimize, sys.flags.utf8_mode],
        "document": main.__doc__,
        "metadata": [metadata.version("jinja2"), metadata.version("markupsafe")],
        "file": Path(import_module("pair.work").__file__).relative_to(ROOT).as_posix(),
    }
    print(json.dumps(facts))
"""
OPTIONS = """
[tool.coldforge.pyinstaller]
add-data = ["notes.txt:texts", "data/*.csv:tables"]
add-binary = ["tool:."]
runtime-hooks = ["hook.py"]
additional-hooks-dir = ["hooks"]
paths = ["more"]
hidden-imports = ["beside"]
exclude-modules = ["sqlite3"]
recursive-copy-metadata = ["jinja2"]
contents-directory = "lib"
optimize = 2
python-options = ["X utf8"]
debug = ["noarchive"]
strip = true
bootloader-ignore-signals = true
uac-admin = true
argv-emulation = true
hooks-config = { pair = { module = "json.tool" } }
"""
HOOK = """\
from PyInstaller.utils.hooks import get_hook_config


def hook(hook_api):
    hook_api.add_imports(get_hook_config(hook_api, "pair", "module"))
"""
# Nothing imports it: what is there of it is there because of an option.
JINJA = """\
jinja2==3.1.6 \\
    --hash=sha256:85ece4451f492d0c13c5dd7c13a64681a86afae63a5f347908daf103ce6d2f67
"""
PROJECT = {
    **PAIR,
    "pyproject.toml": PYPROJECT + OPTIONS,
    "requirements.txt": JINJA + LOCK,
    "src/pair/show.py": SHOW,
    "notes.txt": "taken along",
    "data/a.csv": "1",
    "data/b.csv": "2",
    "data/c.txt": "3",
    "tool": "#!/bin/sh\nexit 0\n",
    "hook.py": 'import os\nos.environ["FROM_HOOK"] = "hooked"\n',
    "hooks/hook-pair.work.py": HOOK,
    "more/beside.py": "",
}


def start(program: Path, *words: str) -> str:
    clean = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    return subprocess.run([program, *words], env=clean, cwd="/", capture_output=True, text=True, check=True, timeout=60).stdout.strip()


# This machine's own Tk comes along; that is what a gate would stop.
SPLASH = """\
splash = "picture.png"
splash-center = "primary"

[tool.coldforge.gates]
system-library = "the test freezes on whatever machine it runs on"
"""
# One pixel.
PICTURE = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


def has_tk() -> bool:
    python = find_python("", ">=3.11").path
    return subprocess.run([python, "-c", "import _tkinter"], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def with_options(host_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """The target's folder of a project with many options, and what the freeze said."""
    folder = tmp_path_factory.mktemp("options")
    project = folder / "source"
    project.mkdir()
    (project / "tool").touch(0o755)
    (project / "picture.png").write_bytes(PICTURE)
    splash = SPLASH if has_tk() else ""
    write(project, {**PROJECT, "pyproject.toml": PROJECT["pyproject.toml"] + splash})
    return folder / "dist" / "linux-x86_64", coldforge("freeze", project, "--host", "--out", folder / "dist", env=host_env).succeeded()


@pytest.mark.parametrize("place", ["payload", "onefile"])
def test_the_options_do_what_they_say(place: str, with_options: tuple[Path, Outcome]) -> None:
    facts = json.loads(start(with_options[0] / place / "pair-show"))
    assert facts.pop("folder") == "lib" or place == "onefile"
    assert facts == {
        "notes": "taken along",
        "tables": ["a.csv", "b.csv"],
        "tool": True,
        "hook": "hooked",
        "hooked": "json.tool",
        "beside": "beside",
        "sqlite3": None,
        "flags": [2, 1],
        "document": None,
        "metadata": ["3.1.6", "3.0.3"],
        "file": "pair/work.pyc",
    }
    assert start(with_options[0] / place / "pair-work", "pool") == "6"


def test_everything_but_the_executables_is_in_the_named_folder_with_its_origin(with_options: tuple[Path, Outcome]) -> None:
    entries = {entry.path: entry for entry in read(with_options[0] / "payload.json", Payload).files}
    assert {path.partition("/")[0] for path in entries} - {"pair-show", "pair-work", "licenses"} == {"lib"}
    (extension,) = (entry for path, entry in entries.items() if "_speedups" in path and entry.kind == "extension")
    assert extension.origin.name == "markupsafe"


def test_stripped_libraries_have_no_symbols(with_options: tuple[Path, Outcome]) -> None:
    """The wheel's own has them."""
    (extension,) = (with_options[0] / "payload").rglob("_speedups*.so")
    with extension.open("rb") as stream:
        assert ELFFile(stream).get_section_by_name(".symtab") is None


def test_options_for_other_systems_are_ignored_aloud(with_options: tuple[Path, Outcome]) -> None:
    assert "argv-emulation, uac-admin: not for linux-x86_64, so ignored here." in with_options[1].err


def test_a_splash_screen_is_in_the_programs_with_the_tk_that_shows_it(with_options: tuple[Path, Outcome]) -> None:
    need("tk", available=has_tk(), how="a Python with tkinter")
    assert list((with_options[0] / "payload").rglob("libtk*.so*"))
    assert b"Splash-00.res" in (with_options[0] / "payload" / "pair-show").read_bytes()
