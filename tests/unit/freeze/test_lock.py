"""Which file is the lock, and what a PEP 751 lock says."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.errors import ConfigurationError
from coldforge.freeze.lock import KEEP, RESOLVED, Lock, find_lock, lacking, read_lock, selection
from coldforge.freeze.requirements import pins
from coldforge.host.files import sha256
from coldforge.project.config import EnvironmentConfig

NONE = EnvironmentConfig()
PYLOCK = """\
lock-version = "1.0"
created-by = "somebody"

[[packages]]
name = "demo"
directory = { path = ".", editable = true }

[[packages]]
name = "Click"
version = "8.1"
marker = "python_version < '3.13'"
sdist = { url = "https://example.org/click.tar.gz", hashes = { sha256 = "bb" } }
wheels = [{ url = "https://example.org/click.whl", hashes = { sha256 = "aa", sha512 = "cc" } }]
"""


def test_the_usual_names_in_order(tmp_path: Path) -> None:
    assert find_lock(tmp_path, NONE) is None
    for name in ("requirements.txt", "pylock.toml", "uv.lock"):
        (tmp_path / name).write_text("a==1 --hash=sha256:00")
        assert find_lock(tmp_path, NONE) == tmp_path / name


def test_requirements_without_hashes_are_no_lock(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("click\n")
    assert find_lock(tmp_path, NONE) is None


@pytest.mark.parametrize(
    ("name", "why", "advice"),
    [
        ("requirements.txt", "requirements.txt has no hashes", KEEP),
        ("poetry.lock", "poetry.lock is not read", "`poetry export --output requirements.txt`"),
        ("pdm.lock", "pdm.lock is not read", "`pdm export --prod --output requirements.txt`"),
        ("Pipfile.lock", "Pipfile.lock is not read", "`pipenv requirements --hash > requirements.txt`"),
        ("README.md", "there is no lock", KEEP),
    ],
)
def test_a_file_that_looks_like_a_lock_is_not_passed_over_in_silence(name: str, why: str, advice: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("click\n")
    assert find_lock(tmp_path, NONE) is None
    assert lacking(tmp_path)[0] == why
    assert advice in lacking(tmp_path)[1]


@pytest.mark.parametrize(
    ("workspace", "found"),
    [
        ('members = ["packages/*"]', True),
        ('members = ["packages/*"]\nexclude = ["packages/app"]', False),
        ('members = ["tools/*"]', False),
        ('members = [".", "/tmp", 1, "packages/app"]\nexclude = "packages/app"', True),
        ("", False),
    ],
    ids=["a member", "excluded", "another's", "with words that name nothing", "a root that lists nothing"],
)
def test_a_member_of_a_workspace_has_the_workspaces_lock(workspace: str, *, found: bool, tmp_path: Path) -> None:
    member = tmp_path / "packages" / "app"
    member.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(f"[tool.uv.workspace]\n{workspace}\n")
    assert find_lock(member, NONE) is None  # the workspace is not locked yet
    (tmp_path / "uv.lock").write_text("")
    assert find_lock(member, NONE) == (tmp_path / "uv.lock" if found else None)


def test_what_lies_above_a_project_need_not_be_readable(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text("")
    for text in ("[tool", "tool = 1\n", '[tool.uv]\nworkspace = "x"\n'):
        (tmp_path / "pyproject.toml").write_text(text)
        assert find_lock(tmp_path / "app", NONE) is None


def test_the_configured_lock_wins_and_must_exist(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text("")
    config = EnvironmentConfig(lock="locks/linux.txt")
    with pytest.raises(ConfigurationError, match=r"locks/linux\.txt does not exist"):
        find_lock(tmp_path, config)
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "linux.txt").write_text("")
    assert find_lock(tmp_path, config) == tmp_path / "locks" / "linux.txt"


def test_a_pylock_without_the_project_itself(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    path.write_text(PYLOCK)
    lock = read_lock(path, tmp_path, NONE, python="3.12.0")
    (pin,) = pins(lock.text)
    assert (lock.name, lock.sha256, lock.resolved) == ("pylock.toml", sha256(path), "")
    assert (pin.name, pin.version, pin.marker) == ("click", "8.1", "python_version < '3.13'")
    assert pin.distribution.hashes == ("sha256:aa", "sha256:bb")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PYLOCK.replace("[[packages]]", "[[packages"), "not valid TOML"),
        (PYLOCK.replace('version = "8.1"\n', ""), "Click has no version"),
        (PYLOCK.replace("sha256 =", "md5 ="), "no sha256"),
        (PYLOCK.replace('path = "."', 'path = "../other"'), "demo has no version"),
    ],
)
def test_a_pylock_that_cannot_be_enforced_is_refused(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=words):
        read_lock(tmp_path / "pylock.toml", tmp_path, NONE, python="3.12.0")


def test_a_lock_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(b"click==8 --hash=sha256:00 \xff")
    with pytest.raises(ConfigurationError, match="not text in UTF-8"):
        read_lock(tmp_path / "requirements.txt", tmp_path, NONE, python="3.12.0")


def test_only_what_nobody_wrote_down_is_recorded_whole() -> None:
    assert Lock(name=RESOLVED, sha256="", text="click==8").resolved == "click==8"
    assert Lock(name="uv.lock", sha256="", text="click==8").resolved == ""


def test_groups_name_the_file_where_uv_would_look_elsewhere() -> None:
    config = EnvironmentConfig(extras=("x",), groups=("g",))
    assert selection(Path("/p"), config, qualified=False) == ["--extra=x", "--group=g"]
    assert selection(Path("/p"), config, qualified=True) == ["--extra=x", "--group=/p/pyproject.toml:g"]
