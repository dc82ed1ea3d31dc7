"""`coldforge doctor` on this machine: it answers about everything, whatever is wrong with the project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.program import coldforge
from support.repository import PYPROJECT, TINY, write

pytestmark = pytest.mark.integration

SYSTEM = '[build-system]\nrequires = []\nbuild-backend = "absent_backend"\nbackend-path = ["."]\n'
DYNAMIC = SYSTEM + '[project]\nname = "tiny"\ndynamic = ["version"]\n[project.scripts]\ntiny = "tiny:main"\n'


def test_a_version_that_the_backend_cannot_tell_does_not_end_it(host_env: dict[str, str], tmp_path: Path) -> None:
    project = write(tmp_path / "tiny", {**TINY, "pyproject.toml": DYNAMIC})
    done = coldforge("doctor", "--json", project, env=host_env)
    assert done.code == 2
    found = {check["name"]: check for check in json.loads(done.out)}
    assert "the build backend of tiny" in found["project"]["detail"]
    assert found["python"]["state"] == "ok"


def test_nothing_can_freeze_where_there_is_neither_an_engine_nor_a_fitting_python(host_env: dict[str, str], tmp_path: Path) -> None:
    project = write(tmp_path / "tiny", {**TINY, "pyproject.toml": PYPROJECT.replace(">=3.11", ">=3.99")})
    done = coldforge("doctor", "--json", project, env={**host_env, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"})
    assert done.code == 3
    found = {check["name"]: check for check in json.loads(done.out)}
    assert {name for name, check in found.items() if check["state"] == "missing"} == {"container engine", "python with libpython"}
    assert "libpython3" not in found["python with libpython"]["fix"]
    assert ">=3.99" in found["python with libpython"]["fix"]
