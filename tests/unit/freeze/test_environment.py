"""What is installed beside the application, and from what."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.errors import BuildFailed, ConfigurationError
from coldforge.freeze.environment import freezer_pins, install_wheels
from coldforge.freeze.lock import Lock
from coldforge.freeze.resolve import knows_no_times

HASH = " --hash=sha256:00\n"
FREEZER = f"pyinstaller==6.22.3{HASH}packaging==26.3{HASH}pefile==2024.8.26 ; sys_platform == 'nowhere'{HASH}"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "build" / "requirements"
    folder.mkdir(parents=True)
    (folder / "pyinstaller.txt").write_text(FREEZER)
    (folder / "pyinstaller.in").write_text("# what it needs\npyinstaller>=6.22.3\npackaging>=22\n")
    return tmp_path


def chosen(project: Path, text: str) -> list[tuple[str, str]]:
    lock = Lock(name="requirements.txt", sha256="", text=text)
    return [(pin.name, pin.version) for pin in freezer_pins(lock, project, "3.12.1")]


def test_the_freezers_own_lock_where_it_applies(project: Path) -> None:
    assert chosen(project, "") == [("packaging", "26.3"), ("pyinstaller", "6.22.3")]


def test_what_the_application_locks_wins(project: Path) -> None:
    assert chosen(project, f"Packaging==24.0{HASH}") == [("pyinstaller", "6.22.3")]


def test_what_the_application_locks_for_another_system_does_not_count(project: Path) -> None:
    assert ("packaging", "26.3") in chosen(project, f"packaging==20.0 ; sys_platform == 'nowhere'{HASH}")


def test_versions_that_the_freezer_cannot_work_with_are_all_told(project: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        chosen(project, f"packaging==21.3{HASH}pyinstaller==6.1{HASH}")
    told = sorted(problem.what for problem in caught.value.problems)
    assert told == [
        "packaging 21.3 is locked, the freezer needs packaging>=22",
        "pyinstaller 6.1 is locked, the freezer needs pyinstaller>=6.22.3",
    ]


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("hint: `x` was filtered by `exclude-newer` … The latest version satisfying the requirement is v1.", True),
        ("hint: `x` was filtered by `exclude-newer` … is v1, published at 2022-08-14T12:40:09Z.", False),
        ("error: no such index", False),
    ],
)
def test_an_index_without_times_is_known_by_what_uv_says(output: str, *, expected: bool) -> None:
    assert knows_no_times(output) is expected


class Index:
    """Installs what has wheels as uv does: of what has none it names the first only."""

    def __init__(self, *lacking: str, other: str = "") -> None:
        self.lacking, self.other, self.asked = lacking, other, list[tuple[str, ...]]()

    def install(self, text: str, *more: str) -> None:
        self.asked.append(more)
        if name := next((name for name in self.lacking if f"{name}==1" in text), ""):
            raise BuildFailed("uv", why=f"cause: Because {name}==1 has no usable wheels and you require {name}==1, we can conclude")
        if self.other:
            raise BuildFailed("uv", why=self.other)


TEXT = "one==1 --hash=sha256:00\ntwo==1 --hash=sha256:00\nthree==1 --hash=sha256:00\n"


def test_where_all_have_wheels_they_are_installed_once() -> None:
    index = Index()
    install_wheels(index.install, TEXT, [])
    assert index.asked == [()]


def test_all_that_have_no_wheel_are_named_and_nothing_is_installed_then() -> None:
    index = Index("three", "one")
    with pytest.raises(BuildFailed, match="one and three have no wheel") as caught:
        install_wheels(index.install, TEXT, ["four"])
    assert '`allow-sdists = ["four", "one", "three"]`' in caught.value.hint
    assert index.asked == [(), ("--dry-run",), ("--dry-run",)]


def test_another_failure_is_told_as_it_is_but_not_for_what_has_no_wheel() -> None:
    with pytest.raises(BuildFailed, match=r"^uv$"):
        install_wheels(Index(other="the index is closed").install, TEXT, [])
    with pytest.raises(BuildFailed, match=r"^two has no wheel"):
        install_wheels(Index("two", other="the index is closed").install, TEXT, [])
