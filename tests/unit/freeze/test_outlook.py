"""What an analysis sees of a module: what changes it, and what does not."""

from __future__ import annotations

from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from freezing import outlook
from freezing.outlook import READ_WHOLE, Attention, contents, seen

MODULE = """\
import os
from json import dumps

LIMIT = 3


def work(count):
    return dumps(list(range(count * LIMIT)))


class Kind:
    name = "kind"
    title = "a kind"
"""


ATTENTION = Attention(
    whole=READ_WHOLE,
    bound=frozenset({"LIMIT", "MOST"}),
    called=frozenset({"version"}),
    roots=frozenset({"pack"}),
    groups={"pack_plugins"},
)


def sight(text: str) -> str:
    return seen(text.encode(), ATTENTION)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("count * LIMIT", "count + LIMIT"),
        ('title = "a kind"', 'title = "a sort"'),
        ("LIMIT = 3\n", "# why\nLIMIT = 3\n"),
        ("def work(count):", "def work(count, more=None):"),
        ("LIMIT = 3", "LIMIT = 3\nNOBODY_ASKS = 4"),
        ('name = "kind"', 'name = "sort"'),
        ('name = "kind"', 'name = "other.sort:Class"'),
        ("return dumps", "print('1.0')\n    return dumps"),
        ("class Kind:", "class Kind:\n    def __getattribute__(self, name): pass\n"),
    ],
)
def test_the_code_of_a_module_alone_is_not_seen(before: str, after: str) -> None:
    assert MODULE.replace(before, after) != MODULE
    assert sight(MODULE) == sight(MODULE.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import os", "import os, sys"),
        ("from json import dumps", "from json import loads as dumps"),
        ("from json import dumps", "from .json import dumps"),
        ("    return dumps", "    import csv\n    return dumps"),
        ("import os\n", "try:\n    import os\nexcept ImportError:\n    os = None\n"),
        ("LIMIT = 3", "MOST = 3"),
        ('name = "kind"', 'name = "pack"'),
        ('name = "kind"', 'name = "pack.sort"'),
        ('name = "kind"', 'name = "pack:Sort"'),
        ('name = "kind"', 'name = "pack_plugins"'),
        ("return dumps", "version('one')\n    return dumps"),
        ("return dumps", "metadata.version('one')\n    return dumps"),
        ("LIMIT = 3", "LIMIT = 3\ndel LIMIT"),
        ("LIMIT = 3", "LIMIT = 3\ndef __getattr__(name): pass"),
        ("LIMIT = 3", "LIMIT = 3\n__path__ = []"),
    ],
)
def test_imports_and_names_are_seen(before: str, after: str) -> None:
    assert sight(MODULE) != sight(MODULE.replace(before, after))


@pytest.mark.parametrize(
    "use",
    [
        "import ctypes",
        "os.environ['X'] = '1'",
        "__path__.append('x')",
        "from ctypes import util",
        "import_module(name)",
        "def __getattr__(name): return find(name)",
        "__getattr__ = finder('.parts')",
        "from finders import lazy as __getattr__",
        "from importlib import import_module as load",
        "gi.require_version('Gtk', '4.0')",
        "# gi.require_versions({'Gtk': '4.0'})",
    ],
)
def test_a_module_that_loads_or_moves_things_is_seen_whole(use: str) -> None:
    text = f"{MODULE}\n{use}\n"
    assert sight(text) != sight(text.replace("LIMIT = 3", "LIMIT = 4"))


def test_an_importer_of_a_module_that_was_asked_for_is_seen_whole() -> None:
    other = MODULE.replace("LIMIT = 3", "LIMIT = 4")
    json, csv = (Attention(whole=frozenset({name})) for name in ("json", "csv"))
    assert seen(MODULE.encode(), json) != seen(other.encode(), json)
    assert seen(MODULE.encode(), csv) == seen(other.encode(), csv)


def test_what_is_no_python_is_seen_whole() -> None:
    assert sight("print 1") != sight("print 2")
    assert seen(b"\xff\xfe", Attention()) != seen(b"\xff\xfd", Attention())


def test_contents_name_every_file_below_a_folder_in_order(tmp_path: Path) -> None:
    for name in ("b/c.txt", "a.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    lines = list(contents([tmp_path]))
    assert [line.split()[0] for line in lines] == ["a.txt", "b/c.txt"]
    (tmp_path / "b/c.txt").write_text("other", encoding="utf-8")
    assert list(contents([tmp_path])) != lines


def test_what_was_seen_is_known_by_the_bytes_and_by_what_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, folder = tmp_path / "module.py", tmp_path / "demo-1.dist-info"
    folder.mkdir()
    (folder / "RECORD").write_text("module.py,,\n")
    module.write_text(MODULE)
    monkeypatch.setattr(outlook, "named", lambda _name: PathDistribution(folder))
    known: dict[str, str] = {}
    (line,) = outlook.installed("demo", ATTENTION, known)
    assert line == f"module.py {seen(MODULE.encode(), ATTENTION)}"
    (key,) = known
    known[key] = "known"
    assert list(outlook.installed("demo", ATTENTION, known)) == ["module.py known"]
    assert list(outlook.installed("demo", Attention(), known)) == [f"module.py {seen(MODULE.encode(), Attention())}"]
    module.write_text(f"{MODULE}\nimport os\n")
    assert list(outlook.installed("demo", ATTENTION, known)) == [f"module.py {seen(module.read_bytes(), ATTENTION)}"]
