"""What is frozen, where it is taken from, and how it is built: through the real uv, indexes on the loopback and no network at all."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Final
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from coldforge.errors import Missing
from coldforge.freeze.environment import python_version
from coldforge.freeze.installer import Installer
from coldforge.freeze.lock import uv
from coldforge.freeze.managed import archive
from coldforge.freeze.workshop import open_workshop
from coldforge.host.files import sha256
from coldforge.recipes import find
from coldforge.records import Environment, Payload, read
from coldforge.target import Target
from support import images
from support.index import PASSWORD, USER, Index, serve, wheel
from support.mirror import MARK, Mirror
from support.mirror import serve as fetched_from
from support.program import PROGRAM, Outcome, coldforge
from support.repository import LOCK, PYPROJECT, TINY, write
from support.require import tool

pytestmark = pytest.mark.integration

CHOICE = """
[project.optional-dependencies]
fast = ["sniffio==1.3.1"]

[dependency-groups]
inner = ["iniconfig==2.1.0"]
extra = [{ include-group = "inner" }]
dev = ["certifi"]

[tool.coldforge.environment]
extras = ["fast"]
groups = ["extra"]
"""
SHOW = """\
import json
from importlib.util import find_spec

from mdurl import encode


def main() -> None:
    print(json.dumps([name for name in ("mdurl", "sniffio", "iniconfig", "certifi") if find_spec(name)]))
"""
ONE_FORMAT = {"matrix.yml": "targets:\n  linux-x86_64: {formats: [tar.gz]}\n"}
HOUSE = '\n[tool.coldforge.environment]\nwheelhouse = "wheels"\n'


def freeze(project: Path, env: Mapping[str, str], *words: str) -> Outcome:
    """Freeze on this machine."""
    return coldforge("freeze", project, "--host", "--out", project.parent / "dist", *words, env=env)


def payload(project: Path) -> Payload:
    return read(project.parent / "dist/linux-x86_64/payload.json", Payload)


def environment(project: Path) -> Environment:
    return payload(project).environment


def start(project: Path, name: str = "tiny") -> str:
    """What the frozen program prints."""
    program = project.parent / "dist/linux-x86_64/payload" / name
    return subprocess.run([program], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def test_chosen_extras_and_groups_are_frozen_and_recorded_and_nothing_else(host_env: dict[str, str], tmp_path: Path) -> None:
    files = {"pyproject.toml": PYPROJECT + CHOICE, "src/tiny/__init__.py": SHOW, **ONE_FORMAT}
    hidden = '\n[tool.coldforge.pyinstaller]\nhidden-imports = ["sniffio", "iniconfig"]\n'
    project = write(tmp_path / "tiny", {**files, "pyproject.toml": files["pyproject.toml"] + hidden})
    subprocess.run([uv(), "lock", "--quiet"], cwd=project, check=True)
    freeze(project, host_env).succeeded()
    assert json.loads(start(project)) == ["mdurl", "sniffio", "iniconfig"]
    made = environment(project)
    assert (made.lock, made.extras, made.groups) == ("uv.lock", ("fast",), ("extra",))
    assert {dist.name: dist.version for dist in made.distributions} == {"mdurl": "0.1.2", "sniffio": "1.3.1", "iniconfig": "2.1.0"}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that the tiny project is frozen from, as pip downloads it."""
    folder = tmp_path_factory.mktemp("wheelhouse") / "wheels"
    (folder.parent / "lock.txt").write_text(LOCK, encoding="utf-8")
    locks = [word for path in (folder.parent / "lock.txt", find("build/requirements/pyinstaller.txt")) for word in ("-r", str(path))]
    pip = [uv(), "run", "--quiet", "--no-project", "--with", "pip", "python", "-m", "pip", "download", "--quiet", "--dest", str(folder)]
    subprocess.run([*pip, "--require-hashes", "--no-deps", *locks], check=True, cwd=folder.parent)
    subprocess.run([*pip, "hatchling>=1.27"], check=True, cwd=folder.parent)
    return folder


def housed(folder: Path, wheels: Path, files: Mapping[str, str] = TINY, *, container: str = "", more: str = "") -> Path:
    """A project that has its own wheelhouse, which is not committed, and `more` settings beside it."""
    matrix = {} if container else ONE_FORMAT
    text = {**files, "pyproject.toml": files["pyproject.toml"] + HOUSE + more, ".gitignore": "/wheels\n", **matrix}
    project = write(folder / "tiny", text, container=container)
    shutil.copytree(wheels, project / "wheels")
    return project


def alone(tmp_path: Path, env: Mapping[str, str]) -> dict[str, str]:
    """The environment of a machine that has nothing in its caches."""
    return {**env, "COLDFORGE_CACHE": str(tmp_path / "cache"), "UV_CACHE_DIR": str(tmp_path / "uv")}


def cut_off(*words: str | Path, env: Mapping[str, str]) -> Outcome:
    """Run coldforge in a network namespace of its own, which has no way out."""
    cut = [tool("unshare", "apt-get install util-linux"), "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    argv = [*cut, *PROGRAM, *map(str, words)]
    done = subprocess.run(argv, env=dict(env), capture_output=True, text=True, check=False, timeout=600, stdin=subprocess.DEVNULL)
    return Outcome(code=done.returncode, out=done.stdout, err=done.stderr)


def test_with_a_wheelhouse_no_network_is_needed_at_all(host_env: dict[str, str], tmp_path: Path, wheels: Path) -> None:
    project = housed(tmp_path, wheels)
    env = alone(tmp_path, host_env)
    cut_off("freeze", project, "--host", "--out", tmp_path / "dist", env=env).succeeded()
    assert start(project) == "tiny%20runs"
    assert environment(project).lock == "requirements.txt"


def unlocked() -> dict[str, str]:
    """The tiny project without a lock, whose version its build backend knows."""
    files = {name: text for name, text in TINY.items() if name != "requirements.txt"}
    dynamic = files["pyproject.toml"].replace('version = "0.1.0"', 'dynamic = ["version"]')
    files["pyproject.toml"] = f'{dynamic}\n[tool.hatch.version]\npath = "src/tiny/__init__.py"\n'
    files["src/tiny/__init__.py"] = '__version__ = "0.1.0"\n' + files["src/tiny/__init__.py"]
    return files


def test_without_a_lock_what_is_frozen_is_resolved_from_the_wheelhouse_and_rebuilt_without_it(
    host_env: dict[str, str], tmp_path: Path, wheels: Path
) -> None:
    project, env = housed(tmp_path, wheels, unlocked()), alone(tmp_path, host_env)
    cut_off("build", project, "--host", "--no-smoke", "--out", tmp_path / "dist", env=env).succeeded()
    assert environment(project).resolved.startswith("mdurl==0.1.2")
    outcome = coldforge("rebuild", tmp_path / "dist", "--unverified", "--host", "--source", project, env=alone(tmp_path / "elsewhere", env))
    assert "identical" in outcome.succeeded().err


def test_all_that_a_wheelhouse_lacks_is_named_at_once(host_env: dict[str, str], tmp_path: Path, wheels: Path) -> None:
    project = housed(tmp_path, wheels)
    for name in ("mdurl-*", "altgraph-*"):
        next((project / "wheels").glob(name)).unlink()
    outcome = freeze(project, alone(tmp_path, host_env))
    outcome.failed(3, "the wheelhouse wheels", "mdurl==0.1.2 is not there", "altgraph==0.17.5 is not there")
    assert "pip download --no-deps --dest wheels altgraph==0.17.5 mdurl==0.1.2" in outcome.err


def test_a_build_backend_that_a_wheelhouse_lacks_is_named(host_env: dict[str, str], tmp_path: Path, wheels: Path) -> None:
    project = housed(tmp_path, wheels)
    next((project / "wheels").glob("hatchling-*")).unlink()
    freeze(project, alone(tmp_path, host_env)).failed(3, "hatchling is not on this machine", "Add it to the wheelhouse")


def test_a_file_in_the_wheelhouse_that_is_not_the_locked_one_is_refused(host_env: dict[str, str], tmp_path: Path, wheels: Path) -> None:
    project = housed(tmp_path, wheels)
    with zipfile.ZipFile(next((project / "wheels").glob("mdurl-*")), "a") as archive:
        archive.writestr("mdurl/more.py", "")
    freeze(project, alone(tmp_path, host_env)).failed(1, "not the one that the lock names", "mdurl")


def test_a_wheelhouse_that_is_not_there_is_told(host_env: dict[str, str], tmp_path: Path, wheels: Path) -> None:
    project = housed(tmp_path, wheels)
    shutil.rmtree(project / "wheels")
    freeze(project, host_env).failed(2, "the wheelhouse wheels is no folder", "[tool.coldforge.environment]")


def test_what_was_fetched_once_is_frozen_again_without_a_network(host_env: dict[str, str], tmp_path: Path) -> None:
    project = write(tmp_path / "tiny", {**TINY, **ONE_FORMAT})
    env = {**alone(tmp_path, host_env), "UV_OFFLINE": "1"}
    freeze(project, env).failed(3, "is not on this machine, and nothing may be fetched", "mdurl")
    freeze(project, {**env, "UV_OFFLINE": ""}).succeeded()
    before = payload(project)
    cut_off("freeze", project, "--host", "--clean", "--out", tmp_path / "dist", env=env).succeeded()
    assert payload(project).files == before.files


def test_a_container_takes_everything_from_the_wheelhouse(
    container_env: dict[str, str], build_image: str, tmp_path: Path, wheels: Path
) -> None:
    """A source distribution with what builds it, too. The index that the environment names does not answer: whoever asked it would fail."""
    house = shutil.copytree(wheels, tmp_path / "wheels")
    maker(house, 1)
    packed(
        house, "rope", {"pyproject.toml": ROPE, "setup.py": "import knot_maker\nfrom setuptools import setup\n\nsetup()\n", "rope.py": ""}
    )
    table = TINY["pyproject.toml"].replace('"mdurl>=0.1"', '"mdurl>=0.1", "rope"')
    files = {
        **TINY,
        "requirements.txt": f"{LOCK}rope==1.0 --hash=sha256:{sha256(house / 'rope-1.0.tar.gz')}\n",
        "src/tiny/__init__.py": f"import rope\n{TINY['src/tiny/__init__.py']}",
        "pyproject.toml": table,
    }
    project = housed(tmp_path, house, files, container=build_image, more='allow-sdists = ["rope"]\n')
    env = {**alone(tmp_path, container_env), "UV_INDEX_URL": "http://127.0.0.1:9/simple"}
    coldforge("freeze", project, "--out", tmp_path / "dist", env=env).succeeded()
    assert start(project) == "tiny%20runs"
    recorded = environment(project).built
    assert "hatchling" in {dist.name for dist in recorded["tiny"]}
    assert {dist.name for dist in recorded["rope"]} == {"setuptools", "knot-maker"}


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Index]:
    """A private index with a distribution of our own, and one that is called like somebody else's."""
    folder = tmp_path / "private"
    folder.mkdir()
    wheel(folder, "parcel_of_ours", "1.0", {"parcel.py": "TEXT = 'ours'\n"})
    wheel(folder, "mdurl", "9.0", {"mdurl.py": "raise SystemExit('this is not the locked one')\n"})
    with serve(folder) as index:
        yield index


OURS = """
[tool.uv.sources]
parcel-of-ours = {{ index = "corp" }}

[[tool.uv.index]]
name = "corp"
url = "{url}"
explicit = true
"""


def traces(folder: Path, *texts: str) -> list[str]:
    """Where any of these, or the password in another spelling, stands: every file below a folder, and what was printed."""
    wanted = [PASSWORD, quote(PASSWORD, safe=""), b64encode(f"{USER}:{PASSWORD}".encode()).decode()]
    found = [str(path) for path in folder.rglob("*") if path.is_file() and any(one.encode() in path.read_bytes() for one in wanted)]
    return found + [text for text in texts if any(one in text for one in wanted)]


def test_an_index_of_the_projects_own_with_credentials_from_the_environment(
    host_env: dict[str, str], tmp_path: Path, private: Index
) -> None:
    table = PYPROJECT.replace('["mdurl>=0.1"]', '["mdurl>=0.1", "parcel-of-ours"]') + OURS.format(url=private.url)
    module = "import mdurl, parcel\n\n\ndef main() -> None:\n    print(mdurl.encode(parcel.TEXT))\n"
    project = write(tmp_path / "tiny", {"pyproject.toml": table, "src/tiny/__init__.py": module, **ONE_FORMAT})
    env = {**alone(tmp_path, host_env), "UV_INDEX_CORP_USERNAME": USER, "UV_INDEX_CORP_PASSWORD": PASSWORD}
    subprocess.run([uv(), "lock", "--quiet"], cwd=project, check=True, env=env)
    nobody = {**env, "UV_INDEX_CORP_PASSWORD": "wrong"}
    freeze(project, nobody).failed(3, "parcel-of-ours is on no index that could be read", "UV_INDEX_<NAME>_PASSWORD")
    outcome = freeze(project, env, "--verbose").succeeded()
    assert start(project) == "ours"
    assert any(path.endswith("parcel_of_ours-1.0-py3-none-any.whl") for path in private.asked)
    assert traces(tmp_path / "dist", outcome.out, outcome.err) == []
    assert private.url not in (tmp_path / "dist/linux-x86_64/payload.json").read_text()


def test_one_index_for_everything_whose_address_holds_the_credentials(host_env: dict[str, str], tmp_path: Path, wheels: Path) -> None:
    """Nothing is locked: what is resolved is recorded, and where it came from is not."""
    files = {name: text for name, text in TINY.items() if name != "requirements.txt"}
    project = write(tmp_path / "tiny", {**files, **ONE_FORMAT})
    with serve(wheels) as index:
        url = index.url.replace("//", f"//{USER}:{quote(PASSWORD, safe='')}@")
        env = {**alone(tmp_path, host_env), "UV_DEFAULT_INDEX": url}
        outcome = coldforge("build", project, "--host", "--no-smoke", "--out", tmp_path / "dist", "--verbose", env=env).succeeded()
    assert environment(project).resolved.startswith("mdurl==0.1.2")
    assert {path.split("-")[0] for path in index.asked if path.endswith(".whl")} >= {"/mdurl", "/pyinstaller", "/hatchling"}
    assert traces(tmp_path / "dist", outcome.out, outcome.err) == []
    assert index.url not in (tmp_path / "dist/manifest.json").read_text()


KNOT = {
    "pyproject.toml": """\
[build-system]
requires = ["setuptools", "knot-maker"]
build-backend = "setuptools.build_meta"

[project]
name = "knot"
version = "1.0"
license = "MIT"
""",
    "setup.py": """\
import knot_maker
from setuptools import Extension, setup

flags = [f"-DMADE_WITH={knot_maker.NUMBER}"]
setup(ext_modules=[Extension("knot", ["src/knot.c"], include_dirs=[knot_maker.INCLUDE], extra_compile_args=["-g", *flags])])
""",
    "MANIFEST.in": "include src/*.c",
    "src/knot.c": """\
#include <Python.h>
#include <knot_maker.h>

static PyObject *tell(PyObject *self, PyObject *unused) {
    return Py_BuildValue("(sssis)", __FILE__, knot_header(), __DATE__, MADE_WITH, __TIME__);
}
static PyMethodDef methods[] = {{"tell", tell, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "knot", "", -1, methods};
PyMODINIT_FUNC PyInit_knot(void) { return PyModule_Create(&module); }
""",
}
ROPE = KNOT["pyproject.toml"].replace('knot"\nversion', 'rope"\nversion')
OWN = "ropebridge"  # which is on no index but ours
MAKER = """\
from pathlib import Path

NUMBER = {number}
INCLUDE = str(Path(__file__).parent / "knot_include")
"""
TIED = """\
import json

import knot


def main() -> None:
    print(json.dumps(knot.tell()))
"""


def maker(folder: Path, number: int) -> None:
    """What builds a knot: a module, and a header that is included from where it is installed."""
    header = "static inline const char *knot_header(void) { return __FILE__; }\n"
    wheel(folder, "knot_maker", f"{number}.0", {"knot_maker.py": MAKER.format(number=number), "knot_include/knot_maker.h": header})


def packed(folder: Path, name: str, files: Mapping[str, str]) -> None:
    """Version 1.0 of a source distribution."""
    with tarfile.open(folder / f"{name}-1.0.tar.gz", "w:gz") as archive:
        for path, text in {**files, "PKG-INFO": f"Metadata-Version: 2.2\nName: {name}\nVersion: 1.0\n"}.items():
            member = tarfile.TarInfo(f"{name}-1.0/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution of a module in C, and what builds it, which no public index has."""
    folder = tmp_path_factory.mktemp("source")
    packed(folder, "knot", KNOT)
    maker(folder, 1)
    return folder


def tied(folder: Path, source: Path, settings: str = "", *, env: Mapping[str, str], lock: bool) -> Path:
    """A project that depends on the knot; with a `lock` for what builds it and the project."""
    digest = sha256(source / "knot-1.0.tar.gz")
    named = '[tool.coldforge.environment]\nallow-sdists = ["knot"]\n' + ('build-lock = "build.txt"\n' if lock else "") + settings
    files = {
        "pyproject.toml": PYPROJECT.replace("mdurl>=0.1", "knot") + "\n" + named,
        "src/tiny/__init__.py": TIED,
        "requirements.txt": f"knot==1.0 --hash=sha256:{digest}\n",
        **ONE_FORMAT,
    }
    if lock:
        asked = subprocess.run(
            [uv(), "pip", "compile", "--quiet", "--generate-hashes", "--universal", "--python-version", "3.11", "-"],
            input="hatchling>=1.27\nsetuptools\nknot-maker", env=env, capture_output=True, text=True, check=True,
        )  # fmt: skip
        files["build.txt"] = asked.stdout
    return write(folder / "tiny", files)


def credentials(url: str) -> str:
    return url.replace("//", f"//{USER}:{quote(PASSWORD, safe='')}@")


def test_a_source_distribution_is_the_same_bytes_wherever_it_is_built(host_env: dict[str, str], tmp_path: Path, source: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "another-folder"
    with serve(source) as index:
        for folder in (one, other):
            (folder / "tmp").mkdir(parents=True)
            env = {**alone(folder, host_env), "UV_INDEX": credentials(index.url), "TMPDIR": str(folder / "tmp")}
            freeze(tied(folder, source, env=env, lock=True), env).succeeded()
    assert payload(one / "tiny").files == payload(other / "tiny").files
    header = "/build/lib/python3.11/site-packages/knot_include/knot_maker.h"
    assert json.loads(start(other / "tiny")) == ["src/knot.c", header, "Jan  1 1980", 1, "00:00:00"]
    (extension,) = (other / "dist/linux-x86_64/payload").rglob("knot.*.so")
    assert str(tmp_path).encode() not in extension.read_bytes()
    recorded = environment(one / "tiny")
    assert (recorded.build_lock, recorded.build_lock_sha256) == ("build.txt", sha256(one / "tiny/build.txt"))
    assert {dist.name for dist in recorded.built["knot"]} == {"setuptools", "knot-maker"}
    shown = json.loads(coldforge("inspect", one / "dist/linux-x86_64/payload.json", "--json", env=host_env).succeeded().out)
    assert shown["fields"]["built from source"].startswith("knot, with knot-maker==1.0 setuptools==")
    assert "hatchling" in {dist.name for dist in recorded.built["tiny"]}
    assert all(dist.hashes for used in recorded.built.values() for dist in used)


RUST: Final = {
    "cargo/registry/src/index/deep/Cargo.toml": '[package]\nname = "deep"\nversion = "0.1.0"\nedition = "2021"\n',
    "cargo/registry/src/index/deep/src/lib.rs": '#[inline(never)]\npub fn at(n: usize) -> u8 { b"ab"[n] }\n',
    "knot/Cargo.toml": """\
[package]
name = "knot"
version = "0.1.0"
edition = "2021"

[lib]
crate-type = ["cdylib"]

[dependencies]
deep = { path = "../cargo/registry/src/index/deep" }
""",
    "knot/src/lib.rs": '#[no_mangle]\npub extern "C" fn knot(n: usize) -> u8 { deep::at(n) }\n',
}


@pytest.mark.parametrize(("record", "place"), [("", "{folder}/cargo"), ("record", "/cargo")])
def test_rusts_compiler_is_told_where_cargo_keeps_its_sources(record: str, place: str, tmp_path: Path) -> None:
    """A panic names its source file, and that of a dependency lies in cargo's home; as it is without a record, nothing is told."""
    cargo = tool("cargo", "https://rustup.rs")
    for name, text in RUST.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run([uv(), "venv", "--quiet", "--no-project", str(tmp_path / "environment")], check=True)
    env = {
        "PATH": os.environ["PATH"],
        "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup")),
        "CARGO_HOME": str(tmp_path / "cargo"),
        "PYTHONPATH": str(find("build/building")),
        "COLDFORGE_BUILT": record and str(tmp_path / record),
    }
    build = f"import subprocess; subprocess.run([{cargo!r}, 'build', '--release', '--offline', '--quiet'], check=True)"
    subprocess.run([tmp_path / "environment/bin/python", "-c", build], cwd=tmp_path / "knot", env=env, check=True)
    made = (tmp_path / "knot/target/release/libknot.so").read_bytes()
    assert f"{place.format(folder=tmp_path)}/registry/src/index/deep/src/lib.rs".encode() in made
    assert (str(tmp_path).encode() in made) == (not record)


def test_what_builds_must_be_in_the_build_lock(host_env: dict[str, str], tmp_path: Path, source: Path) -> None:
    with serve(source) as index:
        env = {**alone(tmp_path, host_env), "UV_INDEX": credentials(index.url)}
        project = tied(tmp_path, source, env=env, lock=True)
        lines = (project / "build.txt").read_text()
        (project / "build.txt").write_text(re.sub(r"knot-maker==1\.0 \\\n.*\n", "", lines))
        freeze(project, env).failed(2, "knot-maker is not in the build lock")
        (project / "build.txt").write_text(re.sub(r"(knot-maker==1\.0 \\\n\s*--hash=sha256:)\w+", r"\g<1>" + "0" * 64, lines))
        freeze(project, env).failed(1, "not the one that the lock names", "knot-maker")


def test_what_has_no_wheel_is_named_all_at_once_and_what_cannot_be_built_by_its_name(
    host_env: dict[str, str], tmp_path: Path, source: Path
) -> None:
    folder = shutil.copytree(source, tmp_path / "index")
    packed(folder, OWN, {"pyproject.toml": ROPE.replace("rope", OWN), "setup.py": "raise SystemExit('there is no hemp here')\n"})
    with serve(folder) as index:
        env = {**alone(tmp_path, host_env), "UV_INDEX": credentials(index.url)}
        project = tied(tmp_path, source, env=env, lock=False)
        settings, lock = project / "pyproject.toml", project / "requirements.txt"
        settings.write_text(settings.read_text().replace('allow-sdists = ["knot"]\n', ""))
        digest = sha256(folder / f"{OWN}-1.0.tar.gz")
        lock.write_text(f"{lock.read_text()}{OWN}==1.0 --hash=sha256:{digest}\n")
        freeze(project, env).failed(4, f"knot and {OWN} have no wheel", f'allow-sdists = ["knot", "{OWN}"]')
        settings.write_text(settings.read_text() + f'allow-sdists = ["knot", "{OWN}"]\n')
        freeze(project, env).failed(4, f"{OWN} could not be built from source", "there is no hemp here")


def test_without_a_build_lock_a_rebuild_builds_with_what_is_recorded(host_env: dict[str, str], tmp_path: Path, source: Path) -> None:
    folder = shutil.copytree(source, tmp_path / "index")
    with serve(folder) as index:
        env = {**alone(tmp_path, host_env), "UV_INDEX": credentials(index.url)}
        project = tied(tmp_path, source, env=env, lock=False)
        coldforge("build", project, "--host", "--no-smoke", "--out", tmp_path / "dist", env=env).succeeded()
        recorded = environment(project).built["knot"]
        assert {dist.name: dist.version for dist in recorded}["knot-maker"] == "1.0"
        maker(folder, 2)
        words = ("rebuild", tmp_path / "dist", "--unverified", "--host", "--source", project)
        outcome = coldforge(*words, env=alone(tmp_path / "later", env)).succeeded()
        assert "identical" in outcome.err
        freeze(project, env, "--clean").succeeded()
        assert json.loads(start(project))[3] == 2


def test_another_build_lock_is_another_environment(host_env: dict[str, str], tmp_path: Path, source: Path) -> None:
    folder = shutil.copytree(source, tmp_path / "index")
    with serve(folder) as index:
        env = {**alone(tmp_path, host_env), "UV_INDEX": credentials(index.url)}
        project = tied(tmp_path / "a", source, env=env, lock=True)
        freeze(project, env).succeeded()
        maker(folder, 2)
        with (project / "src/tiny/__init__.py").open("a") as stream:
            stream.write("MORE = 1\n")
        assert "taken from the cache" in freeze(project, env).succeeded().err
        again = tied(tmp_path / "b", source, env=env, lock=True)
        assert "taken from the cache" not in freeze(again, env).succeeded().err
    assert [json.loads(start(one))[3] for one in (project, again)] == [1, 2]


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    """A Python that only uv can have from here."""
    with fetched_from(tmp_path_factory.mktemp("mirror")) as made:
        yield made


def wanting(folder: Path, python: str, image: str = "") -> Path:
    table = f'{PYPROJECT}\n[tool.coldforge.environment]\npython = "{python}"\n'
    return write(folder / "tiny", {**TINY, "pyproject.toml": table, **({} if image else ONE_FORMAT)}, container=image)


def test_a_python_of_uvs_is_fetched_once_and_recorded_to_the_byte(host_env: dict[str, str], tmp_path: Path, mirror: Mirror) -> None:
    project = wanting(tmp_path, mirror.name)
    env = {**alone(tmp_path, host_env), **mirror.variables, "UV_PYTHON_INSTALL_DIR": str(tmp_path / "pythons")}
    before = list(mirror.asked)
    assert "A freeze fetches it" in coldforge("doctor", project, "--json", env=env).out
    assert mirror.asked == before, "only a freeze fetches"
    assert f"fetch {mirror.name}" in freeze(project, env).succeeded().err
    assert start(project) == "tiny%20runs"
    python = environment(project).interpreter
    assert python is not None
    assert (python.version, python.build, python.sha256) == (mirror.version, mirror.build, mirror.library)
    (library,) = (tmp_path / "dist/linux-x86_64/payload/_internal").glob("libpython*")
    assert library.read_bytes().endswith(MARK), "the frozen library is another than the recorded one"
    before = list(mirror.asked)
    freeze(project, {**env, "UV_PYTHON_DOWNLOADS": "never"}, "--clean").succeeded()
    assert mirror.asked == before


def test_a_rebuild_on_another_machine_fetches_the_same_python(host_env: dict[str, str], tmp_path: Path, mirror: Mirror) -> None:
    project = wanting(tmp_path, mirror.name)
    env = {**alone(tmp_path, host_env), **mirror.variables, "UV_PYTHON_INSTALL_DIR": str(tmp_path / "pythons")}
    coldforge("build", project, "--host", "--no-smoke", "--out", tmp_path / "dist", env=env).succeeded()
    elsewhere = {**alone(tmp_path / "elsewhere", env), "UV_PYTHON_INSTALL_DIR": str(tmp_path / "elsewhere/pythons")}
    outcome = coldforge("rebuild", tmp_path / "dist", "--unverified", "--host", "--source", project, env=elsewhere).succeeded()
    assert f"fetch {mirror.name}" in outcome.err
    assert "identical" in outcome.err


def test_a_python_that_is_not_the_one_of_uvs_list_is_not_taken(host_env: dict[str, str], tmp_path: Path, mirror: Mirror) -> None:
    with urlopen(mirror.variables["UV_PYTHON_DOWNLOADS_JSON_URL"]) as answer:
        known = json.load(answer)
    (tmp_path / "list.json").write_text(json.dumps({name: {**entry, "sha256": "0" * 64} for name, entry in known.items()}))
    env = {**host_env, "UV_PYTHON_DOWNLOADS_JSON_URL": str(tmp_path / "list.json"), "UV_PYTHON_INSTALL_DIR": str(tmp_path / "pythons")}
    freeze(wanting(tmp_path / "a", mirror.name), env).failed(3, f"{mirror.name} cannot be had", "UV_PYTHON_INSTALL_MIRROR")
    freeze(wanting(tmp_path / "b", "cpython-3.11.999"), env).failed(3, "cpython-3.11.999 cannot be had")


def test_a_workshop_without_that_python_gets_it(tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a container does, whose home folder is as empty."""
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", mirror.variables["UV_PYTHON_DOWNLOADS_JSON_URL"])
    target, log = Target.parse("linux-x86_64"), tmp_path / "log"
    assert archive(mirror.name, target).endswith("/python.tar.gz")
    with open_workshop(None, target) as workshop:
        asked = partial(python_version, workshop, tool=uv(), python=mirror.name, log=log)
        assert asked(requires=">=3.11") == mirror.version
        with pytest.raises(Missing, match=r"the project requires >=3\.99"):
            asked(requires=">=3.99")
        Installer(workshop=workshop, tool=uv(), supply=(), indexes={}, log=log).venv(mirror.name, "environment")
        script = "import sys; print(sys.base_prefix)"
        found = workshop.run([workshop.path("environment/bin/python"), "-c", script], env={}, network=False, log=log)
        assert found.startswith(workshop.path("home"))


def test_a_container_fetches_a_python_of_uvs_and_freezes_that_one(
    container_env: dict[str, str], build_image: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """From this machine's end of the engine's network, which is as near as a container's loopback gets to this one's."""
    with images.client() as client:
        network = client.networks.get("bridge").attrs["IPAM"]["Config"][0]
    gateway = network.get("Gateway") or str(ip_network(network["Subnet"])[1])  # an engine does not tell it before its second start
    with fetched_from(tmp_path_factory.mktemp("mirror"), gateway) as mirror:
        project = wanting(tmp_path, mirror.name, build_image)
        env = {**container_env, **mirror.variables, "COLDFORGE_CACHE": str(tmp_path / "cache")}
        coldforge("freeze", project, "--out", tmp_path / "dist", env=env).succeeded()
        assert "/python.tar.gz" in mirror.asked
    record = environment(project)
    assert (record.workshop, record.network, record.python) == (build_image, "off", mirror.name)
    python = record.interpreter
    assert python is not None
    assert (python.version, python.build, python.sha256) == (mirror.version, mirror.build, mirror.library)
    (library,) = (tmp_path / "dist/linux-x86_64/payload/_internal").glob("libpython*")
    assert library.read_bytes().endswith(MARK), "the frozen library is another than the recorded one"
    assert start(project) == "tiny%20runs"
