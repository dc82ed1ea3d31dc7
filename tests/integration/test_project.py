"""Projects in real repositories, with real build backends, and versions compared by the real package managers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from ctypes import CDLL
from ctypes.util import find_library
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from packaging.version import Version as Pep440

from coldforge.errors import BuildFailed, ConfigurationError
from coldforge.host import files
from coldforge.pipeline import Run, run
from coldforge.plan import names
from coldforge.plan.model import PlannedTarget
from coldforge.project.load import load_project
from coldforge.project.source import read_source
from coldforge.records import MANIFEST, Manifest, SourceRecord, TargetRecord, canonical
from support import alpine
from support.program import ROOT, environment
from support.releases import ENVIRONMENT
from support.repository import TINY, write
from support.require import need, tool
from support.versions import VERSIONS

pytestmark = pytest.mark.integration

EPOCH = 1767323045  # of support.repository's commits: 2026-01-02T03:04:05Z
EARLIEST = 315532800


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    tool("git", "apt-get install git")
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return write(tmp_path / "tiny")


def git(folder: Path, *words: str) -> str:
    person = {f"GIT_{role}_{key}": "somebody@example.org" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    done = subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True, env={**os.environ, **person})
    return done.stdout.strip()


def test_a_clean_commit(repository: Path) -> None:
    git(repository, "remote", "add", "origin", "https://user:secret@github.com/acme/tiny.git")
    for tag in ("v0.9.0", "v0.10.0", "nightly"):
        git(repository, "tag", tag)
    assert read_source(repository) == SourceRecord(
        commit=git(repository, "rev-parse", "HEAD"), tag="v0.10.0", repository="acme/tiny", dirty=False, epoch=EPOCH
    )


def test_annotated_tags_count_and_tags_of_other_commits_do_not(repository: Path) -> None:
    git(repository, "tag", "v2.0")
    git(repository, "commit", "-q", "--allow-empty", "-m", "later")
    assert read_source(repository).tag == ""
    git(repository, "tag", "-a", "-m", "words", "v1.0")
    git(repository, "branch", "v3.0")  # not a tag
    assert read_source(repository).tag == "v1.0"


def _change(folder: Path) -> None:
    path = folder / "pyproject.toml"
    path.write_text(path.read_text() + "\n")


def _stage(folder: Path) -> None:
    _change(folder)
    git(folder, "add", "-A")


def _remove(folder: Path) -> None:
    (folder / "requirements.txt").unlink()


def _add(folder: Path) -> None:
    (folder / "new.txt").write_text("x")


def _add_nested_dist(folder: Path) -> None:
    (folder / "src" / "dist").mkdir()
    (folder / "src" / "dist" / "data.txt").write_text("x")


def _track_and_change_dist(folder: Path) -> None:
    (folder / "dist").mkdir()
    (folder / "dist" / "kept.txt").write_text("x")
    git(folder, "add", "-f", "dist")
    git(folder, "commit", "-q", "-m", "dist is part of the source")
    (folder / "dist" / "kept.txt").write_text("y")


@pytest.mark.parametrize("act", [_change, _stage, _remove, _add, _add_nested_dist, _track_and_change_dist])
def test_what_differs_from_the_commit_is_noticed(act: Callable[[Path], None], repository: Path) -> None:
    act(repository)
    assert read_source(repository).dirty


def test_neither_ignored_files_nor_our_own_output_nor_what_lies_outside_count(repository: Path) -> None:
    project = repository / "sub"
    project.mkdir()
    (project / "file").write_text("x")
    (repository / ".gitignore").write_text("*.log\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "a project below")
    git(repository, "config", "status.relativePaths", "false")
    (repository / "outside").write_text("x")
    (project / "a.log").write_text("x")
    (project / "dist").mkdir()
    (project / "dist" / "artifact").write_text("x")
    assert not read_source(project).dirty
    assert (read_source(project).path, read_source(repository).path) == (project.relative_to(repository).as_posix(), "")
    assert read_source(repository).dirty


def test_reading_leaves_the_repository_as_it_was(repository: Path) -> None:
    os.utime(repository / "pyproject.toml", (1, 1))  # git would refresh its index now
    index = (repository / ".git" / "index").read_bytes()
    read_source(repository)
    assert (repository / ".git" / "index").read_bytes() == index


@pytest.mark.parametrize("ignored", [True, False])
def test_a_folder_that_is_no_part_of_the_repository_around_it_has_no_commit(ignored: bool, repository: Path) -> None:
    if ignored:
        (repository / ".git" / "info" / "exclude").write_text("out/\n")
    folder = repository / "out" / "project"
    folder.mkdir(parents=True)
    (folder / "file").write_text("x")
    assert read_source(folder) == SourceRecord(epoch=EARLIEST)


def test_without_repository_commit_or_git_only_the_epoch_is_known(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    empty = tmp_path / "empty"
    empty.mkdir()
    assert read_source(empty) == SourceRecord(epoch=EARLIEST)
    git(empty, "init", "-q")
    assert read_source(empty) == SourceRecord(epoch=EARLIEST)
    monkeypatch.setenv("PATH", str(empty))
    assert read_source(repository) == SourceRecord(epoch=EARLIEST)


def test_the_given_epoch_is_taken(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert read_source(repository).epoch == 1_700_000_000


def test_settings_and_hooks_of_the_user_change_nothing(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read_source(repository)
    (repository / "new.txt").write_text("x")
    loud = "[status]\nshowUntrackedFiles = no\nrelativePaths = false\nshort = true\n[color]\nui = always\n[log]\nshowSignature = true\n"
    config = tmp_path / "gitconfig"
    config.write_text(loud + "decorate = no\nexcludeDecoration = refs/tags/*\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    git_tag = {name: value for name, value in os.environ.items() if name != "GIT_DIR"}
    subprocess.run(["git", "-C", str(repository), "tag", "v1"], check=True, env=git_tag)
    got = read_source(repository)
    assert (got.commit, got.epoch, got.tag, got.dirty) == (expected.commit, expected.epoch, "v1", True)


def test_a_repository_of_somebody_else_is_refused_with_the_command_that_allows_it(repository: Path) -> None:
    need("root", available=os.geteuid() == 0, how="only root can give a folder to somebody else")
    for path in (repository, repository / ".git"):
        os.chown(path, 12345, 12345)
    with pytest.raises(ConfigurationError, match="belongs to another user") as caught:
        read_source(repository)
    assert f"git config --global --add safe.directory {repository}" in caught.value.hint


def test_a_shallow_clone_has_its_commit_and_tag(repository: Path, tmp_path: Path) -> None:
    git(repository, "tag", "v1.0")
    git(tmp_path, "clone", "-q", "--depth", "1", "--branch", "v1.0", f"file://{repository}", "clone")
    got = read_source(tmp_path / "clone")
    assert (got.tag, got.epoch, got.repository, got.dirty) == ("v1.0", EPOCH, "", False)


BACKEND = """\
import os, pathlib

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    raise SystemExit("not asked for")

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    {act}
    folder = pathlib.Path(metadata_directory, "tiny-4.5.6.dist-info")
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.4\\nName: tiny\\nVersion: 4.5.6\\nSummary: From the backend\\n")
    (folder / "entry_points.txt").write_text("[console_scripts]\\ntiny = tiny:main\\n")
    return folder.name
"""
IN_TREE = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
PROJECT = '[project]\nname = "tiny"\ndynamic = ["version"]\n[project.scripts]\ntiny = "tiny.other:main"\n'


def in_tree(folder: Path, project: str = PROJECT, act: str = "pass") -> Path:
    return write(folder, {**TINY, "pyproject.toml": IN_TREE + project, "backend.py": BACKEND.format(act=act)})


def test_a_dynamic_version_is_asked_from_the_backend(tmp_path: Path) -> None:
    product = load_project(in_tree(tmp_path / "tiny")).product
    assert (product.version, product.summary, product.executables[0].entry) == ("4.5.6", "", "tiny.other:main")


@pytest.mark.parametrize("project", ["", '[project]\nname = "tiny"\ndynamic = ["version", "scripts", "description"]\n'])
def test_scripts_may_be_dynamic_too(project: str, tmp_path: Path) -> None:
    product = load_project(in_tree(tmp_path / "tiny", project)).product
    assert (product.name, product.version, product.summary) == ("tiny", "4.5.6", "From the backend")
    assert product.executables[0].entry == "tiny:main"


def test_what_is_frozen_is_packaged_without_any_code_of_the_project(tmp_path: Path) -> None:
    """Where packages are made there are keys, and a child could read them of the process that started it."""
    folder, out, seen = in_tree(tmp_path / "tiny", act='raise SystemExit("it ran")'), tmp_path / "dist", []

    def stage(run: Run, target: PlannedTarget, _record: TargetRecord | None) -> TargetRecord:
        seen.append((run.plan.product.version, target.target))
        return TargetRecord(target=target.target, freezer="p", payload_digest="a" * 64, payload_size=1, environment=ENVIRONMENT)

    def package() -> None:
        run(folder, (stage,), out=out, targets=("linux-x86_64",), formats=("tar.gz",), frozen=True)

    with pytest.raises(ConfigurationError, match="nothing is frozen"):
        package()
    manifest = Manifest(coldforge="0", product="tiny", version="4.5.6", source=SourceRecord(epoch=0), targets=())
    files.write(out / "linux-x86_64" / MANIFEST, canonical(manifest))
    package()
    assert seen == [("4.5.6", "linux-x86_64")]


def test_nothing_is_kept_from_one_reading_to_the_next(tmp_path: Path) -> None:
    folder = in_tree(tmp_path / "tiny")
    assert load_project(folder).product.version == "4.5.6"
    (folder / "backend.py").write_text(BACKEND.format(act="pass").replace("4.5.6", "4.5.7"))
    assert load_project(folder).product.version == "4.5.7"


def test_a_static_version_starts_no_backend(tmp_path: Path) -> None:
    folder = in_tree(tmp_path / "tiny", PROJECT.replace('dynamic = ["version"]', 'version = "1.0"'), act="raise SystemExit('asked')")
    assert load_project(folder).product.version == "1.0"


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("raise RuntimeError('no tag to be found')", "RuntimeError: no tag to be found"),
        ("print('words', flush=True); os._exit(3)", "words"),
    ],
)
def test_a_backend_that_fails_is_quoted(act: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(BuildFailed) as caught:
        load_project(in_tree(tmp_path / "tiny", act=act))
    assert caught.value.exit_code == 4
    assert "the build backend of tiny" in caught.value.what
    assert words in caught.value.why
    assert "Traceback" not in caught.value.why
    assert "_in_process" not in caught.value.why


def test_neither_a_backend_nor_what_is_installed_for_it_sees_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "COLDFORGE_IDENTITY_TOKEN", "GITHUB_OUTPUT", "UV_INDEX_OURS_PASSWORD"):
        monkeypatch.setenv(name, "geheim")
    seen = tmp_path / "seen"
    act = f"pathlib.Path({str(seen)!r}).open('a').write(repr(dict(os.environ)))"
    helper = {**TINY, "pyproject.toml": IN_TREE + '[project]\nname = "tiny"\nversion = "4.5.6"\n'}
    wheel = "import os, pathlib, zipfile\n\n\ndef build_wheel(folder, config_settings=None, metadata_directory=None):\n"
    wheel += f"    {act}\n    name = 'tiny-4.5.6-py3-none-any.whl'\n    with zipfile.ZipFile(pathlib.Path(folder, name), 'w') as wheel:\n"
    for file, text in (("METADATA", "Metadata-Version: 2.4\\nName: tiny\\nVersion: 4.5.6\\n"), ("RECORD", "")):
        wheel += f"        wheel.writestr('tiny-4.5.6.dist-info/{file}', '{text}')\n"
    wheel += "        wheel.writestr('tiny-4.5.6.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
    write(tmp_path / "helper", {**helper, "backend.py": wheel + "    return name\n"})
    asked = in_tree(tmp_path / "asked", act=act)
    needs = (asked / "pyproject.toml").read_text().replace("requires = []", f'requires = ["tiny @ file://{tmp_path}/helper"]')
    (asked / "pyproject.toml").write_text(needs)
    assert load_project(asked).product.version == "4.5.6"
    told = seen.read_text()
    assert told.count("'PATH'") == 2
    assert "OURS_PASSWORD': 'geheim'" in told  # the package client's own, for what it installs
    assert told.count("geheim") == 1


def test_a_backend_that_is_not_there_is_named(tmp_path: Path) -> None:
    pyproject = IN_TREE.replace('"backend"', '"absent_backend"') + PROJECT
    with pytest.raises(BuildFailed, match="the build backend of tiny") as caught:
        load_project(write(tmp_path / "tiny", {**TINY, "pyproject.toml": pyproject}))
    assert "absent_backend" in caught.value.why


def test_setuptools_tells_its_version_and_leaves_nothing_in_the_source(tmp_path: Path) -> None:
    system = '[build-system]\nrequires = ["setuptools>=77"]\nbuild-backend = "setuptools.build_meta"\n'
    dynamic = '[tool.setuptools.dynamic]\nversion = { attr = "tiny.__version__" }\n'
    folder = write(tmp_path / "tiny", {"pyproject.toml": system + PROJECT + dynamic, "src/tiny/__init__.py": "__version__ = '7.8.9'\n"})
    project = load_project(folder)
    assert (project.product.version, project.source.dirty) == ("7.8.9", False)
    assert git(folder, "status", "--porcelain", "--ignored") == ""


def test_requirements_of_a_backend_that_do_not_exist_are_quoted(tmp_path: Path) -> None:
    system = '[build-system]\nrequires = ["setuptools>=100000"]\nbuild-backend = "setuptools.build_meta"\n'
    with pytest.raises(BuildFailed, match="needs could not be installed") as caught:
        load_project(write(tmp_path / "tiny", {"pyproject.toml": system + PROJECT}))
    assert "setuptools>=100000" in caught.value.why


def test_planning_loads_nothing_that_it_does_not_need(repository: Path) -> None:
    """The aim of ten bare interpreter starts is measured in benchmarks/start.py; this keeps what it rests on."""
    code = (
        "import sys; from pathlib import Path; from coldforge.pipeline import make; "
        "make(Path(sys.argv[1])); print(*sorted(name for name in sys.modules if '.' not in name))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(repository)], check=True, capture_output=True, text=True, env=environment())
    heavy = {"yaml", "tomlkit", "rich", "requests", "docker", "sigstore", "build", "uv", "hashlib", "difflib", "elftools"}
    assert not heavy & set(done.stdout.split())


def test_the_example_can_be_planned() -> None:
    project = load_project(ROOT / "examples" / "almanac")
    assert project.product.icon
    assert project.product.description.startswith("Sun, moon and feasts")


LADDER = ["1.2.3.dev4", "1.2.3a1", "1.2.3a2", "1.2.3a11", "1.2.3b1", "1.2.3rc1", "1.2.3", "1.2.3.post1", "1.2.4.dev1", "1.2.4", "1.10", "2"]


def dpkg(left: str, right: str) -> int:
    """-1, 0 or 1, as dpkg compares two versions."""
    program = tool("dpkg", "apt-get install dpkg")
    for relation, result in (("lt", -1), ("eq", 0), ("gt", 1)):
        if subprocess.run([program, "--compare-versions", left, relation, right], check=False, capture_output=True).returncode == 0:
            return result
    raise AssertionError(f"dpkg cannot compare {left} and {right}")


def rpm(left: str, right: str) -> int:
    """The same as rpm compares them: its own language has the comparison that its packages are sorted by."""
    program = tool("rpm", "apt-get install rpm")
    done = subprocess.run(
        [program, "--eval", f'%{{lua:print(rpm.vercmp("{left}", "{right}"))}}'], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


def pacman(left: str, right: str) -> int:
    """The same as pacman compares them, asked of its library: Debian's package has no vercmp."""
    path = find_library("alpm")
    need("libalpm", available=path is not None, how="apt-get install libalpm13")
    return int(CDLL(path).alpm_pkg_vercmp(left.encode(), right.encode()))


# Lower than the end of a version, the end, and higher: https://wiki.alpinelinux.org/wiki/APKBUILD_Reference#pkgver
SUFFIXES = ("alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p")


def apk(left: str, right: str) -> int:
    """The same by the rules that Alpine documents, and as go-apk has them; the tool itself is in no package index that a test can reach."""
    one, two = map(_apk_key, (left, right))
    result = (one > two) - (one < two)
    if not any(version.count("_") > 1 for version in (left, right)):  # Alpine has several suffixes, go-apk takes one
        assert alpine.go_apk("order", left, right).stdout == f"{result}\n"
    return result


def _apk_key(text: str) -> tuple[list[int], list[tuple[int, int]], int]:
    version, _, revision = text.partition("-r")
    release, *suffixes = version.split("_")
    read = [re.fullmatch(r"([a-z]*)([0-9]*)", suffix) for suffix in [*suffixes, ""]]
    ranked = [(SUFFIXES.index(found[1]), int(found[2] or 0)) for found in read if found]
    return [int(number) for number in release.split(".")], ranked, int(revision)


# A package manager's comparison, and what spells a version for it.
MANAGERS: dict[str, tuple[Callable[[str, str], int], Callable[[names.Version], str]]] = {
    "dpkg": (dpkg, names.debian),
    "rpm": (rpm, names.rpm),
    "pacman": (pacman, lambda version: f"{names.arch(version)}-1"),
    "apk": (apk, names.apk),
}


@pytest.mark.parametrize("manager", MANAGERS)
def test_every_stage_of_a_release_is_sorted_as_its_project_does(manager: str) -> None:
    compare, spell = MANAGERS[manager]
    spelled = [spell(names.Version.parse(text)) for text in LADDER]
    assert [compare(left, right) for left, right in pairwise(spelled)] == [-1] * (len(LADDER) - 1)


@pytest.mark.parametrize("manager", MANAGERS)
@settings(max_examples=60)
@given(left=VERSIONS, right=VERSIONS)
def test_all_versions_are_sorted_as_packaging_does(manager: str, left: str, right: str) -> None:
    compare, spell = MANAGERS[manager]
    one, two = Pep440(left), Pep440(right)
    expected = (one > two) - (one < two)
    assert compare(spell(names.Version.parse(left)), spell(names.Version.parse(right))) == expected
