"""Bad input, given to the program as a user would: the documented exit code, one clear message, never a traceback."""

from __future__ import annotations

import json
import shlex
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest

from support.program import PROGRAM, Outcome, coldforge
from support.repository import LOCK, MODULE, PYPROJECT, TINY, write

pytestmark = pytest.mark.integration


class Run(Protocol):
    """Runs a verb on a made-up project."""

    def __call__(self, verb: str, files: Mapping[str, str]) -> Outcome: ...


@pytest.fixture
def run(host_env: dict[str, str], tmp_path: Path) -> Run:
    """Write a project of TINY and these files, run a verb on it on this host, and check that nothing half-made is left."""

    def go(verb: str, files: Mapping[str, str]) -> Outcome:
        project = write(tmp_path / "tiny", {**TINY, **files})
        out = tmp_path / "out"
        options = ["--host", "--out", str(out)] if verb == "build" else []
        outcome = coldforge(verb, project, *options, env=host_env)
        assert not list(out.glob("**/*.deb")), "an artifact of a failed build"
        return outcome

    return go


@pytest.mark.parametrize("verb", ["plan", "build"])
def test_no_project(verb: str, host_env: dict[str, str], tmp_path: Path) -> None:
    coldforge(verb, cwd=tmp_path, env=host_env).failed(2, "there is no project in", "pyproject.toml")
    coldforge(verb, tmp_path / "absent", cwd=tmp_path, env=host_env).failed(2, "absent does not exist")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("files", "words"),
    [
        pytest.param({"pyproject.toml": PYPROJECT.replace('"MIT"', '"MIT')}, ["pyproject.toml:9", "not valid TOML"], id="broken-toml"),
        pytest.param({"matrix.yml": "targets:\n  linux-x86_64: {formats: [deb\n"}, ["matrix.yml:3", "not valid YAML"], id="broken-yaml"),
        pytest.param({"matrix.yml": "- deb\n"}, ["matrix.yml", "must be a mapping"], id="a-list-for-a-matrix"),
        pytest.param({"matrix.yml": "targets: {linux-x86_64: {formats: [debb]}}\n"}, ["debb", "did you mean deb?"], id="unknown-format"),
        pytest.param({"matrix.yml": "targets: {linux-amd65: {formats: [deb]}}\n"}, ["linux-amd65", "did you mean"], id="unknown-target"),
        pytest.param({"matrix.yml": "targets: {}\n"}, ["nothing to build"], id="nothing-to-build"),
        pytest.param(
            {"pyproject.toml": PYPROJECT.split("[project.scripts]")[0], "src/tiny/__init__.py": ""},
            ["no entry point", "[project.scripts]"],
            id="no-entry-point",
        ),
        pytest.param(
            {"pyproject.toml": PYPROJECT.replace('"tiny:main"', '"tiny main"')},
            ["pyproject.toml:15", "package.module:function"],
            id="bad-entry",
        ),
        pytest.param({"pyproject.toml": PYPROJECT.replace('version = "0.1.0"\n', "")}, ["no version"], id="no-version"),
        pytest.param({"pyproject.toml": PYPROJECT + '[tool.coldforge]\nicon = "i.png"\n'}, ["pyproject.toml:17", "i.png"], id="no-icon"),
        pytest.param(
            {"pyproject.toml": PYPROJECT.replace('">=3.11"', '"garbage"')}, ["pyproject.toml:10", "'garbage'"], id="bad-requires-python"
        ),
        pytest.param(
            {"pyproject.toml": PYPROJECT.replace("tiny = ", "_internal = ")}, ["pyproject.toml:15", "_internal"], id="a-name-that-is-taken"
        ),
        pytest.param(
            {"pyproject.toml": PYPROJECT + '[tool.coldforge.deb]\npackage = "Tiny_App"\n'},
            ["pyproject.toml:17", "'Tiny_App'", "lower-case letters"],
            id="a-package-that-cannot-be-called-so",
        ),
        pytest.param(
            {"pyproject.toml": PYPROJECT + '[tool.coldforge.deb]\nsection = "util"\n'},
            ["pyproject.toml:17", "no section 'util'", "did you mean utils?"],
            id="no-section",
        ),
        pytest.param(
            {"pyproject.toml": PYPROJECT.replace('version = "0.1.0"', 'version = "1.0a1.dev2"')},
            ["pyproject.toml:7", "1.0a1.dev2", "rc1"],
            id="a-version-that-cannot-be-mapped",
        ),
        pytest.param(
            {"pyproject.toml": PYPROJECT + '[tool.coldforge]\nicon = "i.svg"\n', "i.svg": '<svg viewBox="0 0 3 4"/>'},
            ["pyproject.toml:17", "i.svg is 3 by 4 units", "square"],
            id="an-icon-that-is-not-square",
        ),
        pytest.param(
            {"pyproject.toml": PYPROJECT + '[tool.coldforge.linux.files]\n"/usr/bin/tiny" = "README.md"\n', "README.md": "x"},
            ["pyproject.toml:17", "/usr/bin/tiny is installed already"],
            id="files-that-clash",
        ),
        pytest.param(
            {"pyproject.toml": PYPROJECT + 'Tiny = "tiny:main"\n'}, ["tiny", "Tiny", "differ in case only"], id="programs-that-clash"
        ),
        pytest.param({"pyproject.toml": "\xff\xfe"}, ["pyproject.toml"], id="not-text"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused_before_anything_runs(files: dict[str, str], words: list[str], run: Run) -> None:
    outcome = run("build", files)
    outcome.failed(2, *words)


def test_all_unknown_keys_are_told_at_once_with_their_lines_and_nearest_names(run: Run) -> None:
    tables = '[tool.coldforge]\nicn = "x.png"\n[tool.coldforge.deb]\ndepend = []\n[tool.coldforge.smoke]\nrun = "tiny"\n'
    outcome = run("plan", {"pyproject.toml": PYPROJECT + tables, "matrix.yml": "targets:\n  linux-x86_64:\n    format: [deb]\n"})
    outcome.failed(2, "pyproject.toml:17", "icon", "pyproject.toml:19", "depends", "pyproject.toml:21", "run", "matrix.yml:3", "formats")


def test_a_description_that_packages_cannot_show_is_remarked_with_its_line(host_env: dict[str, str], tmp_path: Path) -> None:
    given = next(line for line in PYPROJECT.splitlines() if line.startswith("description"))
    for text, told in ((f'description = "{"long " * 20}"', "the description has 99 characters"), ("", "there is no description")):
        project = write(tmp_path / str(len(text)), {**TINY, "pyproject.toml": PYPROJECT.replace(given, text)})
        done = coldforge("plan", project, env=host_env).succeeded()
        assert told in done.err
        assert f"pyproject.toml:{PYPROJECT.splitlines().index(given) + 1 if text else 5}" in done.err


def test_unknown_options_and_commands_are_usage_errors(host_env: dict[str, str], tmp_path: Path) -> None:
    coldforge("bild", env=host_env, cwd=tmp_path).failed(2, "bild")
    coldforge("build", "--formt", "deb", env=host_env, cwd=tmp_path).failed(2, "--formt", "--help")
    coldforge("verify", "nowhere", env=host_env, cwd=tmp_path).failed(2, "nowhere")


@pytest.mark.parametrize("redirected", [">&-", "> /dev/full"])
@pytest.mark.parametrize("words", ["--version", "schema", "plan --json ."])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_cannot_be_written_is_named(
    words: str, redirected: str, unbuffered: str, host_env: dict[str, str], tmp_path: Path
) -> None:
    project = write(tmp_path / "tiny")
    command = f"{shlex.join(PROGRAM)} {words} {redirected}"
    env = {**host_env, "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(["sh", "-c", command], cwd=project, env=env, capture_output=True, text=True, check=False)
    Outcome(code=done.returncode, out="", err=done.stderr).failed(3, "standard output")


def test_every_name_in_an_archive_is_shown_whatever_the_locale(host_env: dict[str, str], tmp_path: Path) -> None:
    archive = tmp_path / "odd.tar.gz"
    with tarfile.open(archive, "w:gz", format=tarfile.GNU_FORMAT) as tar:
        for name in ("größe", "a\udcff"):
            tar.addfile(tarfile.TarInfo(name))
    done = coldforge("inspect", "--json", archive, env={**host_env, "PYTHONIOENCODING": "ascii"}).succeeded()
    assert [item["path"] for item in json.loads(done.out)["items"]] == ["größe", "a\\udcff"]


def test_an_entry_that_does_not_import_is_named(run: Run) -> None:
    outcome = run("build", {"pyproject.toml": PYPROJECT.replace('"tiny:main"', '"tiny.clii:main"')})
    outcome.failed(1, "tiny.clii")


def test_an_entry_whose_function_is_absent_is_named(run: Run) -> None:
    outcome = run("build", {"pyproject.toml": PYPROJECT.replace('"tiny:main"', '"tiny:mian"')})
    outcome.failed(1, "mian")


def test_a_module_that_cannot_be_parsed_stops_the_build(run: Run) -> None:
    outcome = run("build", {"src/tiny/__init__.py": MODULE + "def broken(:\n"})
    outcome.failed(1, "tiny")


def test_a_lock_that_lacks_a_dependency_is_refused_with_the_command_that_updates_it(run: Run) -> None:
    lock = LOCK.replace("mdurl==0.1.2", "pygments==0.1.2")
    outcome = run("build", {"requirements.txt": lock})
    outcome.failed(2, "mdurl", "requirements.txt", "uv pip compile")


def test_a_lock_that_has_another_version_than_the_project_demands_is_refused(run: Run) -> None:
    outcome = run("build", {"pyproject.toml": PYPROJECT.replace("mdurl>=0.1", "mdurl>=0.2")})
    outcome.failed(2, "mdurl", "0.2")


def test_a_hash_that_does_not_match_stops_the_build_and_names_the_distribution(run: Run) -> None:
    outcome = run("build", {"requirements.txt": LOCK.replace("sha256:84", "sha256:00")})
    outcome.failed(1, "mdurl", "Hash mismatch")


def test_a_lock_with_one_requirement_without_a_hash_is_refused_with_its_line(run: Run) -> None:
    outcome = run("build", {"requirements.txt": LOCK + "rich==15.0.0\n"})
    outcome.failed(2, "requirements.txt:", "rich==15.0.0", "hash")


def test_a_lock_that_cannot_be_read_is_refused(run: Run) -> None:
    outcome = run("build", {"requirements.txt": "mdurl==\n\x00 --hash=nonsense\n"})
    outcome.failed(2, "requirements.txt")


def test_a_target_of_another_system_is_missing_here(run: Run) -> None:
    matrix = "targets: {linux-aarch64: {runner: ubuntu-24.04-arm, formats: [deb]}}\n"
    outcome = run("build", {"matrix.yml": matrix})
    outcome.failed(3, "linux-aarch64", "ubuntu-24.04-arm")


@pytest.mark.parametrize("code", [0, 3])
def test_a_module_that_ends_when_it_is_imported_is_no_entry_point(code: int, run: Run) -> None:
    run("build", {"src/tiny/__init__.py": f"raise SystemExit({code})\n"}).failed(
        1, f"[entry-import] tiny:main cannot be imported: SystemExit: {code}"
    )


def test_what_a_module_starts_and_does_with_its_streams_is_its_own(run: Run) -> None:
    """It is imported well, though it never comes to an end by itself, prints in the end, and keeps what it prints."""
    text = "import atexit\nimport io\nimport sys\nimport threading\n\nthreading.Thread(target=threading.Event().wait).start()\n"
    text += "atexit.register(print, 'ended')\nsys.stderr.buffer.write(bytes([255]))\nsys.stdout = io.StringIO()\n"
    files = {"src/tiny/__init__.py": f"{text}\n\ndef main() -> None: ...\n", "matrix.yml": "targets: {linux-x86_64: {formats: [tar.gz]}}\n"}
    run("build", files).succeeded()
