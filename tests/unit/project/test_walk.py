"""Every problem of a table is found, in the words of a configuration file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, to_builtins
from msgspec import convert as strict

from coldforge.project.config import Config, Matrix
from coldforge.project.walk import convert, expected, nearest


def problems(table: dict[str, Any], kind: type[Any] = Config) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    convert(table, kind, lambda keys, what, hint: found.append((".".join(keys), what, hint)))
    return found


def test_a_table_without_problems_becomes_the_struct_with_its_defaults() -> None:
    table = {"icon": "a.png", "deb": {"revision": 2}, "executables": {"demo": {"entry": "demo:main"}}}
    made = convert(table, Config, lambda *_: pytest.fail("a problem was reported"))
    assert (made.icon, made.deb.revision, made.deb.section) == ("a.png", 2, "utils")
    assert made.executables["demo"].console is None


@pytest.mark.parametrize(
    ("table", "expected_problem"),
    [
        ({"icn": "x"}, ("icn", "unknown key 'icn'", "did you mean icon?")),
        ({"formats": []}, ("formats", "unknown key 'formats'", "matrix.yml says that, for each target")),
        ({"version": "1"}, ("version", "unknown key 'version'", "[project] says that")),
        ({"zzz": 1}, ("zzz", "unknown key 'zzz'", "known: apk, a")),
        ({"display_name": "x"}, ("display_name", "unknown key 'display_name'", "write display-name")),
        ({"displayName": "x"}, ("displayName", "unknown key 'displayName'", "write display-name")),
        ({"pyinstaller": {"hiddenImports": []}}, ("pyinstaller.hiddenImports", "unknown key", "write hidden-imports")),
        ({"icon": 3}, ("icon", "'icon' must be a text, not the number 3", "")),
        ({"icon": True}, ("icon", "'icon' must be a text, not true", "")),
        ({"icon": 1.5}, ("icon", "'icon' must be a text, not the number 1.5", "")),
        ({"icon": None}, ("icon", "'icon' must be a text, not empty", "")),
        ({"deb": "x"}, ("deb", "'deb' must be a table, not 'x'", "")),
        ({"deb": ["x"]}, ("deb", "'deb' must be a table, not a list", "")),
        ({"categories": "x"}, ("categories", "'categories' must be a list of texts, not 'x'", "")),
        ({"categories": ["x", 1]}, ("categories", "not a list that holds the number 1", "")),
        ({"deb": {"revision": 0}}, ("deb.revision", "'revision' must be a whole number from 1, not the number 0", "")),
        ({"deb": {"revision": True}}, ("deb.revision", "not true", "")),
        ({"pyinstaller": {"optimize": 5}}, ("pyinstaller.optimize", "must be one of 0, 1, 2, not the number 5", "")),
        ({"pyinstaller": {"strip": "yes"}}, ("pyinstaller.strip", "must be true or false, not 'yes'", "")),
        ({"gates": {"floor": 3}}, ("gates.floor", "'floor' must be a text", "")),
        ({"gates": []}, ("gates", "'gates' must be a table, not a list", "")),
        ({"executables": {"a": {"file-associations": [{}]}}}, ("executables.a.file-associations.0", "the key 'mime-type' is missing", "")),
        (
            {"executables": {"a": {"file-associations": ["x"]}}},
            ("executables.a.file-associations", "must be a list of tables, not a list that holds 'x'", ""),
        ),
        ({"executables": {"a": {"entry": "a:b", "consol": True}}}, ("executables.a.consol", "unknown key", "did you mean console?")),
        ({"executables": {"a": "a:b"}}, ("executables.a", "'a' must be a table, not 'a:b'", "")),
    ],
)
def test_one_problem(table: dict[str, Any], expected_problem: tuple[str, str, str]) -> None:
    (found,) = problems(table)
    keys, what, hint = expected_problem
    assert found[0] == keys
    assert what in found[1]
    assert found[2].startswith(hint)
    assert bool(found[2]) == bool(hint)


def test_all_problems_come_together_and_good_keys_are_kept() -> None:
    found: list[str] = []
    table = {
        "icn": 1,
        "icon": "good.png",
        "deb": {"revision": "x", "sektion": "y", "section": "net"},
        "gates": {"floor": 1, "other": "why"},
    }
    made = convert(table, Config, lambda keys, _what, _hint: found.append(".".join(keys)))
    assert found == ["icn", "deb.revision", "deb.sektion", "gates.floor"]
    assert (made.icon, made.deb.section, made.gates) == ("good.png", "net", {"other": "why"})


def test_keys_that_are_no_text_are_named_as_they_stand() -> None:
    assert problems({1: {}}, Matrix) == [("1", "unknown key '1'", "known: targets")]  # type: ignore[dict-item]  # YAML allows it
    assert problems({"targets": {1: {"formts": []}}}, Matrix)[0][0] == "targets.1.formts"


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (str, "a text"),
        (int, "a whole number"),
        (bool, "true or false"),
        (dict, "a table"),
        (tuple[str, ...], "a list of texts"),
        (tuple[Config, ...], "a list of tables"),
        (str | Config, "a text or a table"),
        (tuple[str, ...] | None, "a list of texts"),
        (Literal["a", "b"], "one of 'a', 'b'"),
        (Annotated[str, Meta(pattern="^x$", description="An x.")], "a text of the right form (An x)"),
        (tuple[Annotated[str, Meta(pattern="^x$", description="An x.")], ...], "a list of texts of the right form (An x)"),
    ],
)
def test_types_in_words(hint: Any, words: str) -> None:
    assert expected(hint) == words


def test_the_nearest_word_is_offered_and_all_of_them_when_none_is_near() -> None:
    assert nearest("dep", ["onefile", "deb"]) == "did you mean deb?"
    assert nearest("msi", ["onefile", "deb"]) == "known: deb, onefile"


_KEYS = st.sampled_from([*Config.__struct_encode_fields__, "x"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "a", "a:b", "a.b", "pyinstaller", "N <m@x>"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_KEYS, _JSON, max_size=5))
def test_a_table_has_problems_exactly_when_it_is_not_valid(table: dict[str, Any]) -> None:
    found: list[str] = []
    made = convert(table, Config, lambda _keys, what, _hint: found.append(what))
    try:
        valid = strict(table, Config)
    except ValueError:
        assert found
    else:
        assert not found
        assert to_builtins(made) == to_builtins(valid)
