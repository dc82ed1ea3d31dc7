"""The schemas accept what coldforge accepts, and refuse what it refuses."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml

from coldforge import recipes
from coldforge.plan.planner import make_plan
from coldforge.plan.schemas import schemas
from coldforge.project.config import Config, Executable, Product
from coldforge.project.matrix import DEFAULT
from coldforge.records import SourceRecord, canonical
from support.program import ROOT

PLAN = make_plan(
    product=Product(name="demo", version="1.0", executables=(Executable(name="demo", entry="demo:main"),)),
    config=Config(),
    source=SourceRecord(epoch=1),
    matrix=DEFAULT,
    coldforge="1",
)


def valid(name: str, document: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(schemas()[name]).is_valid(document))


@pytest.mark.parametrize("name", sorted(schemas()))
def test_every_schema_is_one_and_says_what_it_is_for(name: str) -> None:
    schema = schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"]
    assert schema["description"]


def test_every_key_that_users_write_is_described() -> None:
    definitions = {**schemas()["config"]["$defs"], **schemas()["matrix"]["$defs"]}
    for section, definition in definitions.items():
        for key, schema in definition["properties"].items():
            text = schema.get("description") or definitions.get(schema.get("$ref", "").rpartition("/")[2], {}).get("description")
            assert text, f"{section}: {key}"


REAL = [path for where in ("examples", "tests/projects") for path in sorted(ROOT.glob(f"{where}/*/pyproject.toml"))]


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.parent.name)
def test_real_configurations_are_valid(path: Any) -> None:
    assert valid("config", tomllib.loads(path.read_text()).get("tool", {}).get("coldforge", {}))


def test_the_shipped_matrix_is_valid() -> None:
    assert valid("matrix", yaml.safe_load(recipes.find("matrix.yml").read_text()))
    assert not valid("matrix", {"targets": {"linux-x86_64": {"format": []}}})


def test_a_plan_is_valid() -> None:
    document = json.loads(canonical(PLAN))
    assert valid("plan", document)
    assert not valid("plan", {**document, "other": 1})
    assert not valid("plan", {key: value for key, value in document.items() if key != "product"})


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"icon": "a.png", "deb": {"revision": 2, "depends": ["libc6"]}},
        {"executables": {"demo": {"entry": "demo.cli:main", "console": False}}},
        {"executables": {"demo": {"entry": "demo cli"}}},
        {"executables": {"demo": {}}},
        {"deb": {"revision": 0}},
        {"pyinstaller": {"optimize": 3}},
        {"pyinstaller": {"hidden_imports": []}},
        {"maintainer": "Ada <ada@example.org>"},
        {"maintainer": "Ada"},
        {"gates": {"floor": "because"}},
        {"gates": {"floor": 1}},
        {"identifier": "org.example.demo"},
        {"identifier": "demo"},
        {"icn": "x"},
    ],
)
def test_the_schema_and_the_program_agree(table: dict[str, Any]) -> None:
    try:
        msgspec.convert(table, Config)
        accepted = True
    except msgspec.ValidationError:
        accepted = False
    assert valid("config", table) is accepted
