"""`bin/coldforge` from a checkout: an environment that is made once, whole, from hashes, or not at all."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coldforge import __version__
from support.program import ROOT, environment
from support.repository import write

pytestmark = pytest.mark.integration

BOOTSTRAP = ROOT / "bin" / "coldforge"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A checkout whose program needs one distribution only, so that environments are made in a moment."""
    folder = tmp_path / "checkout"
    (folder / "bin").mkdir(parents=True)
    shutil.copy(BOOTSTRAP, folder / "bin")
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    lock(folder).parent.mkdir(parents=True)
    lock(folder).write_text(
        "mdurl==0.1.2 --hash=sha256:84008a41e51615a49fc9966191ff91509e3c40b939176e643fd50a5c2196b8f8\n", encoding="utf-8"
    )
    return folder


def lock(checkout: Path) -> Path:
    return checkout / "build" / "requirements" / "run.txt"


def start(checkout: Path, home: Path, *words: str, cwd: Path | None = None, **env: str) -> subprocess.Popen[str]:
    """Start the program of a checkout with environments below `home`."""
    argv = [sys.executable, str(checkout / "bin" / "coldforge"), *words]
    changed = environment(COLDFORGE_HOME=str(home), **env)
    return subprocess.Popen(argv, cwd=cwd, env=changed, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def environments(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "coldforge-environments").iterdir() if path.is_dir())


def test_two_first_starts_at_once_make_one_environment(small: Path, tmp_path: Path) -> None:
    started = [start(small, tmp_path / "home", "--version") for _ in range(2)]
    answers = [process.communicate(timeout=300) for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert [out for out, _ in answers] == [f"coldforge {__version__}\n"] * 2
    assert len(environments(tmp_path / "home")) == 1
    third = start(small, tmp_path / "home", "--version")
    assert third.communicate(timeout=60) == (f"coldforge {__version__}\n", "")


def test_a_changed_lock_is_another_environment(small: Path, tmp_path: Path) -> None:
    start(small, tmp_path / "home", "--version").communicate(timeout=300)
    lock(small).write_text(lock(small).read_text() + "# changed\n")
    start(small, tmp_path / "home", "--version").communicate(timeout=300)
    assert len(environments(tmp_path / "home")) == 2


def test_a_distribution_with_another_hash_is_refused_and_nothing_is_left(small: Path, tmp_path: Path) -> None:
    lock(small).write_text(lock(small).read_text().replace("84008a", "000000"))
    process = start(small, tmp_path / "home", "--version")
    out, said = process.communicate(timeout=300)
    assert (process.returncode, out) == (3, "")
    assert "the environment could not be made" in said
    assert "hash" in said.lower()
    assert environments(tmp_path / "home") == []


def test_interrupted_it_leaves_nothing_and_the_next_start_succeeds(small: Path, tmp_path: Path) -> None:
    process = start(small, tmp_path / "home", "--version")
    deadline = time.monotonic() + 60
    while not list((tmp_path / "home").glob("coldforge-environments/*/bin/python")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(2)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert environments(tmp_path / "home") == []
    again = start(small, tmp_path / "home", "--version")
    assert again.communicate(timeout=300)[0] == f"coldforge {__version__}\n"


def test_a_place_that_cannot_be_written_is_named(small: Path, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    process = start(small, tmp_path / "home", "--version")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "COLDFORGE_HOME=FOLDER" in said
    assert "Traceback" not in said


def with_uv() -> str:
    """A search path on which the bootstrap finds uv."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


@pytest.mark.parametrize("file", ["uv.toml", "pyproject.toml"])
def test_what_a_project_tells_uv_is_not_for_us(file: str, small: Path, tmp_path: Path) -> None:
    """Neither that of the project it is started in, nor of one that the environments happen to lie in."""
    project = tmp_path / "project"
    (project / "below").mkdir(parents=True)
    table = "[tool.uv]\n" if file == "pyproject.toml" else ""
    (project / file).write_text(f'{table}override-dependencies = ["mdurl==0.1.1"]\nindex-url = "http://127.0.0.1:9/simple"\n')
    process = start(small, Path("below"), "--version", cwd=project, PATH=with_uv())
    assert process.communicate(timeout=300)[0] == f"coldforge {__version__}\n"
    assert len(environments(project / "below")) == 1


def test_the_indexes_of_the_user_are_used(small: Path, tmp_path: Path) -> None:
    settings = tmp_path / "settings" / "uv" / "uv.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('index-url = "http://127.0.0.1:9/ours"\n')
    process = start(
        small,
        tmp_path / "home",
        "--version",
        PATH=with_uv(),
        XDG_CONFIG_HOME=str(tmp_path / "settings"),
        UV_CACHE_DIR=str(tmp_path / "cache"),
        UV_HTTP_RETRIES="0",
        UV_INDEX_URL="",
        UV_DEFAULT_INDEX="",
    )
    _, said = process.communicate(timeout=300)
    assert process.returncode == 3
    assert "127.0.0.1:9/ours" in said


def test_half_a_standard_library_is_told(tmp_path: Path) -> None:
    """As Debian's python3-minimal has it: no shutil."""
    code = f"import runpy, sys; sys.modules['shutil'] = None; runpy.run_path({str(BOOTSTRAP)!r}, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], env=environment(COLDFORGE_HOME=str(tmp_path)), capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "apt-get install python3-venv" in done.stderr
    assert "Traceback" not in done.stderr


def test_any_python_3_can_read_that_it_is_too_old() -> None:
    for name in ("coldforge", "test"):
        ast.parse((ROOT / "bin" / name).read_text(encoding="utf-8"), feature_version=(3, 4))


def test_a_wheel_is_the_same_program(tmp_path: Path, host_env: dict[str, str]) -> None:
    """Installed from a wheel, as `pip install coldforge` and `uvx coldforge` do, it finds its recipes and plans the same."""
    project = write(tmp_path / "tiny")
    wheels, place = tmp_path / "wheels", tmp_path / "installed"
    uv = [str(Path(sys.executable).parent / "uv")]
    for words in (
        ["build", "--wheel", "--quiet", "--out-dir", str(wheels), str(ROOT)],
        ["venv", "--quiet", "--python", sys.executable, str(place)],
        ["pip", "install", "--quiet", "--python", str(place), "--require-hashes", "-r", str(ROOT / "build" / "requirements" / "run.txt")],
    ):
        subprocess.run([*uv, *words], env=host_env, check=True, timeout=600)
    (wheel,) = wheels.glob("*.whl")
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", place, "--no-deps", wheel], env=host_env, check=True, timeout=600)
    bare = {name: value for name, value in host_env.items() if name != "PYTHONPATH"}
    program = [place / "bin" / "coldforge"]
    module = [sys.executable, "-m", "coldforge"]
    ours, theirs = (
        subprocess.run([*start, "plan", "--json", project], env=env, capture_output=True, text=True, check=True)
        for start, env in ((program, bare), (module, host_env))
    )
    assert ours.stdout == theirs.stdout
    subprocess.run([*program, "build", "--host", "--quiet", "--out", tmp_path / "dist", project], env=bare, check=True, timeout=900)
    assert (tmp_path / "dist" / "manifest.json").is_file()
