"""The options in the places where a spec has them, and what they need."""

from __future__ import annotations

import os
import shutil
from typing import Any

import msgspec
import pytest
from freezing.options import check_tools, collected, of_analysis, of_interpreter, of_program, splash
from freezing.unfit import Unfit

from coldforge.project.pyinstaller import PyInstallerConfig


def given(**options: Any) -> dict[str, Any]:
    built: dict[str, Any] = msgspec.to_builtins(PyInstallerConfig(**options))
    return built


def test_a_windows_program_has_what_windows_programs_have() -> None:
    options = given(
        uac_admin=True,
        uac_uiaccess=True,
        hide_console="hide-late",
        version_file="version.txt",
        manifest="app.manifest",
        resources=("words.bin,DATA,words",),
        disable_windowed_traceback=True,
    )
    assert of_program(options, "/s") == {
        "uac_admin": True,
        "uac_uiaccess": True,
        "hide_console": "hide-late",
        "version": "/s/version.txt",
        "manifest": "/s/app.manifest",
        "resources": ["/s/words.bin,DATA,words"],
        "disable_windowed_traceback": True,
        "debug": False,
        "upx": False,
        "contents_directory": "_internal",
    }
    assert of_program(given(manifest="<assembly/>"), "/s")["manifest"] == "<assembly/>"


def test_a_macos_program_has_what_macos_programs_have() -> None:
    made = of_program(given(argv_emulation=True, target_arch="universal2", bootloader_ignore_signals=True, runtime_tmpdir="/t"), "/s")
    assert [made[key] for key in ("argv_emulation", "target_arch", "bootloader_ignore_signals", "runtime_tmpdir")] == [
        True,
        "universal2",
        True,
        "/t",
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, []),
        ({"optimize": 2}, ["O", "O"]),
        ({"optimize": 1, "python_options": ("u", "O")}, ["u", "O"]),
        ({"debug": ("imports",)}, ["v"]),
        ({"debug": ("all",), "python_options": ("v", "X utf8")}, ["v", "X utf8"]),
    ],
)
def test_the_interpreter_hears_what_the_options_mean(options: dict[str, Any], words: list[str]) -> None:
    assert of_interpreter(given(**options)) == [(word, None, "OPTION") for word in words]


def test_all_of_debug_is_each_of_it() -> None:
    everything, one = given(debug=("all",)), given(debug=("noarchive",))
    assert (of_analysis(everything, "/s")["noarchive"], of_program(everything, "/s")["debug"]) == (True, True)
    assert (of_analysis(one, "/s")["noarchive"], of_program(one, "/s")["debug"]) == (True, False)


def test_what_hooks_are_told_reaches_them() -> None:
    told = {"gi": {"languages": ["de"], "module-versions": {"Gtk": "4.0"}}}
    assert of_analysis(given(hooks_config=told), "/s")["hooksconfig"] == told


def test_paths_of_the_project_are_found_where_it_is() -> None:
    options = given(add_data=("notes:a:b",), paths=("more",), additional_hooks_dir=("hooks",), splash="p.png", splash_center="primary")
    assert "datas += [('/s/notes:a', 'b')]" in collected(options, "/s")
    assert (of_analysis(options, "/s")["pathex"], of_analysis(options, "/s")["hookspath"]) == (["/s/more"], ["/s/hooks"])
    assert "Splash('/s/p.png'" in splash(options, "/s")[0]
    assert "**{'center': 'primary'}" in splash(options, "/s")[0]


def test_a_tool_that_is_not_here_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    assert shutil.which("strip") is None
    with pytest.raises(Unfit, match="`strip` needs the program strip"):
        check_tools(given(strip=True))


def test_a_python_without_tk_shows_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "_tkinter", None)
    with pytest.raises(Unfit, match="needs Tk"):
        check_tools(given(splash="picture.png"))
