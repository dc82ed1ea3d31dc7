"""What is frozen, and where it is taken from: extras, groups, a wheelhouse and no network, through the real uv."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

from coldforge.freeze.lock import uv
from coldforge.recipes import find
from coldforge.records import Environment, Payload, read
from support.index import PASSWORD, USER, Index, serve, wheel
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


def housed(folder: Path, wheels: Path, files: Mapping[str, str] = TINY, *, container: str = "") -> Path:
    """A project that has its own wheelhouse, which is not committed."""
    matrix = {} if container else ONE_FORMAT
    text = {**files, "pyproject.toml": files["pyproject.toml"] + HOUSE, ".gitignore": "/wheels\n", **matrix}
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


def test_without_a_lock_what_is_frozen_is_resolved_from_the_wheelhouse(host_env: dict[str, str], tmp_path: Path, wheels: Path) -> None:
    files = {name: text for name, text in TINY.items() if name != "requirements.txt"}
    dynamic = files["pyproject.toml"].replace('version = "0.1.0"', 'dynamic = ["version"]')
    files["pyproject.toml"] = f'{dynamic}\n[tool.hatch.version]\npath = "src/tiny/__init__.py"\n'
    files["src/tiny/__init__.py"] = '__version__ = "0.1.0"\n' + files["src/tiny/__init__.py"]
    project = housed(tmp_path, wheels, files)
    cut_off("freeze", project, "--host", "--out", tmp_path / "dist", env=alone(tmp_path, host_env)).succeeded()
    assert environment(project).resolved.startswith("mdurl==0.1.2")


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
    """The index that the environment names does not answer: whoever asked it would fail."""
    project = housed(tmp_path, wheels, container=build_image)
    env = {**alone(tmp_path, container_env), "UV_INDEX_URL": "http://127.0.0.1:9/simple"}
    coldforge("freeze", project, "--out", tmp_path / "dist", env=env).succeeded()
    assert start(project) == "tiny%20runs"


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
