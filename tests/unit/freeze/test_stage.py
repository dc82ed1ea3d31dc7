"""The key of a payload: each input changes it, nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from coldforge.freeze import FreezeJob, pyinstaller, stage
from coldforge.freeze.freezers import FREEZERS
from coldforge.plan.model import Plan, PlannedArtifact, PlannedTarget
from coldforge.project.config import Config, EnvironmentConfig, Executable, Product, SmokeConfig
from coldforge.project.images import Image
from coldforge.project.pyinstaller import PyInstallerConfig
from coldforge.records import SourceRecord

SOURCE = ("src/demo.py", "src/new.py", "requirements.txt")
RECIPES = ("build/building/sitecustomize.py", "build/freeze.py", "build/freezing/search_path.py", "build/requirements/pyinstaller.txt")
IDENTITY = {"version": "3.12.1", "build": "gcc", "sha256": "00", "library": "libpython3.12.so.1.0"}
TARGET = PlannedTarget(
    target="linux-x86_64", freezer="pyinstaller", artifacts=(PlannedArtifact(name="demo.tar.gz", format="tar.gz"),), runner="a"
)
PRODUCT = Product(name="demo", version="1.0", executables=(Executable(name="demo", entry="demo:main"),))
PLAN = Plan(coldforge="1", product=PRODUCT, source=SourceRecord(epoch=1_700_000_000), config=Config(), targets=(TARGET,))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that is not asked from git: which files are source is tested elsewhere."""
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "demo.py").write_text("main = print\n")
    (folder / "requirements.txt").write_text("click==8 --hash=sha256:00\n")

    def every_file(root: Path, _out: Path) -> tuple[Path, ...]:
        return tuple(sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file()))

    monkeypatch.setattr(stage, "source_files", every_file)
    monkeypatch.setattr(stage, "_PACKAGES", (str(tmp_path / "status"),))
    return folder


def key(project: Path, *, image: Image | None = None, identity: dict[str, str] | None = None, out: str = "dist", **changes: Any) -> str:
    """The key with changes to the target (`target_…`) and to the plan."""
    target = msgspec.structs.replace(TARGET, **{k.removeprefix("target_"): v for k, v in changes.items() if k.startswith("target_")})
    plan = msgspec.structs.replace(PLAN, **{name: value for name, value in changes.items() if not name.startswith("target_")})
    job = FreezeJob(project=project, plan=plan, target=target, out=project.parent / out / "linux-x86_64", image=image)
    known = {"image": image.identity} if image else identity or IDENTITY
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyinstaller, "_interpreter", lambda _job: ("python3", known))
        return stage._key(job, FREEZERS[target.freezer].inputs(job))


def test_equal_inputs_have_equal_keys_wherever_they_lie(project: Path) -> None:
    before = key(project)
    moved = project.rename(project.parent / "moved")
    assert key(moved, out="elsewhere") == before


def test_what_only_decides_where_or_what_is_packaged_changes_nothing(project: Path) -> None:
    artifacts = (PlannedArtifact(name="demo.deb", format="deb"),)
    assert key(project, target_runner="b", target_required=False, target_artifacts=artifacts) == key(project)


@pytest.mark.parametrize(
    "change",
    [
        {"coldforge": "2"},
        {"source": SourceRecord(epoch=1_700_000_001)},
        {"product": msgspec.structs.replace(PRODUCT, version="1.1")},
        {"product": msgspec.structs.replace(PRODUCT, executables=(Executable(name="demo", entry="demo:other"),))},
        {"config": Config(pyinstaller=PyInstallerConfig(strip=True))},
        {"config": Config(environment=EnvironmentConfig(extras=("x",)))},
        {"config": Config(environment=EnvironmentConfig(groups=("x",)))},
        {"config": Config(environment=EnvironmentConfig(wheelhouse="src"))},
        {"config": Config(environment=EnvironmentConfig(allow_sdists=("x",)))},
        {"config": Config(environment=EnvironmentConfig(build_lock="requirements.txt"))},
        {"config": Config(gates={"floor": "because"})},
        {"config": Config(smoke=SmokeConfig(run=("demo --version",)))},
        {"target_freezer": "command"},
        {"target_floor": "glibc-2.28"},
        {"target_artifacts": (PlannedArtifact(name="demo", format="onefile", executable="demo"),)},
        {"identity": {**IDENTITY, "sha256": "01"}},
        {"image": Image(base="sha256:" + "0" * 64)},
    ],
    ids=str,
)
def test_each_decision_changes_the_key(change: dict[str, Any], project: Path) -> None:
    assert key(project, **change) != key(project)


def test_another_image_is_another_key(project: Path) -> None:
    one, other = (Image(base=f"sha256:{digit * 64}") for digit in "01")
    assert key(project, image=one) != key(project, image=other)


@pytest.mark.parametrize(
    "name",
    [*SOURCE, *RECIPES],
)
def test_each_file_that_is_read_changes_the_key(name: str, project: Path) -> None:
    before = key(project)
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text("changed")
    assert key(project) != before


def test_another_file_in_the_wheelhouse_changes_the_key_though_it_is_no_source(project: Path) -> None:
    house = project.parent / "wheels"
    house.mkdir()
    config = Config(environment=EnvironmentConfig(wheelhouse="../wheels"))
    before = key(project, config=config)
    (house / "thing-1-py3-none-any.whl").write_bytes(b"one")
    one = key(project, config=config)
    (house / "thing-1-py3-none-any.whl").write_bytes(b"two")
    assert len({before, one, key(project, config=config)}) == 3


def test_an_executable_bit_changes_the_key(project: Path) -> None:
    before = key(project)
    (project / "src" / "demo.py").chmod(0o755)
    assert key(project) != before


def test_an_update_of_this_machine_changes_the_key_of_what_is_frozen_on_it_only(project: Path) -> None:
    image = Image(base="sha256:" + "0" * 64)
    before, inside = key(project), key(project, image=image)
    (project.parent / "status").write_text("Package: liblzma5\nVersion: 2\n")
    assert key(project) != before
    assert key(project, image=image) == inside
