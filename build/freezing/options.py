"""PyInstaller's options in the places where a spec has them, as the command line's own spec writer does it."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from freezing.unfit import Unfit

Options = Mapping[str, Any]
# The words of an EXE; coldforge leaves out those that are not for the target's system.
OF_PROGRAM = {
    "runtime-tmpdir": "runtime_tmpdir",
    "bootloader-ignore-signals": "bootloader_ignore_signals",
    "disable-windowed-traceback": "disable_windowed_traceback",
    "hide-console": "hide_console",
    "uac-admin": "uac_admin",
    "uac-uiaccess": "uac_uiaccess",
    "argv-emulation": "argv_emulation",
    "target-arch": "target_arch",
    "strip": "strip",
}


def collected(options: Options, source: str) -> list[str]:
    """The lines of a spec that add to `datas`, `binaries` and `hidden`."""
    calls = {
        "collect-all": "datas, binaries, hidden = (old + more for old, more in zip((datas, binaries, hidden), collect_all(name)))",
        "collect-data": "datas += collect_data_files(name)",
        "collect-binaries": "binaries += collect_dynamic_libs(name)",
        "collect-submodules": "hidden += collect_submodules(name)",
        "copy-metadata": "datas += copy_metadata(name)",
        "recursive-copy-metadata": "datas += copy_metadata(name, recursive=True)",
    }
    loops = [line for key, call in calls.items() if options[key] for line in (f"for name in {list(options[key])!r}:", f"    {call}")]
    return [
        "from PyInstaller.utils.hooks import collect_all, collect_data_files, collect_dynamic_libs, collect_submodules, copy_metadata",
        f"datas += {pairs(options['add-data'], source)!r}",
        f"binaries += {pairs(options['add-binary'], source)!r}",
        *loops,
    ]


def pairs(texts: Sequence[str], source: str) -> list[tuple[str, str]]:
    """`source:folder` pairs, the source relative to the project."""
    split = [text.rpartition(":") for text in texts]
    return [(str(Path(source) / path), folder) for path, _, folder in split]


def of_analysis(options: Options, source: str) -> dict[str, Any]:
    """What an Analysis takes besides scripts and what is collected."""
    return {
        "pathex": placed(options["paths"], source),
        "hookspath": placed(options["additional-hooks-dir"], source),
        "hooksconfig": options["hooks-config"],
        "excludes": list(options["exclude-modules"]),
        "optimize": options["optimize"],
        "noarchive": not {"noarchive", "all"}.isdisjoint(options["debug"]),
    }


def of_program(options: Options, source: str) -> dict[str, Any]:
    """What an EXE takes besides its parts, its name and its console."""
    given = {word: options[key] for key, word in OF_PROGRAM.items() if options[key]}
    files = {"version": placed([options["version-file"]], source) if options["version-file"] else []}
    files["manifest"] = [options["manifest"]] if "<" in options["manifest"] else placed(filter(None, [options["manifest"]]), source)
    given.update({word: paths[0] for word, paths in files.items() if paths})
    if options["resources"]:
        given["resources"] = placed(options["resources"], source)
    debug = not {"bootloader", "all"}.isdisjoint(options["debug"])
    return {**given, "debug": debug, "upx": False, "contents_directory": options["contents-directory"]}


def of_interpreter(options: Options) -> list[tuple[str, None, str]]:
    """The interpreter's options, as entries of an EXE: those that were named, and what others mean."""
    words = list(options["python-options"])
    words += ["O"] * max(0, options["optimize"] - words.count("O"))
    if not {"imports", "all"}.isdisjoint(options["debug"]) and "v" not in words:
        words.append("v")
    return [(word, None, "OPTION") for word in words]


def splash(options: Options, source: str) -> list[str]:
    """The line of a spec that makes `splash`, the parts of a program that show a picture; no parts without one."""
    if not options["splash"]:
        return ["splash = []"]
    words = {"center": options["splash-center"]} if options["splash-center"] else {}
    picture = str(Path(source) / options["splash"])
    return [
        f"screen = Splash({picture!r}, binaries=analysis.binaries, datas=analysis.datas, **{words!r})",
        "splash = [screen, screen.binaries]",
    ]


def placed(paths: Any, source: str) -> list[str]:
    """Paths of the project where it is."""
    return [str(Path(source) / path) for path in paths]


def check_tools(options: Options) -> None:
    """Raise Unfit when an option needs what is not here: PyInstaller would go on without it, or end in a traceback."""
    if options["strip"] and shutil.which("strip") is None:
        raise Unfit("`strip` needs the program strip", "install binutils where it is frozen, or leave it out")
    if options["splash"] and importlib.util.find_spec("_tkinter") is None:
        raise Unfit("`splash` needs Tk, which this Python does not have", "install python3-tk where it is frozen, or choose another Python")
