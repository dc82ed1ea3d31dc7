"""A project frozen in a container: the image's Python decides, nothing of this machine gets in, the programs run here, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from coldforge.host.files import sha256
from coldforge.records import Payload, read
from support.bare import USER, Bare, bare
from support.pair import PAIR, PYPROJECT, WAYS
from support.program import ROOT, coldforge
from support.repository import write

pytestmark = pytest.mark.integration
# What is locked depends on the interpreter in the image, and on no other.
CONDITIONAL = PYPROJECT.replace(
    '["markupsafe>=3"]', """["markupsafe>=3", "mdurl; python_version == '3.11'", "sniffio; python_version != '3.11'"]"""
)


@pytest.fixture(scope="module")
def frozen(container_env: dict[str, str], build_image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The target's folder in `dist/`: there is no lock."""
    folder = tmp_path_factory.mktemp("pair")
    files = {name: text for name, text in PAIR.items() if name != "requirements.txt"}
    project = write(folder / "source", {**files, "pyproject.toml": CONDITIONAL}, container=build_image)
    outcome = coldforge("freeze", project, "--out", folder / "dist", env=container_env).succeeded()
    assert "there is no lock" in outcome.err
    assert "resolved as of 2026-01-02T03:04:05Z" in outcome.err
    return folder / "dist" / "linux-x86_64"


@pytest.fixture(scope="module")
def system(frozen: Path, bare_image: str) -> Iterator[Bare]:
    """A bare system with the tree and the one-file programs: it lacks libraries that Debian's libpython needs."""
    with bare(bare_image) as made:
        for folder in ("payload", "onefile"):
            made.put_tree(frozen / folder, "/opt")
        assert made.run("ls /usr/lib/*/libexpat*").code != 0
        yield made


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("folder", ["payload", "onefile"])
def test_children_see_the_users_library_path_where_the_system_lacks_libraries(folder: str, way: str, system: Bare) -> None:
    command = f"/opt/{folder}/pair-work child {way} /bin/sh -c 'echo ${{LD_LIBRARY_PATH-unset}}'"
    assert system.do(command, user=USER) == "unset\n"
    assert system.do(command, user=USER, env={"LD_LIBRARY_PATH": "/opt/mine"}) == "/opt/mine\n"


@pytest.mark.parametrize("inner", ["payload", "onefile"])
@pytest.mark.parametrize("outer", ["payload", "onefile"])
def test_a_program_starts_itself_and_others_there(outer: str, inner: str, system: Bare) -> None:
    """A child that is another program must not take the boot loader's variables for its own; one that is the same needs the path."""
    for way in ("subprocess", "execv", "multiprocessing"):
        said = system.do(f"/opt/{outer}/pair-work child {way} /opt/{inner}/pair-show", user=USER)
        assert json.loads(said)["data"] == ["zwei", "Wörter"]
        again = f"/opt/{inner}/pair-work child multiprocessing /bin/sh -c 'echo ${{LD_LIBRARY_PATH-unset}}'"
        assert system.do(f"/opt/{outer}/pair-work child {way} {again}", user=USER) == "unset\n"


@pytest.mark.parametrize("folder", ["payload", "onefile"])
def test_workers_share_the_work_there_and_leave_nothing(folder: str, system: Bare) -> None:
    assert system.do(f"timeout 60 /opt/{folder}/pair-work pool", user=USER) == "6\n"
    assert system.do("find /tmp -mindepth 1 -user person", user=USER) == "", "what a one-file program unpacked is left"
    assert system.run("grep -l pair-work /proc/[0-9]*/comm").text == "", "a process is left"


@pytest.mark.parametrize("folder", ["payload", "onefile"])
def test_a_helper_of_multiprocessing_that_is_still_starting_is_waited_for(folder: str, system: Bare) -> None:
    """Nine times of ten it found the files of a one-file program gone, and said so."""
    assert system.do(f"for i in 1 2 3 4; do /opt/{folder}/pair-work semaphore; done", user=USER) == ""
    assert system.do("find /tmp -mindepth 1 -user person", user=USER) == ""


def test_the_environment_is_that_of_the_image(frozen: Path, build_image: str) -> None:
    environment = read(frozen / "payload.json", Payload).environment
    assert (environment.workshop, environment.image, environment.python) == (build_image, build_image, "python3")
    assert environment.recipes["build/freeze.py"] == sha256(ROOT / "build" / "freeze.py")
    assert environment.network == "off"
    assert environment.system.startswith("Debian GNU/Linux 12")
    assert environment.interpreter is not None
    assert environment.interpreter.version.startswith("3.11.")
    assert environment.lock == "resolved"
    assert [dist.name for dist in environment.distributions] == ["markupsafe", "mdurl"]
    assert "mdurl==" in environment.resolved
    assert "sniffio" not in environment.resolved


def test_system_libraries_are_named_with_their_package(frozen: Path) -> None:
    payload = read(frozen / "payload.json", Payload)
    origins = {entry.path: entry.origin for entry in payload.files}
    (zlib,) = (origin for path, origin in origins.items() if path.startswith("_internal/libz."))
    assert (zlib.kind, zlib.name) == ("system", "zlib1g")
    assert zlib.version.startswith("1:1.2.13")
    assert payload.glibc_floor in {"glibc-2.34", "glibc-2.35", "glibc-2.36"}


def test_no_file_names_the_place_it_was_made_in(frozen: Path) -> None:
    """Neither the folders of the workshop nor those of this machine."""
    places = [b"/coldforge/", str(frozen.parents[1]).encode(), str(ROOT).encode() + b"/"]
    for path in (frozen / "payload").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not [place for place in places if place in data], path


def test_the_record_of_a_second_freeze_is_the_same(frozen: Path, container_env: dict[str, str]) -> None:
    before = (frozen / "payload.json").read_bytes()
    coldforge("freeze", frozen.parents[1] / "source", "--clean", "--out", frozen.parent, env=container_env).succeeded()
    assert json.loads((frozen / "payload.json").read_bytes()) == json.loads(before)


def test_an_image_whose_python_does_not_fit_is_missing(container_env: dict[str, str], build_image: str, tmp_path: Path) -> None:
    changed = PYPROJECT.replace(">=3.11", ">=3.12")
    project = write(tmp_path / "source", {**PAIR, "pyproject.toml": changed}, container=build_image)
    outcome = coldforge("freeze", project, "--out", tmp_path / "dist", env=container_env)
    outcome.failed(3, "has Python 3.11", "requires >=3.12", 'python = "cpython-3.14"', "matrix.yml")


def test_an_image_without_python_is_missing(container_env: dict[str, str], bare_image: str, tmp_path: Path) -> None:
    project = write(tmp_path / "source", PAIR, container=bare_image)
    coldforge("freeze", project, "--out", tmp_path / "dist", env=container_env).failed(3, "has no Python", "python3")
