"""The line of every key, however it is written."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldforge.errors import Location
from coldforge.project.locate import find, toml_lines

TOML = '''\
# a comment with [a.header] and key = 1
top = "no # comment"  # but this is one: x = 2
"quoted key" = 'it''s = not'
[project]
name = "demo"
description = """
text = of
[several] lines \\"""
"""
scripts = { demo = "demo:main", "two words" = "a:b" }

[ tool . coldforge . deb ]   # spaces are allowed
depends = [
  "a = b",  # [comment]
  ["c", "d"],
  { inner = 1, other = { deep = 2 } },
]
revision.number = 3
after = 1.5e-3
[[tool.coldforge.list]]
first = 1
[[tool.coldforge.list]]
second = 2
[tool."dotted.name"]
x = \'\'\'
[not.a.header]
\'\'\'
last = 1
'''


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("top",), 2),
        (("quoted key",), 3),
        (("project",), 4),
        (("project", "name"), 5),
        (("project", "description"), 6),
        (("project", "scripts"), 10),
        (("project", "scripts", "demo"), 10),
        (("project", "scripts", "two words"), 10),
        (("tool", "coldforge", "deb"), 12),
        (("tool", "coldforge", "deb", "depends"), 13),
        (("tool", "coldforge", "deb", "depends", "inner"), 16),
        (("tool", "coldforge", "deb", "depends", "other", "deep"), 16),
        (("tool", "coldforge", "deb", "revision", "number"), 18),
        (("tool", "coldforge", "deb", "after"), 19),
        (("tool", "coldforge", "list"), 20),
        (("tool", "coldforge", "list", "first"), 21),
        (("tool", "coldforge", "list", "second"), 23),
        (("tool", "coldforge", "list", "1", "second"), 23),
        (("tool", "coldforge", "deb", "depends", "0"), 16),
        (("tool", "coldforge", "deb", "depends", "0", "other"), 16),
        (("tool", "dotted.name", "x"), 25),
        (("tool", "dotted.name", "last"), 28),
    ],
)
def test_keys_of_toml(keys: tuple[str, ...], line: int) -> None:
    assert toml_lines(TOML.replace("it''s", "its"))[keys] == line


def test_nothing_in_texts_and_comments_is_taken_for_a_key() -> None:
    found = {key for keys in toml_lines(TOML.replace("it''s", "its")) for key in keys}
    assert not found & {"a", "header", "key", "x = 2", "text", "several", "not", "comment"}


def test_a_missing_key_is_where_its_table_is(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text("[project]\nname = 'x'\n")
    assert find(file, ("project", "version")) == Location(file, 1)
    assert find(file, ("tool",)) == Location(file)


YAML = """\
targets:
  linux-x86_64: { runner: a, formats: [deb] }
  "windows-x86_64":
    formats:
      - zip
  3: {}
"""


@pytest.mark.parametrize(
    ("keys", "line", "column"),
    [
        (("targets",), 1, 1),
        (("targets", "linux-x86_64"), 2, 3),
        (("targets", "linux-x86_64", "formats"), 2, 30),
        (("targets", "windows-x86_64", "formats"), 4, 5),
        (("targets", "windows-x86_64", "runner"), 3, 3),
        (("targets", "3"), 6, 3),
    ],
)
def test_keys_of_yaml(keys: tuple[str, ...], line: int, column: int, tmp_path: Path) -> None:
    file = tmp_path / "matrix.yml"
    file.write_text(YAML)
    assert find(file, keys) == Location(file, line, column)


_WORD = st.text("abcdefgh-_0123456789", min_size=1, max_size=6)
_VALUE = st.sampled_from(
    ["1979-05-27T07:32:00Z", '"\\"#"', "{ a = 1, b = [{ c = 2 }] }", "[1, [2, 3],\n  'x'\n]", "1", "-2.5", "true",
     '"[x]"', "'a = b'", '"""\n[t]\nk = 1\n"""', "'''\n# c\n'''"]
)  # fmt: skip


@given(st.lists(st.tuples(_WORD, st.lists(st.tuples(_WORD, _VALUE, st.sampled_from(["", " # [c] k = 2"])), max_size=4)), max_size=4))
def test_every_key_of_any_document_stands_on_the_line_that_is_told(tables: list[tuple[str, list[tuple[str, str, str]]]]) -> None:
    text = ""
    places: dict[tuple[str, ...], int] = {}
    for table in dict.fromkeys(name for name, _ in tables):
        places[table,] = text.count("\n") + 1
        text += f"[{table}]\n"
        for key, value, comment in {pair[0]: pair for name, pairs in tables if name == table for pair in pairs}.values():
            places[table, key] = text.count("\n") + 1
            text += f"{key} = {value}{comment}\n"
    tomllib.loads(text)  # the documents are TOML
    assert toml_lines(text).items() >= places.items()
