"""A project frozen on this host: what the tree holds, what the programs in it can do, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from coldforge.host.files import sha256
from coldforge.records import Payload, read
from support.pair import LOCK, PAIR, PYPROJECT, WAYS
from support.program import Outcome, coldforge
from support.repository import write

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def frozen(host_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The target's folder in `dist/`."""
    folder = tmp_path_factory.mktemp("pair")
    outcome = coldforge("freeze", write(folder / "source", PAIR), "--host", "--out", folder / "dist", env=host_env).succeeded()
    assert "try: pair-work pool" in outcome.err
    return folder / "dist" / "linux-x86_64"


def start(program: Path, *words: str, **env: str) -> str:
    """What a frozen program prints, run without anything of the environment that it came from."""
    clean = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **env}
    return subprocess.run([program, *words], env=clean, cwd="/", capture_output=True, text=True, check=True, timeout=60).stdout.strip()


@pytest.mark.parametrize("folder", ["payload", "onefile"])
def test_the_programs_work_from_another_place_without_python(folder: str, frozen: Path, tmp_path: Path) -> None:
    place = shutil.copytree(frozen / folder, tmp_path / "elsewhere")
    facts = json.loads(start(place / "pair-show"))
    assert facts == {
        "escaped": "&lt;b&gt;",
        "compiled": True,
        "data": ["zwei", "Wörter"],
        "version": "2.1",
        "dependency": "3.0.3",
        "late": "imported by name",
    }
    assert start(place / "pair-work", "pool") == "6"


def test_the_exit_code_is_that_of_the_function(frozen: Path) -> None:
    assert subprocess.run([frozen / "payload" / "pair-work"], check=False, capture_output=True).returncode == 3


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("folder", ["payload", "onefile"])
def test_child_processes_see_the_users_own_library_path(folder: str, way: str, frozen: Path) -> None:
    words = ["child", way, "/bin/sh", "-c", "echo ${LD_LIBRARY_PATH-unset}"]
    assert start(frozen / folder / "pair-work", *words) == "unset"
    assert start(frozen / folder / "pair-work", *words, LD_LIBRARY_PATH="/opt/mine") == "/opt/mine"


@pytest.mark.parametrize("way", ["subprocess", "asyncio", "multiprocessing", "forkserver"])
@pytest.mark.parametrize("folder", ["payload", "onefile"])
def test_what_leads_the_program_into_the_bundle_does_not_lead_its_children(folder: str, way: str, frozen: Path) -> None:
    words = ["child", way, "/bin/sh", "-c", "echo ${XDG_DATA_DIRS-unset} ${GTK_PATH-unset}"]
    assert start(frozen / folder / "pair-work", *words) == "unset unset"
    assert start(frozen / folder / "pair-work", *words, XDG_DATA_DIRS="/opt/share", GTK_PATH="/opt/gtk") == "/opt/share /opt/gtk"


def test_the_index_is_exactly_the_tree(frozen: Path) -> None:
    payload = read(frozen / "payload.json", Payload)
    tree = {path.relative_to(frozen / "payload").as_posix(): path for path in (frozen / "payload").rglob("*") if not path.is_dir()}
    assert {entry.path for entry in payload.files} == set(tree)
    for entry in payload.files:
        assert entry.kind == "link" or (entry.sha256, entry.size) == (sha256(tree[entry.path]), tree[entry.path].stat().st_size)
        assert entry.kind == "link" or entry.mode == tree[entry.path].stat().st_mode & 0o7777
        assert tree[entry.path].lstat().st_mtime == 1767323045  # the commit's time
    assert [single.path for single in payload.singles] == ["pair-show", "pair-work"]


def test_every_file_has_its_origin(frozen: Path) -> None:
    entries = {entry.path: entry for entry in read(frozen / "payload.json", Payload).files}
    data = entries["_internal/pair/data/words.txt"]
    (extension,) = (entry for path, entry in entries.items() if "_speedups" in path)
    (library,) = (entry for path, entry in entries.items() if path.startswith("_internal/libpython"))
    assert (data.kind, data.origin.kind, data.origin.version) == ("data", "application", "2.1")
    assert (extension.kind, extension.origin.name, extension.origin.version) == ("extension", "markupsafe", "3.0.3")
    assert (library.kind, library.origin.kind) == ("library", "python")
    assert {entries[name].kind for name in ("pair-show", "pair-work")} == {"executable"}
    kinds = Counter(entry.origin.kind for path, entry in entries.items() if path != "licenses/pyinstaller/COPYING.txt")
    assert set(kinds) <= {"application", "distribution", "python", "system"}, "a file of the freezer's was collected"
    system = [entry.origin for entry in entries.values() if entry.origin.kind == "system"]
    assert all(origin.name and origin.version for origin in system)


def test_the_index_says_what_is_inside_and_the_tree_has_every_text(frozen: Path) -> None:
    payload = read(frozen / "payload.json", Payload)
    parts = {(part.kind, part.name): part for part in payload.components}
    markupsafe, python = parts["distribution", "markupsafe"], parts["python", "python"]
    assert (markupsafe.version, markupsafe.license, markupsafe.texts) == ("3.0.3", "BSD-3-Clause", ("markupsafe/LICENSE.txt",))
    assert parts["application", "pair"].requires == ("markupsafe", "python")
    assert parts["freezer", "pyinstaller"].license == "GPL-2.0-or-later WITH Bootloader-exception"
    assert payload.environment.interpreter is not None
    assert python.version == payload.environment.interpreter.version
    assert {entry.origin.name for entry in payload.files if entry.origin.kind == "system"} <= {part.name for part in payload.components}
    assert markupsafe.archived > 0, "its modules are in the archive of each program"
    owners = {entry.path: entry.origin for entry in payload.files}
    for part in payload.components:
        assert part.texts or part.kind == "application", f"{part.name} came without a licence text"
        for text in part.texts:
            assert (frozen / "payload" / "licenses" / text).stat().st_size > 100
            assert (owners[f"licenses/{text}"].kind, owners[f"licenses/{text}"].name) == (part.kind, part.name)


def test_no_file_searches_for_libraries_outside_of_the_tree(frozen: Path) -> None:
    """Pythons that somebody built themselves do, in all their modules; what is collected of them does not."""
    payload = read(frozen / "payload.json", Payload)
    assert "runpath" in payload.gates
    assert [finding for finding in payload.findings if finding.gate == "runpath"] == []


def test_the_environment_is_recorded(frozen: Path) -> None:
    environment = read(frozen / "payload.json", Payload).environment
    (locked,) = environment.distributions
    assert (environment.lock, environment.resolved, environment.workshop) == ("requirements.txt", "", "host")
    assert (locked.name, locked.version, len(locked.hashes)) == ("markupsafe", "3.0.3", 4)
    assert "pyinstaller" in {dist.name for dist in environment.freezer_distributions}
    assert environment.glibc.startswith("glibc-2.")


def test_nothing_changed_does_nothing_and_a_damaged_tree_is_made_whole(frozen: Path, host_env: dict[str, str]) -> None:
    words: list[str | Path] = ["freeze", frozen.parents[1] / "source", "--host", "--out", frozen.parent]
    before = (frozen / "payload.json").stat().st_mtime_ns
    assert "Nothing has changed" in coldforge(*words, env=host_env).succeeded().err
    assert (frozen / "payload.json").stat().st_mtime_ns == before
    (frozen / "payload" / "_internal" / "pair" / "data" / "words.txt").write_text("spoilt")
    (frozen / "payload" / "extra").write_text("not ours")
    coldforge(*words, env=host_env).succeeded()
    assert not (frozen / "payload" / "extra").exists()
    assert json.loads(start(frozen / "payload" / "pair-show"))["data"] == ["zwei", "Wörter"]


def freeze(tmp_path: Path, env: dict[str, str], *options: str, **changes: str) -> Outcome:
    """Freeze the pair with other files (`pyproject` for pyproject.toml and so on); check that a failure leaves nothing."""
    project = write(tmp_path / "source", {name: changes.get(Path(name).stem, text) for name, text in PAIR.items()})
    outcome = coldforge("freeze", project, "--host", "--out", tmp_path / "dist", *options, env=env)
    if outcome.code:
        assert [path.name for path in (tmp_path / "dist").glob("linux-x86_64/*") if path.name != "logs"] == []
    return outcome


def test_a_smoke_command_that_fails_in_the_frozen_tree_stops_the_build(host_env: dict[str, str], tmp_path: Path) -> None:
    changed = PYPROJECT.replace("pair-work pool", "pair-work")
    freeze(tmp_path, host_env, pyproject=changed).failed(1, "`pair-work` does not work when it is frozen", "smoke.log")


def test_a_hidden_import_that_does_not_exist_is_named_and_can_be_relaxed(host_env: dict[str, str], tmp_path: Path) -> None:
    changed = PYPROJECT + '\n[tool.coldforge.pyinstaller]\nhidden-imports = ["markupsafe.naive"]\n'
    freeze(tmp_path / "a", host_env, pyproject=changed).failed(1, "[hidden-import]", "markupsafe.naive")
    relaxed = changed + '\n[tool.coldforge.gates]\nhidden-import = "only old versions have it"\n'
    freeze(tmp_path / "b", host_env, pyproject=relaxed).succeeded()
    (finding,) = (f for f in read(tmp_path / "b/dist/linux-x86_64/payload.json", Payload).findings if f.gate == "hidden-import")
    assert (finding.level, finding.reason) == ("relaxed", "only old versions have it")


def test_a_floor_below_what_the_files_need_is_refused_with_file_and_distribution(host_env: dict[str, str], tmp_path: Path) -> None:
    project = write(tmp_path / "source", {**PAIR, "matrix.yml": "targets:\n  linux-x86_64: {floor: glibc-2.3, formats: [tar.gz]}\n"})
    outcome = coldforge("freeze", project, "--host", "--out", tmp_path / "dist", env=host_env)
    outcome.failed(1, "[floor]", "_speedups", "markupsafe 3.0.3", "glibc-2.3 is promised")


def test_without_the_format_no_one_file_programs_are_made(host_env: dict[str, str], tmp_path: Path) -> None:
    project = write(tmp_path / "source", {**PAIR, "matrix.yml": "targets:\n  linux-x86_64: {formats: [tar.gz]}\n"})
    coldforge("freeze", project, "--host", "--out", tmp_path / "dist", env=host_env).succeeded()
    assert read(tmp_path / "dist/linux-x86_64/payload.json", Payload).singles == ()
    assert list((tmp_path / "dist/linux-x86_64/onefile").iterdir()) == []


def test_a_distribution_that_pyinstaller_cannot_work_with_is_told_before_anything_is_installed(
    host_env: dict[str, str], tmp_path: Path
) -> None:
    changed = LOCK + f"packaging==21.3 --hash=sha256:{'0' * 64}\n"
    freeze(tmp_path, host_env, requirements=changed).failed(2, "packaging 21.3", "packaging>=22")


def test_a_configured_group_that_does_not_exist_is_told(host_env: dict[str, str], tmp_path: Path) -> None:
    changed = PYPROJECT + '\n[tool.coldforge.environment]\ngroups = ["extra"]\n'
    freeze(tmp_path, host_env, pyproject=changed).failed(2, "no group 'extra'")


def test_an_interpreter_that_does_not_fit_is_missing(host_env: dict[str, str], tmp_path: Path) -> None:
    changed = PYPROJECT.replace(">=3.11", ">=3.99")
    freeze(tmp_path, host_env, pyproject=changed).failed(3, "no Python that can be frozen", "3.99")


def test_programs_are_frozen_without_the_tools_of_a_compiler(host_env: dict[str, str], tmp_path: Path) -> None:
    """PyInstaller asks for objdump and objcopy; a machine that has neither gives the same tree."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "git", "env", "unshare"):
        (folder / name).symlink_to(str(shutil.which(name)))
    outcome = freeze(tmp_path, {**host_env, "PATH": str(folder)}).succeeded()
    assert "objcopy" not in outcome.err
    assert json.loads(start(tmp_path / "dist/linux-x86_64/payload/pair-show"))["late"] == "imported by name"
    assert os.access(tmp_path / "dist/linux-x86_64/onefile/pair-work", os.X_OK)
