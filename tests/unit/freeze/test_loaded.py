"""The names under which evidence is found: of modules, and of files that a warning is about."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from freezing.loaded import module_of, namespaces, placed


@pytest.mark.parametrize(
    ("destination", "module"),
    [
        ("markupsafe/_speedups.cpython-311-x86_64-linux-gnu.so", "markupsafe._speedups"),
        ("python3.11/lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so", "_ssl"),
        ("single.abi3.so", "single"),
        ("a\\b\\c.cp311-win_amd64.pyd", "a.b.c"),
    ],
)
def test_an_extension_is_known_by_its_module(destination: str, module: str) -> None:
    assert module_of(destination) == module


def test_no_folder_of_this_machine_is_in_a_warning() -> None:
    values = ["libfoo.so.1", "/home/me/env/a/_x.so", "/home/me/elsewhere/b.so"]
    assert placed(values, {"/home/me/env/a/_x.so": "a/_x.so"}) == ["libfoo.so.1", "a/_x.so", "b.so"]


class Graph:
    """What imports what, with how."""

    def get_importers(self, name: str) -> list[tuple[str, Any]]:
        found = {
            "gi.repository.Rsvg": ["gi.overrides.Rsvg", "pygtkcompat.pygtkcompat", "drawing", "trying"],
            "gi.repository.Gst": ["gi.repository.GstBase"],
        }
        return [(by, SimpleNamespace(tryexcept=by == "trying")) for by in found.get(name, ())]


def test_who_needs_a_namespace_is_neither_its_binding_nor_whoever_tries_only() -> None:
    lacking = [{"template": "Failed to query GI module %s %s: %s", "values": [name, "1.0", "x"]} for name in ("Rsvg", "Gst", "Absent")]
    assert dict(namespaces(Graph(), [*lacking, {"template": "Another of %s", "values": ["a"]}])) == {
        "gi.repository.Rsvg": ["drawing"],
        "gi.repository.Gst": [],
        "gi.repository.Absent": [],
    }
