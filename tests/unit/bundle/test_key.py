"""The key of an artifact: each input changes it, and what decides nothing does not."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from coldforge.bundle import BundleJob, icons, stage
from coldforge.bundle.formats import BUNDLERS
from coldforge.bundle.linux.deb import Deb
from coldforge.plan.model import Plan, PlannedArtifact, PlannedTarget
from coldforge.project.config import Config, DebConfig, Executable, Product
from coldforge.project.desktop import FileAssociation
from coldforge.project.linux import LinuxConfig, Scripts
from coldforge.records import Component, FileEntry, Need, Origin, Payload, SourceRecord
from support.releases import ENVIRONMENT

ARTIFACT = PlannedArtifact(name="demo_1.0_amd64.deb", format="deb")
TARGET = PlannedTarget(target="linux-x86_64", freezer="pyinstaller", artifacts=(ARTIFACT,))
PRODUCT = Product(
    name="demo", version="1.0", icon="demo.svg", license_files=("LICENSE",), executables=(Executable(name="demo", entry="d:m"),)
)
WITHOUT = msgspec.structs.replace(PRODUCT, icon="")
ASSOCIATED = FileAssociation(mime_type="application/x-demo", extensions=("demo",), icon="file.svg")
PLAN = Plan(coldforge="1", product=PRODUCT, source=SourceRecord(epoch=1_700_000_000), config=Config(), targets=(TARGET,))
FILE = FileEntry(path="demo", kind="executable", mode=0o755, size=1, sha256="00", origin=Origin(kind="application", name="demo"))
PAYLOAD = Payload(target="linux-x86_64", freezer="f", key="k", files=(FILE,), environment=ENVIRONMENT, glibc_floor="glibc-2.36")
BILL = {"artifact": PlannedArtifact(name="demo.cdx.json", format="sbom")}
ONE_FILE = {"artifact": PlannedArtifact(name="demo", format="onefile", executable="demo")}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the files that packages show."""
    folder = tmp_path / "project"
    (folder / "man").mkdir(parents=True)
    for name in ("demo.svg", "LICENSE", "man/demo.1"):
        (folder / name).write_text(name)
    return folder


def key(project: Path, **changes: Any) -> str:
    """The key with changes to the plan, and to what else a job is made of."""
    parts = {"target": TARGET, "artifact": ARTIFACT, "payload": PAYLOAD, **changes}
    plan = msgspec.structs.replace(PLAN, **{name: value for name, value in changes.items() if name in PLAN.__struct_fields__})
    job = BundleJob(
        project=project, plan=plan, folder=project.parent / "dist", **{name: parts[name] for name in ("artifact", "payload", "target")}
    )
    return stage._key(job, BUNDLERS[job.artifact.format]())


def test_equal_inputs_have_equal_keys_wherever_they_lie(project: Path) -> None:
    before = key(project)
    assert key(project.rename(project.parent / "moved")) == before


@pytest.mark.parametrize(
    "change",
    [
        {"payload": msgspec.structs.replace(PAYLOAD, files=(msgspec.structs.replace(FILE, sha256="01"),))},
        {"payload": msgspec.structs.replace(PAYLOAD, files=(msgspec.structs.replace(FILE, mode=0o644),))},
        {"payload": msgspec.structs.replace(PAYLOAD, singles=(FILE,))},
        {"payload": msgspec.structs.replace(PAYLOAD, needs=(Need(soname="libGL.so.1", by="demo"),))},
        {"payload": msgspec.structs.replace(PAYLOAD, glibc_floor="glibc-2.28")},
        {"artifact": msgspec.structs.replace(ARTIFACT, name="demo_1.0-2_amd64.deb")},
        {"target": msgspec.structs.replace(TARGET, target="linux-aarch64")},
        {"product": msgspec.structs.replace(PRODUCT, summary="another")},
        {"config": Config(deb=DebConfig(depends=("libgl1",)))},
        {"source": SourceRecord(epoch=1_700_000_001)},
    ],
    ids=str,
)
def test_each_decision_changes_the_key(change: dict[str, Any], project: Path) -> None:
    assert key(project, **change) != key(project)


@pytest.mark.parametrize("form", ["deb", "rpm", "arch", "apk", "ipk"])
def test_a_package_depends_on_its_own_table_of_the_configuration(form: str, project: Path) -> None:
    artifact = PlannedArtifact(name="demo", format=form)
    changed = msgspec.convert({form: {"depends": ["git"]}}, Config)
    assert key(project, artifact=artifact, config=changed) != key(project, artifact=artifact)
    assert key(project, config=changed) == key(project) or form == "deb"


@pytest.mark.parametrize("name", ["demo.svg", "LICENSE", "man/demo.1", *Deb.templates])
def test_each_file_that_is_read_changes_the_key(name: str, project: Path) -> None:
    before = key(project)
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text("changed")
    assert key(project) != before


LINUX = LinuxConfig(files={"/etc/demo": "conf"}, units=("demo.timer",), scripts=Scripts(after_install="after.sh"))


@pytest.mark.parametrize(
    "name",
    ["conf/a", "conf/new", "demo.timer", "after.sh", "completions/demo.bash", "completions/_demo", "completions/demo.fish", "NEWS.md"],
)
def test_what_the_project_gives_to_packages_changes_their_keys(name: str, project: Path) -> None:
    for path in ("conf/a", "demo.timer", "after.sh"):
        (project / path).parent.mkdir(exist_ok=True)
        (project / path).write_text("before")
    before, plain, bill = key(project, config=Config(linux=LINUX)), key(project), key(project, **BILL, config=Config(linux=LINUX))
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_text("after")
    assert key(project, config=Config(linux=LINUX)) != before
    assert (key(project) == plain) == (name != "NEWS.md" and not name.startswith("completions/"))
    assert key(project, **BILL, config=Config(linux=LINUX)) == bill


@pytest.mark.parametrize(("form", "draws"), [("rpm", True), ("appimage", True), ("flatpak", True), ("snap", False)])
def test_what_every_package_shows_changes_its_key(form: str, draws: bool, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = PlannedArtifact(name="demo", format=form)
    monkeypatch.setattr(BUNDLERS[form], "tool", lambda _self: "tool 1")
    keys = [key(project, artifact=artifact)]
    (project / "CHANGELOG").write_text("news")
    keys.append(key(project, artifact=artifact))
    monkeypatch.setattr(icons, "tool", lambda: "Pillow 0")
    keys.append(key(project, artifact=artifact))
    assert [one != other for one, other in pairwise(keys)] == [True, draws]


def test_a_mode_a_link_and_an_empty_folder_change_the_key(project: Path) -> None:
    (project / "conf").mkdir()
    (project / "conf" / "a").write_text("a")
    keys = [key(project, config=Config(linux=LINUX))]
    for change in (
        lambda: (project / "conf/a").chmod(0o755),
        lambda: (project / "conf/link").symlink_to("a"),
        (project / "conf/empty").mkdir,
        lambda: (project / "conf/empty").rename(project / "conf/other"),
    ):
        change()
        keys.append(key(project, config=Config(linux=LINUX)))
    assert len(set(keys)) == len(keys)
    (project / "conf" / "a").chmod(0o700)
    assert key(project, config=Config(linux=LINUX)) == keys[-1]


def test_the_icon_of_a_kind_of_files_changes_the_key(project: Path) -> None:
    executable = msgspec.structs.replace(PRODUCT.executables[0], file_associations=(ASSOCIATED,))
    product = msgspec.structs.replace(PRODUCT, executables=(executable,))
    (project / "file.svg").write_text("before")
    before = key(project, product=product)
    (project / "file.svg").write_text("after")
    assert key(project, product=product) != before


def test_another_version_of_the_tool_changes_the_key(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = key(project)
    monkeypatch.setattr(Deb, "tool", lambda _self: "zstd 0")
    assert key(project) != before


def test_another_version_of_what_draws_icons_changes_the_key_of_what_has_icons(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, bill, plain = key(project), key(project, **BILL), key(project, product=WITHOUT)
    monkeypatch.setattr(icons, "tool", lambda: "Pillow 0")
    assert key(project) != before
    assert (key(project, **BILL), key(project, product=WITHOUT)) == (bill, plain)


def test_what_is_known_of_the_freeze_besides_its_bytes_changes_nothing(project: Path) -> None:
    assert key(project, payload=msgspec.structs.replace(PAYLOAD, key="other")) == key(project)
    assert key(project, coldforge="2") == key(project)


@pytest.mark.parametrize(
    "change",
    [
        {"payload": msgspec.structs.replace(PAYLOAD, components=(Component(kind="python", name="python", version="3.13.1"),))},
        {"payload": msgspec.structs.replace(PAYLOAD, environment=msgspec.structs.replace(ENVIRONMENT, system="another"))},
        {"source": SourceRecord(epoch=1_700_000_000, commit="b" * 40)},
    ],
    ids=["parts", "environment", "source"],
)
def test_what_a_bill_of_materials_tells_changes_its_key_only(change: dict[str, Any], project: Path) -> None:
    assert key(project, **BILL, **change) != key(project, **BILL)
    assert key(project, **change) == key(project)
