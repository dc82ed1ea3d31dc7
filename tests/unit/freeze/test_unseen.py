"""Texts and groups of collected code that name modules."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from freezing import installed
from freezing.computed import IMPORTING, LISTING
from freezing.installed import groups
from freezing.outlook import READ_WHOLE, spoken
from freezing.unseen import Search, imports, packages_of, texts

FILES = {
    "served/__init__.py": "",
    "served/config.py": "",
    "served/loops/__init__.py": "",
    "served/loops/fast.py": "",
    "plug.py": "",
    "tool/__init__.py": "",
}
MODULES = {"served", "served.config", "served.loops", "served.loops.fast", "plug"}


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Search]:
    """A search in an environment of three distributions, one of them the freezer's."""
    for name, top, points in (("served", "served", ""), ("plug", "plug", "[served.plugins]\nfast = plug:Plug\n"), ("tool", "tool", "")):
        files = [file for file in FILES if file.startswith(top)]
        for file in files:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(FILES[file], encoding="utf-8")
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(f"{points}\n[console_scripts]\n{name} = {name}:main\n", encoding="utf-8")
        (info / "RECORD").write_text("".join(f"{file},,\n" for file in files), encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    installed.importable.cache_clear()
    groups.cache_clear()
    yield Search(SimpleNamespace(_hooks={}), ["tool"], [])
    installed.importable.cache_clear()
    groups.cache_clear()


def named(search: Search, text: str, module: str = "served.config", folder: Path | None = None) -> set[str]:
    """What a module of this text names."""
    node: Any = SimpleNamespace(code=compile(text, "module", "exec"), filename="", packagepath=None)
    if folder:
        path = folder / "module.py"
        path.write_text(text, encoding="utf-8")
        node.filename = str(path)
    return set(search.named_by(module, node))


def test_only_what_the_application_brings_comes_into_question(search: Search) -> None:
    assert set(search.modules) == MODULES


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("LOOPS = {'fast': 'served.loops.fast:run'}", {"served.loops.fast"}),
        ("def f():\n    return ('served.loops.fast.Loop', 'json')", {"served.loops.fast"}),
        ("NAME = 'plug:Plug'", {"plug"}),
        ("NAME = 'plug'", set()),
        ("NAME = 'plug.Plug'", set()),
        ("NAME = 'tool:main'", set()),
        ("NAME = 'a served.loops.fast loop'", set()),
        ("GROUP = 'served.plugins'", {"plug"}),
        ("GROUP = 'console_scripts'", set()),
        ("def __getattr__(name):\n    return load('.loops', name)", {"served.loops"}),
        ("__getattr__, names = attach(__name__, ['loops'])", {"served.loops"}),
        ("for name in ('plug', 'fast'):\n    __import__(name)", {"plug"}),
        ("WORD = 'loops'", set()),
    ],
)
def test_a_text_names_a_module_or_a_group(search: Search, text: str, names: set[str]) -> None:
    assert named(search, text) == names


def test_a_computed_name_is_looked_for_in_the_source(search: Search, tmp_path: Path) -> None:
    text = "from importlib import import_module\n\ndef load(kind):\n    return import_module(f'served.loops.{kind}')\n"
    assert named(search, text, folder=tmp_path) == {"served.loops", "served.loops.fast"}
    search.hooked = frozenset({"served.loops"})
    assert named(search, text, folder=tmp_path) == {"served.loops"}


def test_what_a_package_answers_for_is_left_to_a_hook_for_it(search: Search) -> None:
    search.hooked = frozenset({"served.config"})
    assert named(search, "def __getattr__(name):\n    return load('.loops', name)") == set()


class Extension(SimpleNamespace):
    """What PyInstaller's graph calls a compiled module."""


def test_a_compiled_module_names_modules_of_its_own_distribution(search: Search, tmp_path: Path) -> None:
    (tmp_path / "config.so").write_bytes(b"\x7fELF\0served.loops.fast\0plug\0served.config\0served.loops and more\0")
    compiled = Extension(code=None, filename=str(tmp_path / "config.so"))
    assert set(search.named_by("served.config", compiled)) == {"served.loops.fast"}


def test_texts_and_words_of_the_code_within_count() -> None:
    code = compile("class A:\n    def f(self):\n        return g.h(('x.y', {'k': 'a b'}), 'z' in {'p', 'q'})\n", "m", "exec")
    assert {"x.y", "k", "z", "p", "q"} <= texts(code)
    assert "a b" not in texts(code)
    assert {"g", "h"} <= spoken(code)


def test_the_kept_analysis_reads_a_module_whole_where_this_does() -> None:
    assert IMPORTING | LISTING.keys() <= READ_WHOLE


def test_a_template_of_python_tells_what_it_imports() -> None:
    text = b"import a.b, c\nfrom d import e, f\nfrom . import g\n\ndef h():\n    import i\n"
    assert imports(text) == [("a.b", ()), ("c", ()), ("d", ("e", "f")), ("i", ())]
    assert imports(b"import ${what}\n") == imports(b"\xff\xfe") == imports(b"\0") == []


def test_the_packages_that_a_file_stands_in() -> None:
    assert list(packages_of("a/b/c/env.py")) == ["a.b.c", "a.b", "a"]
