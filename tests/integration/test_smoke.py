"""What was made is installed and started in bare systems: what works there is recorded, what does not is told with its cause."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from coldforge.host.files import sha256 as digest
from coldforge.project.images import IMAGES
from coldforge.records import Manifest, Smoke, read
from support import images, runtimes
from support.engines import made_by
from support.pictures import pixels
from support.program import Outcome, coldforge, interrupted
from support.repository import LOCK, MATRIX, MODULE, PYPROJECT, write

pytestmark = pytest.mark.integration
RED = (200, 30, 40)
WINDOW = """\
import tkinter


def main() -> None:
    root = tkinter.Tk()
    root.title("A board")
    canvas = tkinter.Canvas(root, width=300, height=200, background="white", highlightthickness=0)
    canvas.create_rectangle(10, 20, 110, 70, fill="#c81e28", width=0)
    canvas.pack()
    root.mainloop()
"""
# What a plain user of a bare system finds, and a library that PyInstaller cannot see: it is in the build image, but not in the bare one.
COMMANDS = """\
import ctypes
import os
import shutil
import sys
from pathlib import Path


def load() -> None:
    assert os.getuid() != 0
    assert not os.access(Path.home(), os.W_OK), "the home folder can be written"
    assert not shutil.which("python3"), "there is a Python"
    routes = Path("/proc/net/route").read_text().splitlines()[1:]
    assert not routes, routes
    for name in ["Xss"]:
        ctypes.CDLL(f"lib{name}.so.1")


def write() -> None:
    (Path.home() / "notes.txt").write_text("mine")


def main() -> None:
    {"load": load, "write": write}[sys.argv[1]]()
"""


@pytest.fixture(scope="module")
def entries() -> str:
    """An images.toml with a bare system and a display server, made here."""
    bare, display = images.image(images.BARE_WITH_ARCHIVE), images.image(images.DISPLAY_SERVER)
    return f'[bare]\nuse = "smoke"\nbase = "{bare}"\nglibc = "2.36"\n\n[display]\nuse = "display"\nbase = "{display}"\n'


def project(folder: Path, entries: str, module: str, text: str = PYPROJECT) -> Path:
    """A project with one program."""
    matrix = MATRIX.format(container=images.image(images.FREEZE_TK))
    files = {"pyproject.toml": text, "src/tiny/__init__.py": module, "requirements.txt": LOCK, IMAGES: entries, "matrix.yml": matrix}
    return write(folder, files)


def proof(out: Path) -> Smoke:
    (record,) = read(out / "manifest.json", Manifest).targets
    return record.smoke


def build(source: Path, env: Mapping[str, str], *words: str) -> Outcome:
    return coldforge("build", source, "--out", source / "dist", *words, env=env)


@pytest.fixture(scope="module")
def shown(entries: str, container_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program with a window, built and tried as every format."""
    text = PYPROJECT.replace("[project.scripts]", "[project.gui-scripts]")
    source = project(tmp_path_factory.mktemp("window") / "tiny", entries, WINDOW, text)
    build(source, container_env).succeeded()
    return source


def test_a_window_is_really_shown_and_its_picture_kept(shown: Path) -> None:
    found = proof(shown / "dist")
    (trial,) = found.trials
    assert found.unproven == trial.lacking == ()
    assert trial.system == "Debian GNU/Linux 12 (bookworm)"
    assert {window.artifact for window in trial.windows} == set(trial.artifacts)
    assert len(trial.artifacts) == 3
    for window in trial.windows:
        assert window.title == "A board"
        counted = pixels((shown / "dist/linux-x86_64" / window.screenshot).read_bytes())
        assert counted[RED] == 100 * 50
        assert counted[255, 255, 255] >= 300 * 200 - 100 * 50


def test_what_the_program_needs_of_the_system_was_installed_by_its_package(shown: Path) -> None:
    (record,) = read(shown / "dist/manifest.json", Manifest).targets
    assert "libxcb.so.1" in {need.soname for need in record.needs}
    log = (shown / "dist/linux-x86_64/logs/smoke-bare.log").read_text()
    assert "Setting up libxcb1:amd64" in log


def test_an_appimage_is_started_where_nothing_mounts_it(container_env: dict[str, str], tmp_path: Path) -> None:
    """With a runtime of ours that unpacks it by the system's unsquashfs; the real ones have that within."""
    bare = images.image(images.BARE_WITH_SQUASHFS)
    runtimes.pin(tmp_path, runtimes.compiled(tmp_path))
    entries = f'{(tmp_path / IMAGES).read_text()}\n[bare]\nuse = "smoke"\nbase = "{bare}"\nglibc = "2.36"\n'
    text = f'{PYPROJECT}\n[tool.coldforge.smoke]\nrun = ["tiny"]\n'
    source = project(tmp_path / "tiny", entries, MODULE, text)
    runtime = source / "containers/runtime"
    runtime.write_bytes((tmp_path / "containers/runtime").read_bytes())
    matrix = (source / "matrix.yml").read_text()
    (source / "matrix.yml").write_text(matrix.replace("tar.gz, onefile, deb, sbom", "appimage"))
    build(source, container_env).succeeded()
    (trial,) = proof(source / "dist").trials
    assert [Path(name).suffix for name in trial.artifacts] == [".AppImage"]
    assert trial.commands == ("tiny",)
    broken = runtime.read_bytes().replace(b"/AppRun", b"/AppRum")
    runtime.write_bytes(broken)
    (source / IMAGES).write_text((source / IMAGES).read_text().replace(digest(tmp_path / "containers/runtime"), digest(runtime)))
    failed = build(source, container_env)
    assert failed.code == 1
    assert "`tiny` does not work in Debian" in failed.err
    assert ".AppImage" in failed.err


def test_what_was_tried_is_not_tried_again(shown: Path, container_env: dict[str, str]) -> None:
    before = proof(shown / "dist")
    picture = shown / "dist/linux-x86_64" / before.trials[0].windows[0].screenshot
    data = picture.read_bytes()
    picture.unlink()
    again = build(shown, container_env).succeeded()
    assert "smoke bare" not in again.err
    assert proof(shown / "dist") == before
    assert picture.read_bytes() == data


def test_an_interrupted_trial_leaves_no_container(shown: Path, container_env: dict[str, str]) -> None:
    before = proof(shown / "dist")
    words = ("smoke", shown, "--out", shown / "dist", "--clean")
    outcome = interrupted(*words, env=container_env, when=lambda line: "Setting up libxcb1" in line)
    assert outcome.code == 130
    with images.client() as client:
        assert made_by(client, outcome.process) == []
    assert proof(shown / "dist") == before


@pytest.fixture(scope="module")
def built(entries: str, container_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program with commands, built and not tried; it is in a state of no commit, so that its configuration may be changed."""
    source = project(tmp_path_factory.mktemp("commands") / "tiny", entries, COMMANDS)
    (source / "README").write_text("changed\n")
    build(source, container_env, "--no-smoke", "--format", "deb", "--format", "tar.gz").succeeded()
    assert proof(source / "dist") == Smoke()
    return source


def attempt(source: Path, env: Mapping[str, str], config: str, *verbs: str) -> Outcome:
    """What `coldforge smoke` says with this configuration."""
    (source / "pyproject.toml").write_text(f"{PYPROJECT}\n{config}\n")
    for verb in verbs:
        coldforge(verb, source, "--out", source / "dist", "--format", "deb", "--format", "tar.gz", env=env).succeeded()
    return coldforge("smoke", source, "--out", source / "dist", env=env)


def test_a_library_that_is_missing_there_is_named_with_its_package(built: Path, container_env: dict[str, str]) -> None:
    config = '[tool.coldforge.smoke]\nrun = ["tiny load"]'
    before = (built / "dist/manifest.json").read_bytes()
    told = ("`tiny load` does not work in Debian GNU/Linux 12", "libXss.so.1 is not there", "libxss1", "cannot open shared object file")
    attempt(built, container_env, config).failed(1, *told)
    assert (built / "dist/manifest.json").read_bytes() == before
    attempt(built, container_env, f'{config}\n[tool.coldforge.deb]\ndepends = ["libxss1"]', "bundle").succeeded()
    (trial,) = proof(built / "dist").trials
    assert trial.commands == ("tiny load",)
    assert len(trial.artifacts) == 2


def test_a_program_that_writes_into_a_home_that_cannot_be_written(built: Path, container_env: dict[str, str]) -> None:
    done = attempt(built, container_env, '[tool.coldforge.smoke]\nrun = ["tiny write"]')
    done.failed(1, "`tiny write` does not work in Debian", "it wants to write /home/person/notes.txt")


def test_a_reason_not_to_try_is_recorded(built: Path, container_env: dict[str, str]) -> None:
    done = attempt(built, container_env, '[tool.coldforge.smoke]\nskip = "it needs a licence server"').succeeded()
    assert "Not proven: it needs a licence server" in done.err
    assert proof(built / "dist") == Smoke(unproven=("it needs a licence server",))


def test_an_image_that_cannot_be_had_is_said_unless_it_was_asked_for(built: Path, container_env: dict[str, str]) -> None:
    absent = f"sha256:{'0' * 64}"
    (built / IMAGES).write_text(f'[bare]\nuse = "smoke"\nbase = "{absent}"\nglibc = "2.36"\n')
    assert f"Not proven: bare: the image {absent}" in attempt(built, container_env, "").succeeded().err
    (unproven,) = proof(built / "dist").unproven
    assert absent in unproven
    attempt(built, container_env, '[tool.coldforge.smoke]\nimages = ["bare"]').failed(3, absent)
    attempt(built, container_env, '[tool.coldforge.smoke]\nimages = ["bear"]').failed(2, "there is no bare system 'bear'", "bare")


def test_a_system_with_python_proves_nothing(built: Path, build_image: str, container_env: dict[str, str]) -> None:
    (built / IMAGES).write_text(f'[bare]\nuse = "smoke"\nbase = "{build_image}"\nglibc = "2.36"\n')
    attempt(built, container_env, "").failed(2, "the image is not bare", "python3")


def test_a_program_that_no_command_names_is_started_all_the_same(entries: str, container_env: dict[str, str], tmp_path: Path) -> None:
    """Without any configuration: it works where it is frozen, and nowhere else."""
    broken = 'import sys\n\nif getattr(sys, "frozen", False):\n    import email.nowhere\n\n\ndef main() -> None:\n    print("never")\n'
    source = project(tmp_path / "tiny", entries, broken)
    build(source, container_env, "--format", "tar.gz").failed(1, "tiny cannot be started in Debian", "No module named 'email.nowhere'")
    (source / "src/tiny/__init__.py").write_text('def main() -> None:\n    raise SystemExit("what is --help?")\n')
    build(source, container_env, "--format", "tar.gz").succeeded()


def test_libraries_are_looked_for_where_the_program_has_them(entries: str, container_env: dict[str, str], tmp_path: Path) -> None:
    config = '[tool.coldforge.pyinstaller]\ncontents-directory = "libs"\n[tool.coldforge.smoke]\nrun = ["tiny"]\n'
    module = "import ssl\n\n\ndef main() -> None:\n    print(ssl.OPENSSL_VERSION)\n"
    source = project(tmp_path / "tiny", entries, module, f"{PYPROJECT}\n{config}")
    build(source, container_env, "--format", "tar.gz").succeeded()
    (trial,) = proof(source / "dist").trials
    assert trial.lacking == ()


def test_a_program_whose_interpreter_no_bare_system_has_cannot_be_started(
    entries: str, container_env: dict[str, str], tmp_path: Path
) -> None:
    """`timeout` says no more than that there is no such file; a complaint of the program's own is none of that."""
    config = 'freezer = "command"\n[project]\nname = "tree"\nversion = "1"\n[executables.tree]\nentry = "tree"\n'
    config += """[command]\nrun = ['install -D tree.sh {out}/tree']\n"""
    matrix = f"targets: {{linux-x86_64: {{container: '{images.image(images.FREEZE_TK)}', formats: [tar.gz]}}}}\n"
    files = {"coldforge.toml": config, "matrix.yml": matrix, IMAGES: entries}
    source = write(tmp_path / "tree", {**files, "tree.sh": "#!/usr/bin/python3\nprint(1)\n"})
    build(source, container_env).failed(1, "tree cannot be started in Debian", "No such file or directory")
    (source / "tree.sh").write_text("#!/bin/sh\necho 'Error loading tree.toml; git: command not found' >&2\nexit 1\n")
    build(source, container_env).succeeded()
