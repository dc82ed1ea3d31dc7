"""The plan for people and for GitHub."""

from __future__ import annotations

import msgspec
import pytest

from coldforge.plan.planner import describe, github_matrix, make_plan
from coldforge.plan.views import unknown
from coldforge.project.config import Config, EnvironmentConfig, Executable, Matrix, Product
from coldforge.project.metadata import NOBODY
from coldforge.records import SourceRecord

KNOWN = SourceRecord(commit="abcdef0123456789", tag="v1.0", repository="acme/demo", epoch=1)
DEMO = Product(
    name="demo",
    version="1.0",
    summary="Does things",
    license="MIT",
    homepage="https://example.org",
    maintainer="Ada <ada@example.org>",
    executables=(Executable(name="demo", entry="demo:main"),),
)
MATRIX = {
    "linux-x86_64": {"runner": "ubuntu-24.04", "container": "linux", "floor": "glibc-2.28", "formats": ["tar.gz", "onefile", "deb"]},
    "linux-aarch64": {"runner": "ubuntu-24.04-arm", "formats": ["deb"], "optional": True},
}
PLAN = make_plan(product=DEMO, config=Config(), source=KNOWN, matrix=msgspec.convert({"targets": MATRIX}, Matrix), coldforge="1")


def test_the_matrix_for_github() -> None:
    assert github_matrix(PLAN) == {
        "include": [
            {"target": "linux-aarch64", "runner": "ubuntu-24.04-arm", "container": "", "formats": ["deb"], "required": False},
            {
                "target": "linux-x86_64",
                "runner": "ubuntu-24.04",
                "container": "linux",
                "formats": ["tar.gz", "onefile", "deb"],
                "required": True,
            },
        ]
    }


def test_one_row_an_artifact() -> None:
    table = describe(PLAN)
    assert table.title == "demo 1.0 (abcdef012345, tag v1.0)"
    assert table.rows == (
        ("linux-aarch64", "the runner itself", "reported", "deb", "demo_1.0.0_arm64.deb"),
        ("linux-x86_64", "linux", "glibc-2.28", "tar.gz", "demo-1.0.0-linux-x86_64.tar.gz"),
        ("linux-x86_64", "linux", "glibc-2.28", "onefile", "demo-1.0.0-linux-x86_64"),
        ("linux-x86_64", "linux", "glibc-2.28", "deb", "demo_1.0.0_amd64.deb"),
    )


def test_what_is_not_known_is_said_with_what_follows() -> None:
    poor = msgspec.structs.replace(
        PLAN,
        source=SourceRecord(commit="abc", dirty=True, epoch=1),
        product=msgspec.structs.replace(DEMO, summary="", license="", homepage="", maintainer=f"x <{NOBODY}>"),
    )
    assert [what for what, _ in unknown(poor)] == ["tag", "state", "repository", "maintainer", "license", "summary", "homepage"]
    table = describe(poor)
    assert table.title == "demo 1.0 (abc with changes)"
    assert [row[3] for row in table.rows if row[0] == "unknown"] == [what for what, _ in unknown(poor)]
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_without_a_commit_neither_tag_nor_state_is_asked_for() -> None:
    bare = msgspec.structs.replace(PLAN, source=SourceRecord(epoch=1))
    assert [what for what, _ in unknown(bare)] == ["commit", "repository"]
    assert describe(bare).title == "demo 1.0 (no commit)"


IMAGE = "docker.io/library/python:3.13-bookworm@sha256:00"


@pytest.mark.parametrize(
    ("requires", "image", "python", "told"),
    [
        ("<3.13", IMAGE, "", True),
        (">=3.14", IMAGE, "", True),
        (">=3.13", IMAGE, "", False),
        (">=3.13.7,<4", IMAGE, "", False),
        ("==3.13.*", IMAGE, "", False),
        ("<3.13", IMAGE, "cpython-3.12", False),
        ("<3.13", "example.org/own:3.13", "", False),
        ("", IMAGE, "", False),
    ],
)
def test_an_image_whose_python_is_none_that_the_project_takes_is_told(requires: str, image: str, python: str, *, told: bool) -> None:
    (target,) = (target for target in PLAN.targets if target.container)
    plan = msgspec.structs.replace(
        PLAN,
        product=msgspec.structs.replace(DEMO, requires_python=requires),
        config=Config(environment=EnvironmentConfig(python=python)),
        targets=(msgspec.structs.replace(target, image=image),),
    )
    assert [what for what, _ in unknown(plan)] == ["python 3.13 of linux-x86_64"] * told
