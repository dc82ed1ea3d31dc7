"""PyInstaller's whole vocabulary: `[tool.coldforge.pyinstaller]`, and what coldforge decides instead of it.

A test compares both with the options of the PyInstaller that freezes: none is missing, none is made up.
Source: https://pyinstaller.org/en/stable/usage.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta

from coldforge.project.section import Section

SPEC: Final = "spec"


def _option(option: str, description: str, *systems: str) -> Meta:
    """What a key is: PyInstaller's option, its meaning, and the systems that it is for (none: all of them)."""
    names = {"windows": "Windows", "macos": "macOS", "linux": "Linux"}
    prefix = f"{' and '.join(names[system] for system in systems)}: " if systems else ""
    return Meta(description=f"{prefix}{description}", extra={"option": option, "systems": systems})


Texts = tuple[str, ...]


class PyInstallerConfig(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.pyinstaller]`: PyInstaller's own words. Paths are relative to the project."""

    spec: Annotated[str, Meta(description="A spec of your own, which then decides everything: no other key goes with it.")] = ""
    hidden_imports: Annotated[Texts, _option("--hidden-import", "Modules that are imported in ways no analysis sees.")] = ()
    collect_all: Annotated[Texts, _option("--collect-all", "Packages to collect with modules, data and libraries.")] = ()
    collect_data: Annotated[Texts, _option("--collect-data", "Packages whose data files are collected.")] = ()
    collect_submodules: Annotated[Texts, _option("--collect-submodules", "Packages whose modules are all collected.")] = ()
    collect_binaries: Annotated[Texts, _option("--collect-binaries", "Packages whose libraries are collected.")] = ()
    copy_metadata: Annotated[Texts, _option("--copy-metadata", "Distributions whose metadata is collected.")] = ()
    recursive_copy_metadata: Annotated[
        Texts, _option("--recursive-copy-metadata", "Distributions whose metadata is collected, with that of all they require.")
    ] = ()
    add_data: Annotated[Texts, _option("--add-data", "`source:folder` pairs of data files; a source may be a folder or a pattern.")] = ()
    add_binary: Annotated[Texts, _option("--add-binary", "`source:folder` pairs of programs and libraries.")] = ()
    paths: Annotated[Texts, _option("--paths", "Folders to search for modules, before what is installed.")] = ()
    additional_hooks_dir: Annotated[Texts, _option("--additional-hooks-dir", "Folders with hooks of your own.")] = ()
    hooks_config: Annotated[
        Mapping[str, Mapping[str, Any]],
        Meta(description='What hooks are told, as a spec\'s `hooksconfig`: `gi = { languages = ["de"] }`.'),
    ] = msgspec.field(default_factory=dict)
    runtime_hooks: Annotated[Texts, _option("--runtime-hook", "Scripts that run before the program starts.")] = ()
    exclude_modules: Annotated[Texts, _option("--exclude-module", "Modules to leave out.")] = ()
    contents_directory: Annotated[str, _option("--contents-directory", "The folder of everything but the executables; `.` for none.")] = (
        "_internal"
    )
    optimize: Annotated[Literal[0, 1, 2], _option("--optimize", "Level of bytecode optimisation.")] = 0
    python_options: Annotated[Texts, _option("--python-option", "Options of the interpreter: `u`, `v`, `W …`, `X …`, `hash_seed=…`.")] = ()
    debug: Annotated[
        tuple[Literal["all", "imports", "bootloader", "noarchive"], ...], _option("--debug", "What helps to find a fault.")
    ] = ()
    strip: Annotated[
        bool, _option("--strip", "Strip symbols from libraries, with the `strip` of where it is frozen.", "linux", "macos")
    ] = False
    splash: Annotated[
        str, _option("--splash", "A picture that is shown until the program has started; it needs Tk.", "linux", "windows")
    ] = ""
    splash_center: Annotated[
        Literal["", "active", "default", "primary", "virtual"], _option("--splash-center", "Where that is shown.", "linux", "windows")
    ] = ""
    runtime_tmpdir: Annotated[str, _option("--runtime-tmpdir", "Where a one-file program unpacks itself on the user's machine.")] = ""
    bootloader_ignore_signals: Annotated[
        bool, _option("--bootloader-ignore-signals", "Leave signals to the program itself.", "linux", "macos")
    ] = False
    disable_windowed_traceback: Annotated[
        bool, _option("--disable-windowed-traceback", "Show no traceback of a program with windows.", "windows", "macos")
    ] = False
    hide_console: Annotated[
        Literal["", "hide-early", "hide-late", "minimize-early", "minimize-late"],
        _option("--hide-console", "What becomes of a console of its own.", "windows"),
    ] = ""
    version_file: Annotated[str, _option("--version-file", "A version resource.", "windows")] = ""
    manifest: Annotated[str, _option("--manifest", "The executables' manifest: a file, or XML.", "windows")] = ""
    resources: Annotated[Texts, _option("--resource", "Resources: `file[,type[,name[,language]]]`.", "windows")] = ()
    uac_admin: Annotated[bool, _option("--uac-admin", "Ask for an administrator's rights at the start.", "windows")] = False
    uac_uiaccess: Annotated[bool, _option("--uac-uiaccess", "Let an elevated program work with Remote Desktop.", "windows")] = False
    argv_emulation: Annotated[bool, _option("--argv-emulation", "Give opened documents and URLs as arguments.", "macos")] = False
    target_arch: Annotated[
        Literal["", "x86_64", "arm64", "universal2"], _option("--target-architecture", "Default: the target's own.", "macos")
    ] = ""


DECIDED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "--name": "the executables' names are those of the scripts, or of `[tool.coldforge.executables]`",
        "--console": "`[tool.coldforge.executables.NAME] console`",
        "--windowed": "`[tool.coldforge.executables.NAME] console`",
        "--icon": "`[tool.coldforge] icon`: one picture, of which every size and format is made",
        "--osx-bundle-identifier": "`[tool.coldforge] identifier`",
        "--onedir": "always made: it is what every package contains",
        "--onefile": "the format `onefile` of `matrix.yml`, made in the same freeze",
        "--codesign-identity": "signing is a step of its own: no key is near while your code and your dependencies' runs",
        "--osx-entitlements-file": "signing is a step of its own",
        "--noupx": "UPX is never used: which one a machine has would decide the bytes, and virus scanners take its work for malware",
        "--upx-exclude": "UPX is never used",
        "--upx-dir": "UPX is never used",
        "-m": "PyInstaller's old word for `--manifest`",
        "--distpath": "`--out`; inside of a freeze every path is fixed",
        "--workpath": "a folder of the freeze, which is gone afterwards",
        "--specpath": "a folder of the freeze, which is gone afterwards",
        "--clean": "nothing is kept in PyInstaller's own cache; `coldforge build --clean` ignores coldforge's",
        "--noconfirm": "nothing is overwritten: the folders are fresh",
        "--log-level": "what is shown is coldforge's business; the whole log is in `dist/<target>/logs/`",
        "--help": "`coldforge --help`",
        "--version": "PyInstaller's version is locked and recorded",
    }
)
# Removed by PyInstaller; it keeps their names to say so.
REMOVED: Final = frozenset({"--key", "--no-embed-manifest", "--win-private-assemblies", "--win-no-prefer-redirects"})


def options() -> dict[str, Mapping[str, Any]]:
    """For each key that is an option of PyInstaller: the option, and the systems that it is for."""
    hints = get_type_hints(PyInstallerConfig, include_extras=True)
    metas = {field.encode_name: get_args(hints[field.name])[1] for field in msgspec.structs.fields(PyInstallerConfig)}
    return {key: meta.extra for key, meta in metas.items() if meta.extra}


def meant_for(config: PyInstallerConfig, system: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """All keys with what they are on a system (linux, windows, macos), and the names of those that are set for others only."""
    given, default = msgspec.to_builtins(config), msgspec.to_builtins(PyInstallerConfig())
    foreign = {key for key, option in options().items() if option["systems"] and system not in option["systems"]}
    kept = {key: default[key] if key in foreign else value for key, value in given.items()}
    return kept, tuple(sorted(key for key in foreign if given[key] != default[key]))


def named_files(config: PyInstallerConfig) -> Iterator[tuple[str, str]]:
    """The files, folders and patterns of the project that a configuration names, each with its key."""
    given = [(SPEC, config.spec), ("splash", config.splash), ("version-file", config.version_file)]
    given += [("manifest", config.manifest)] if "<" not in config.manifest else []
    for key, pairs in (("add-data", config.add_data), ("add-binary", config.add_binary)):
        given += [(key, pair.rpartition(":")[0]) for pair in pairs]
    for key, paths in (
        ("paths", config.paths), ("additional-hooks-dir", config.additional_hooks_dir), ("runtime-hooks", config.runtime_hooks),
        ("resources", tuple(text.partition(",")[0] for text in config.resources)),
    ):  # fmt: skip
        given += [(key, path) for path in paths]
    yield from ((key, path) for key, path in given if path and not PurePosixPath(path).is_absolute())
