"""Every Python that can be frozen: the same bytes from two places and from what was kept, programs that run, archives that are read."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest

from coldforge.filetypes import marshalled
from coldforge.freeze.binaries import version as numbers
from coldforge.freeze.gates.leak import Searched, Trace, search
from coldforge.host.files import sha256
from coldforge.rebuild.compare import compare
from coldforge.records import Payload, read
from support import images, told
from support.bare import USER, Bare, bare
from support.pair import LOCK, PAIR, PYPROJECT, SHOW
from support.program import ROOT, coldforge, environment
from support.pythons import HERE, IN_IMAGES, VERSIONS, here
from support.repository import LOCK as MDURL
from support.repository import write
from support.require import need

pytestmark = pytest.mark.integration

# Two distributions, one of them compiled; slices that are constants since Python 3.14.
PROJECT: Final = {
    **PAIR,
    "pyproject.toml": PYPROJECT.replace('["markupsafe>=3"]', '["markupsafe>=3", "mdurl"]').replace(', "pair-work pool"', ""),
    "requirements.txt": LOCK + MDURL,
    "src/pair/show.py": SHOW.replace("import markupsafe\n", "import sys\n\nimport markupsafe\nimport mdurl\n").replace(
        '"data":', '"python": sys.version.split()[0],\n        "url": mdurl.encode("a b c d"[1:-1][2:]),\n        "data":'
    ),
}
BEFORE, AFTER = "imported by name", "changed by hand"
IMAGES: Final = '[own]\nbase = "{base}"\npython = "python{version}"\n'
CHOSEN: Final = '\n[tool.coldforge.environment]\npython = "{path}"\n'
PLAIN: Final = {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"}
ODD: Final = {"TZ": "Pacific/Chatham", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "4711", "USER": "another"}
UNINSTALL: Final = "rm -rf /usr/bin/python3* /usr/lib/python3* /usr/lib/*/libpython3*"
ALL: Final = "import test_byte_code as tests; [getattr(tests, name)() for name in dir(tests) if name.startswith('test_')]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """One that can be frozen: an image, or one of this machine, by its path."""

    version: str
    image: str = ""
    path: str = ""

    def project(self, folder: Path, name: str, *, reverse: bool = False) -> Path:
        """A project that chooses it; `name` is the constant of its module `late`."""
        files = dict(PROJECT) | {"src/pair/late.py": f'NAME = "{name}"\n'}
        if self.image:
            files["containers/images.toml"] = IMAGES.format(base=self.image, version=self.version)
        else:
            files["pyproject.toml"] += CHOSEN.format(path=self.path)
        return write(folder, dict(reversed(files.items())) if reverse else files, container="own" if self.image else "")

    def freeze(self, project: Path, out: Path, cache: Path, env: Mapping[str, str], *, umask: int) -> str:
        """Freeze it; what was said."""
        words = () if self.image else ("--host",)
        env = environment(**{**env, "COLDFORGE_CACHE": str(cache)})
        return coldforge("freeze", project, *words, "--out", out, env=env, umask=umask).succeeded().err

    @contextmanager
    def running(self, folder: Path) -> Iterator[Any]:
        """Something that runs it in a folder with copies of the files there: words to what they print."""
        if not self.image:
            yield lambda *words: subprocess.run([self.path, *words], cwd=folder, env={}, check=True, capture_output=True, text=True).stdout
            return
        with bare(self.image) as system:
            system.put_tree(folder, "/opt")
            yield lambda *words: system.do(f"cd /opt/{folder.name} && python{self.version} {' '.join(words)}")


@pytest.fixture(scope="module", params=VERSIONS)
def python(request: pytest.FixtureRequest) -> Python:
    if request.param in HERE:
        return Python(version=request.param, path=here(request.param))
    return Python(version=request.param, image=images.image(IN_IMAGES[request.param]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What three freezes made: of the first text, of the changed one with what was kept, and of the changed one elsewhere from nothing."""

    first: Path
    kept: Path
    elsewhere: Path


@pytest.fixture(scope="module")
def frozen(python: Python, host_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frozen]:
    """Elsewhere is another file system, where there is one in memory: its folders list their files in another order."""
    here, memory = tmp_path_factory.mktemp("here"), Path("/dev/shm")
    shared = {"UV_CACHE_DIR": host_env["UV_CACHE_DIR"]}
    with TemporaryDirectory(prefix="elsewhere ", dir=memory if memory.is_dir() else None) as name:
        other = Path(name, "deeper in ünïcode")
        project = python.project(here / "source", BEFORE)
        python.freeze(project, here / "first", here / "cache", {**shared, **PLAIN}, umask=0o022)
        (project / "src/pair/late.py").write_text(f'NAME = "{AFTER}"\n', encoding="utf-8")
        said = python.freeze(project, here / "kept", here / "cache", {**shared, **PLAIN}, umask=0o022)
        assert "the analysis is kept" in said
        python.freeze(
            python.project(other / "source", AFTER, reverse=True), other / "dist", other / "cache", {**shared, **ODD}, umask=0o077
        )
        yield Frozen(
            **{
                key: path / "linux-x86_64"
                for key, path in (("first", here / "first"), ("kept", here / "kept"), ("elsewhere", other / "dist"))
            }
        )


def contents(made: Path) -> dict[str, str]:
    """Every file and link of the payload and the one-file programs, with mode and digest."""
    paths = (path for folder in ("payload", "onefile") for path in (made / folder).rglob("*") if path.is_symlink() or path.is_file())
    return {
        path.relative_to(made).as_posix(): f"link {path.readlink()}" if path.is_symlink() else f"{path.stat().st_mode:o} {sha256(path)}"
        for path in paths
    }


def test_the_same_bytes_from_another_place_and_from_what_was_kept(frozen: Frozen) -> None:
    first, kept, elsewhere = map(contents, (frozen.first, frozen.kept, frozen.elsewhere))
    assert {name for name in kept if kept[name] != elsewhere.get(name)} == set()
    assert first.keys() == kept.keys() == elsewhere.keys()
    assert {"payload/pair-show", "onefile/pair-show"} <= {name for name in kept if kept[name] != first[name]}


@pytest.fixture(scope="module")
def system(python: Python, frozen: Frozen) -> Iterator[Bare]:
    """A bare system; one that is new enough is that of the image without its Python."""
    floor = read(frozen.kept / "payload.json", Payload).glibc_floor
    old = numbers(floor) <= (2, 36)
    need("a system with glibc 2.36", available=old or bool(python.image), how=f"what is frozen with this machine's Python needs {floor}")
    with bare(python.image or images.image(images.BARE)) as made:
        made.do(UNINSTALL)
        for folder in ("payload", "onefile"):
            made.put_tree(frozen.kept / folder, "/opt")
        yield made


@pytest.mark.parametrize("folder", ["payload", "onefile"])
def test_the_programs_work_in_a_bare_system(folder: str, python: Python, system: Bare) -> None:
    facts = json.loads(system.do(f"/opt/{folder}/pair-show", user=USER))
    assert facts.pop("python").startswith(f"{python.version}.")
    assert facts == {
        "escaped": "&lt;b&gt;",
        "compiled": True,
        "data": ["zwei", "Wörter"],
        "url": "%20c%20",
        "version": "2.1",
        "dependency": "3.0.3",
        "late": AFTER,
    }
    assert system.do(f"/opt/{folder}/pair-work pool", user=USER) == "6\n"


def test_what_differs_is_named_down_to_the_constant(frozen: Frozen) -> None:
    for folder in ("payload", "onefile"):
        found = compare(frozen.first / folder / "pair-show", frozen.elsewhere / folder / "pair-show")
        assert found is not None
        assert "pair.late" in found.where
        assert (found.released, found.rebuilt) == (repr(BEFORE), repr(AFTER))


def test_traces_are_found_in_byte_code(frozen: Frozen) -> None:
    for folder in ("payload", "onefile"):
        hits = [hit.names for hit in search(frozen.kept / folder, {"pair-show": ""}, [Trace(AFTER.encode(), "a text")], Searched())]
        assert hits == [("pair-show", "PYZ.pyz", "pair.late")]


def test_a_program_is_inspected(frozen: Frozen, python: Python, host_env: dict[str, str]) -> None:
    shown = json.loads(coldforge("inspect", frozen.kept / "onefile" / "pair-show", "--json", env=host_env).succeeded().out)
    names = {item["path"].rpartition("/")[2] for item in shown["items"]}
    assert f"libpython{python.version}.so.1.0" in names
    assert "words.txt" in names
    assert shown["floor"].startswith("glibc-2.")


def test_all_that_it_marshals_is_read(python: Python, tmp_path: Path) -> None:
    """As that Python itself tells what is in it."""
    (tmp_path / "told.py").write_bytes(Path(told.__file__).read_bytes())
    with python.running(tmp_path) as run:
        made = json.loads(run("told.py"))
    assert len(made) > len(told.TEXTS)
    for data, said in made:
        assert told.told(marshalled.loads(bytes.fromhex(data))) == said


def test_the_byte_code_that_is_written_is_the_same_in_every_process(python: Python, tmp_path: Path) -> None:
    """The unit test of that, by this Python."""
    for path in (ROOT / "tests/unit/freeze/test_byte_code.py", ROOT / "build/freezing/byte_code.py"):
        target = tmp_path / ("freezing" if path.parent.name == "freezing" else "") / path.name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())
    (tmp_path / "all.py").write_text(ALL)
    with python.running(tmp_path) as run:
        run("all.py")
