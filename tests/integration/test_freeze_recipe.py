"""build/freeze.py alone: the same tree and the same one-file programs from environments that differ in all that must not matter."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from coldforge.freeze.interpreter import find_python
from coldforge.freeze.lock import uv
from coldforge.host.cache import digest
from coldforge.host.files import sha256
from coldforge.project.pyinstaller import PyInstallerConfig
from support.pair import LOCK, PAIR
from support.program import ROOT
from support.repository import write

pytestmark = pytest.mark.integration

FREEZER = ROOT / "build" / "requirements" / "pyinstaller.txt"
# Loaded by every Python of the second freeze: folders are listed backwards.
BACKWARDS = """\
import os

listdir, scandir = os.listdir, os.scandir


class Backwards:
    def __init__(self, *words):
        with scandir(*words) as found:
            self.entries = iter(sorted(found, key=lambda entry: entry.name, reverse=True))

    def __iter__(self):
        return self.entries

    def __next__(self):
        return next(self.entries)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def close(self):
        return None


os.listdir = lambda *words: sorted(listdir(*words), reverse=True)
os.scandir = Backwards
"""

# Writes down what it finds in the order in which it finds it, as GTK's does.
HOOK = """\
import glob
from pathlib import Path

from PyInstaller.config import CONF
from PyInstaller.utils.hooks import get_package_paths

listed = Path(CONF["workpath"], "listed.txt")
listed.write_text("\\n".join(Path(path).name for path in glob.glob(get_package_paths("markupsafe")[1] + "/*.py*")))
datas = [(str(listed), "listed")]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to prepare and to freeze: by which installer, in which folder, with which variables and umask."""

    installer: str
    folder: str
    env: dict[str, str]
    umask: int
    backwards: bool = False
    whole_walk: bool = False


PLAIN = Way(installer="uv", folder="a", env={"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "0"}, umask=0o022)
ODD = Way(
    installer="pip",
    folder="another place/dëeper",
    env={"TZ": "Pacific/Chatham", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "4711", "USER": "another", "COLUMNS": "40"},
    umask=0o077,
    backwards=True,
    whole_walk=True,
)
# PyInstaller's own way through every instruction of every module.
WHOLE_WALK = f"""\
import sys
sys.path.insert(0, {str(ROOT / "build")!r})
import freeze
from freezing import wrapper
wrapper.walk_only_what_imports = lambda: None
sys.exit(freeze.main())
"""


def prepare(way: Way, folder: Path) -> Path:
    """An environment with the application's and the freezer's distributions, and the project beside it; its Python."""
    project = write(folder / "source", {**PAIR, "hooks/hook-markupsafe.py": HOOK})
    (folder / "lock.txt").write_text(LOCK + FREEZER.read_text(encoding="utf-8"), encoding="utf-8")
    base, environment = find_python("", "").path, folder / "environment"
    python = environment / "bin" / "python"
    target = ["--target", str(folder / "application"), "--no-deps", str(project)]
    locked = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(folder / "lock.txt")]
    if way.installer == "uv":
        install = [uv(), "pip", "install", "--quiet", "--python", str(python)]
        steps = [[uv(), "venv", "--quiet", "--python", base, str(environment)], [*install, *locked], [*install, *target]]
    else:
        install = [str(python), "-m", "pip", "install", "--quiet"]
        steps = [[base, "-m", "venv", str(environment)], [*install, *locked], [*install, *target]]
    for step in steps:
        subprocess.run(step, check=True, umask=way.umask, cwd=folder)
    if way.installer == "pip":  # it was needed to install; what is frozen is what the lock names
        subprocess.run([*install[:-2], "uninstall", "--quiet", "--yes", "pip"], check=True, cwd=folder)
    return python


def freeze(way: Way, folder: Path) -> dict[str, str]:
    """Digests of the tree and of each one-file program."""
    python = prepare(way, folder)
    path = [str(folder / "application")]
    if way.backwards:
        (folder / "backwards").mkdir()
        (folder / "backwards" / "sitecustomize.py").write_text(BACKWARDS, encoding="utf-8")
        path.append(str(folder / "backwards"))
    job = {
        "application": "pair",
        "executables": [
            {"name": "pair-show", "entry": "pair.show:main", "console": True},
            {"name": "pair-work", "entry": "pair.work:Work.main", "console": True},
        ],
        "options": OPTIONS,
        "onefile": True,
        "anyway": False,
        "declared": [],
        "freezer": ["pyinstaller", "pyinstaller-hooks-contrib", "altgraph", "setuptools", "packaging"],
        "licenses": [],
        "resources": {},  # of Windows' programs
        "hooks": [str(ROOT / "build" / "hooks" / "library_path.py")],
        **{name: str(folder / name) for name in ("source", "kept", "work", "out")},
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    env = {**os.environ, **way.env, "PYTHONPATH": os.pathsep.join(path), "PYINSTALLER_CONFIG_DIR": str(folder / "config")}
    start = ["-c", WHOLE_WALK] if way.whole_walk else [str(ROOT / "build" / "freeze.py")]
    words = [str(python), *start, str(folder / "job.json")]
    done = subprocess.run(words, env=env, cwd=folder, umask=way.umask, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads((folder / "out" / "result.json").read_text(encoding="utf-8"))["failures"] == []
    singles = {path.name: sha256(path) for path in (folder / "out" / "onefile").iterdir()}
    return {"tree": digest(folder / "out" / "payload"), **singles}


OPTIONS = msgspec.to_builtins(
    PyInstallerConfig(
        collect_data=("markupsafe",),
        collect_submodules=("markupsafe",),
        copy_metadata=("markupsafe",),
        add_data=("src/pair/data:extra",),
        additional_hooks_dir=("hooks",),
        exclude_modules=("pydoc",),
        optimize=1,
    )
)


def test_identical_over_installer_place_listing_order_hash_seed_umask_and_walk(tmp_path: Path) -> None:
    made = []
    for way in (PLAIN, ODD):
        (tmp_path / way.folder).mkdir(parents=True)
        made.append(freeze(way, tmp_path / way.folder))
    assert made[0].keys() == {"tree", "pair-show", "pair-work"}
    assert made[0] == made[1]
    tree = tmp_path / "a" / "out" / "payload"
    assert (tree / "_internal" / "extra" / "words.txt").is_file()
    assert (tree / "_internal" / "listed" / "listed.txt").read_text().split() == ["__init__.py", "_native.py", "_speedups.pyi"]
    assert list((tree / "_internal").glob("markupsafe-*.dist-info/METADATA"))
