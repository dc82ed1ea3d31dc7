"""The names under which evidence is found: of modules, and of files that a warning is about."""

from __future__ import annotations

import pytest
from freezing.loaded import module_of, placed


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
