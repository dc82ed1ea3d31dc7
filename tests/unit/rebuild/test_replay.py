"""What a manifest says is checked before it decides anything: it may come from anybody."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypedDict

import pytest
from msgspec.structs import replace

from coldforge.errors import ConfigurationError, Missing
from coldforge.project.config import EnvironmentConfig
from coldforge.project.images import Image
from coldforge.rebuild import replay
from coldforge.rebuild.inputs import changed, toolbox, tools
from coldforge.records import DETACHED, Artifact, Distribution, Environment, Manifest, SourceRecord, TargetRecord
from coldforge.target import Target
from support import payloads
from support.releases import ENVIRONMENT

DIGEST = ENVIRONMENT.workshop
OTHER = f"sha256:{'5' * 64}"
TARGET = Target.parse(payloads.TARGET)
SOURCE = SourceRecord(commit="a" * 40, epoch=5)


def record(*names: str, **environment: object) -> TargetRecord:
    """What is recorded of a target with these artifacts, frozen in an environment that differs in this."""
    artifacts = tuple(
        Artifact(name=n, path=f"linux-x86_64/{n}", target="linux-x86_64", format="deb", size=1, sha256="0" * 64) for n in names
    )
    return TargetRecord(
        target=payloads.TARGET,
        freezer="pyinstaller",
        payload_digest="4" * 64,
        payload_size=1,
        environment=replace(ENVIRONMENT, **environment),
        artifacts=artifacts,
    )


def manifest(**fields: object) -> Manifest:
    return replace(Manifest(coldforge="1.2", product="demo", version="1.2.0rc1", source=SOURCE), **fields)


def test_the_same_coldforge_is_demanded() -> None:
    replay.check_version(manifest(), "1.2")
    with pytest.raises(Missing) as caught:
        replay.check_version(manifest(), "1.3")
    assert "uvx coldforge==1.2 rebuild" in caught.value.hint


def test_a_command_to_paste_is_not_made_of_anything() -> None:
    with pytest.raises(Missing) as caught:
        replay.check_version(manifest(coldforge="1.2; rm -rf ~"), "1.3")
    assert caught.value.hint == ""


def test_other_recipes_are_named() -> None:
    one = record(recipes={"build/freeze.py": "1", "build/requirements.txt": "2"})
    replay.check_recipes(one, {"build/freeze.py": "1", "build/requirements.txt": "2"})
    with pytest.raises(Missing) as caught:
        replay.check_recipes(one, {"build/freeze.py": "3", "build/requirements.txt": "2"})
    assert caught.value.why == "Other ones: build/freeze.py."


def test_the_lock_must_be_the_recorded_one() -> None:
    replay.check_lock(record(), "requirements.txt", ENVIRONMENT.lock_sha256)
    replay.check_lock(record(resolved="x==1"), "", "")  # it stands in the manifest itself
    for name, sha256 in (("", ""), ("requirements.txt", "9" * 64)):
        with pytest.raises(ConfigurationError, match="is not in the commit"):
            replay.check_lock(record(), name, sha256)


@pytest.mark.parametrize(
    ("planned", "image", "workshop", "container"),
    [
        (Image(base=f"debian:12@{DIGEST}"), "", DIGEST, "linux"),
        (Image(base=f"debian:13@{OTHER}"), f"debian:12@{DIGEST}", DIGEST, f"debian:12@{DIGEST}"),
        (None, DIGEST, DIGEST, DIGEST),
        (None, "", DIGEST, DIGEST),
    ],
)
def test_the_recorded_image_is_taken(planned: Image | None, image: str, workshop: str, container: str) -> None:
    assert replay.container_of(record(image=image, workshop=workshop), planned, "linux") == container


def test_an_image_by_dockerfile_is_taken_only_when_the_dockerfile_is_the_same() -> None:
    image = Image(base=f"debian:12@{DIGEST}", recipe="ARG BASE\nFROM ${BASE}\n")
    made = record(image=image.base, workshop=image.identity)
    assert replay.container_of(made, image, "linux") == "linux"
    with pytest.raises(Missing, match="cannot be made"):
        replay.container_of(made, replace_recipe(image), "linux")


def replace_recipe(image: Image) -> Image:
    return Image(base=image.base, recipe=f"{image.recipe}RUN true\n")


@pytest.mark.parametrize(("image", "workshop"), [("evil:latest", DIGEST), (f"evil@{OTHER}", DIGEST), ("", "latest"), ("", "")])
def test_an_image_that_is_not_pinned_by_the_recorded_digest_is_refused(image: str, workshop: str) -> None:
    with pytest.raises(ConfigurationError, match="does not tell which image"):
        replay.container_of(record(image=image, workshop=workshop), None, "")


@pytest.mark.parametrize("python", ["", "--config-file=/etc/passwd", "python3 -c pass", "python3\n"])
def test_what_is_no_interpreters_name_becomes_no_argument(python: str) -> None:
    assert replay.python_of(record(python="/opt/python/cp313/bin/python3.13")) == "/opt/python/cp313/bin/python3.13"
    with pytest.raises(ConfigurationError, match="which Python"):
        replay.python_of(record(python=python))


def test_a_resolved_lock_is_kept_if_it_is_the_one_of_the_digest(tmp_path: Path) -> None:
    text = "x==1 --hash=sha256:00\n"
    good = replace(ENVIRONMENT, resolved=text, lock_sha256=hashlib.sha256(text.encode()).hexdigest())
    assert Path(replay.kept_lock(good, TARGET, tmp_path)).read_text() == text
    assert replay.kept_lock(ENVIRONMENT, TARGET, tmp_path) == ""
    with pytest.raises(ConfigurationError, match="not the one whose digest"):
        replay.kept_lock(replace(good, resolved="y==1\n"), TARGET, tmp_path)


def test_what_built_is_kept_as_constraints_where_the_commit_has_no_lock_for_it(tmp_path: Path) -> None:
    used = {
        "tiny": (Distribution(name="hatchling", version="1.27.0"), Distribution(name="packaging", version="26.3")),
        "thing": (Distribution(name="setuptools", version="84.2.1"), Distribution(name="packaging", version="25.0")),
    }
    recorded = replace(ENVIRONMENT, built=used)
    path = Path(replay.kept_build_lock(recorded, TARGET, tmp_path))
    assert (path.name, path.read_text()) == (replay.RESOLVED, "hatchling==1.27.0\nsetuptools==84.2.1\n")
    assert replay.kept_build_lock(replace(recorded, build_lock="build.txt"), TARGET, tmp_path) == ""
    assert replay.kept_build_lock(ENVIRONMENT, TARGET, tmp_path) == ""
    strange = replace(recorded, built={"tiny": (Distribution(name="x", version="1\n--index-url=https://elsewhere.example"),)})
    with pytest.raises(ConfigurationError, match="what built"):
        replay.kept_build_lock(strange, TARGET, tmp_path)


def test_another_build_lock_in_the_commit_is_told() -> None:
    recorded = replace(record(), environment=replace(ENVIRONMENT, build_lock="build.txt", build_lock_sha256="ab" * 32))
    replay.check_build_lock(recorded, "build.txt", "ab" * 32)
    replay.check_build_lock(record(), "", "")
    with pytest.raises(ConfigurationError, match="the build lock that linux-x86_64 was frozen with is not in the commit"):
        replay.check_build_lock(recorded, "", "")


def test_the_plan_of_the_commit_gets_what_is_recorded(tmp_path: Path) -> None:
    plan, _ = payloads.make(tmp_path)
    recorded = replace(record(payloads.DEB), environment=replace(ENVIRONMENT, extras=("fast",), groups=("data",)))
    given = replace(plan.config.environment, wheelhouse="wheels")
    settings = replay.settings(given, recorded.environment, project=tmp_path, python="python3.13", lock="", build_lock="")
    made = replay.replayed(plan, manifest(), recorded, container=DIGEST, settings=settings)
    assert (settings.extras, settings.groups, settings.wheelhouse) == (("fast",), ("data",), "")
    (tmp_path / "wheels").mkdir()
    settings = replay.settings(given, recorded.environment, project=tmp_path, python="python3.13", lock="", build_lock="")
    assert settings.wheelhouse == "wheels"
    assert made.source == SOURCE
    assert made.targets[0].container == DIGEST
    assert made.config.environment.python == "python3.13"
    assert made.config.environment.lock == plan.config.environment.lock
    assert made.targets[0].artifacts == plan.targets[0].artifacts


class Words(TypedDict):
    container: str
    settings: EnvironmentConfig


def test_a_commit_of_something_else_is_refused(tmp_path: Path) -> None:
    plan, _ = payloads.make(tmp_path)
    words = Words(container="", settings=plan.config.environment)
    with pytest.raises(ConfigurationError, match=r"the commit is demo 1\.2\.0rc1, and the manifest is about demo 9"):
        replay.replayed(plan, manifest(version="9"), record(), **words)
    with pytest.raises(ConfigurationError, match=r"does not make other\.deb"):
        replay.replayed(plan, manifest(), record("other.deb"), **words)
    with pytest.raises(ConfigurationError, match="freezes linux-x86_64 with pyinstaller, and the manifest says 'command'"):
        replay.replayed(plan, manifest(), replace(record(), freezer="command"), **words)


def test_an_environment_is_compared_with_the_recorded_one() -> None:
    assert ENVIRONMENT.interpreter is not None
    other = replace(ENVIRONMENT, glibc="glibc-2.41", interpreter=replace(ENVIRONMENT.interpreter, version="3.13.2"))
    assert list(changed(ENVIRONMENT, ENVIRONMENT)) == []
    found = list(changed(ENVIRONMENT, other))
    assert [text.partition(" was ")[0] for text in found] == ["the interpreter", "the C library"]
    made = Environment(workshop="host", tools={"go version": "go 1"})
    assert list(changed(made, replace(made, tools={"go version": "go 2"}))) == ["the answer to go version was go 1, is go 2"]


def test_a_detached_signature_is_not_asked_of_the_commit(tmp_path: Path) -> None:
    plan, _ = payloads.make(tmp_path)
    words = Words(container="", settings=plan.config.environment)
    (artifact,) = record("demo.pkg.tar.zst.sig").artifacts
    signature = replace(record(), artifacts=(replace(artifact, format=DETACHED),))
    assert replay.replayed(plan, manifest(), signature, **words).source == manifest().source


@pytest.mark.parametrize(
    ("recorded", "planned", "chosen"),
    [
        ("", Image(base=f"debian@{DIGEST}"), ""),
        (f"debian@{DIGEST}", Image(base=f"other.example/debian@{DIGEST}"), "tools"),
        (f"debian@{DIGEST}", Image(base=f"debian@{OTHER}"), f"debian@{DIGEST}"),
        (OTHER, None, OTHER),
    ],
    ids=["this machine's", "the planned one", "the recorded one", "by its number"],
)
def test_the_toolbox_is_the_recorded_one(recorded: str, planned: Image | None, chosen: str) -> None:
    assert replay.toolbox_of(replace(record(), toolbox=recorded), planned, "tools") == chosen


def test_a_toolbox_of_a_recipe_is_the_planned_one_or_none() -> None:
    image = Image(base=f"debian@{DIGEST}", recipe="FROM ${BASE}\n", use="toolbox")
    made = replace(record(), toolbox=image.recorded)
    assert made.toolbox.startswith(f"debian@{DIGEST}+sha256:")
    assert replay.toolbox_of(made, image, "tools") == "tools"
    with pytest.raises(Missing, match="the image that packaged linux-x86_64 cannot be made"):
        replay.toolbox_of(made, replace_recipe(image), "tools")
    with pytest.raises(ConfigurationError, match="does not tell which image packaged linux-x86_64"):
        replay.toolbox_of(replace(record(), toolbox="debian:latest"), None, "")


def test_another_toolbox_is_told() -> None:
    assert list(toolbox("a", "a")) == []
    assert list(toolbox("", "debian")) == ["the toolbox was the machine's own, is debian"]


def test_another_file_of_the_same_version_is_told_and_no_more() -> None:
    def made(*programs: tuple[str, str]) -> Artifact:
        return Artifact(name="f", path="t/f", target="t", format="msi", size=1, sha256="0" * 64, tool="x", programs=dict(programs))

    before = made(("wixl 0.101", "a" * 64), ("msibuild 0.101", "b" * 64))
    assert list(tools((before,), (before,))) == list(tools((before,), (made(),))) == list(tools((made(),), (before,))) == []
    found = list(tools((before,), (made(("wixl 0.101", "c" * 64), ("msibuild 0.101", "b" * 64)),)))
    assert found == ["the program wixl 0.101 was aaaaaaaaaaaa, is cccccccccccc"]
    go = replace(ENVIRONMENT, programs={"go": "a" * 64})
    assert list(changed(go, replace(go, programs={"go": "b" * 64}))) == ["the program go was aaaaaaaaaaaa, is bbbbbbbbbbbb"]
