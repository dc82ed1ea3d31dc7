"""Namespaces of GObject: which versions are asked for, and which of those that the system has get a hook."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from freezing.typelibs import chosen, required, told, write


def test_versions_are_those_that_the_application_asks_for() -> None:
    one = "import gi\n\ngi.require_version(\"Gtk\", \"4.0\")\ngi.require_version(\n    'Notify',\n    '0.7',\n)\n"
    several = 'gi.require_versions({\n    "Adw": "1",\n    "Gtk": "4.0",\n})\ngi.require_version(name, "9")\n'
    assert required([one, several]) == {"Gtk": "4.0", "Notify": "0.7", "Adw": "1"}
    assert required(["require_version = 3"]) == {}


def test_what_the_user_tells_hooks_wins_and_stays() -> None:
    config = {"gi": {"languages": ["de"], "module-versions": {"Gtk": "3.0"}}, "other": {"a": 1}}
    assert told(config, {"Gtk": "4.0", "Adw": "1"}) == {
        "gi": {"languages": ["de"], "module-versions": {"Gtk": "3.0", "Adw": "1"}},
        "other": {"a": 1},
    }
    assert told({}, {}) == {}


def test_of_several_versions_the_newest_is_taken_where_none_is_asked_for(tmp_path: Path) -> None:
    for folder, name in (("a", "WebKit2-4.0"), ("a", "WebKit2-4.1"), ("b", "Foo-1.10"), ("b", "Foo-1.9"), ("b", "GtkSource-3.0")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{name}.typelib").touch()
    folders = [tmp_path / "a", tmp_path / "b", tmp_path / "absent"]
    assert chosen(folders, {"WebKit2": "4.0", "Absent": "1.0"}) == {"Foo": "1.10", "GtkSource": "3.0", "WebKit2": "4.0"}


def test_only_what_has_no_hook_gets_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "hook-gi.repository.Gtk.py").touch()
    hooks = SimpleNamespace(__path__=[str(own)])
    monkeypatch.setitem(sys.modules, "PyInstaller", SimpleNamespace(hooks=hooks))
    monkeypatch.setitem(sys.modules, "PyInstaller.hooks", hooks)
    write(tmp_path / "made", {"Gtk": "3.0", "Notify": "0.7"})
    made = {path.relative_to(tmp_path / "made").as_posix(): path.read_text() for path in (tmp_path / "made").rglob("*.py")}
    assert made.keys() == {"hook-gi.repository.Notify.py", "pre_safe_import_module/hook-gi.repository.Notify.py"}
    assert "GiModuleInfo('Notify', '0.7', hook_api=hook_api)" in made["hook-gi.repository.Notify.py"]
    for name, text in made.items():
        compile(text, name, "exec")
