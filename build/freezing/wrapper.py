"""PyInstaller wrapped before any spec runs: the same result everywhere, without the tools of this machine, in less time."""

from __future__ import annotations

import dis
import glob
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType
from typing import Any

from freezing.byte_code import Marshal


def install() -> None:
    """All of it; once, before the spec runs."""
    make_reproducible()
    write_byte_code_by_itself()
    do_without_binutils()
    do_without_cross_reference()
    write_lists_plainly()
    walk_only_what_imports()


def make_reproducible() -> None:
    """What differs from run to run of PyInstaller on Python ≥ 3.11: the order of base_library.zip, and of what hooks find in folders.

    GTK's hook writes a list of picture loaders in the order in which the folder has them.
    """
    from PyInstaller.building import build_main

    listed = glob.glob
    glob.glob = lambda *words, **options: sorted(listed(*words, **options))

    original = build_main.create_base_library_zip

    def sorted_zip(filename: str, modules_toc: list[Any], code_cache: Any = None) -> Any:
        return original(filename, sorted(modules_toc), code_cache)

    build_main.create_base_library_zip = sorted_zip


def write_byte_code_by_itself() -> None:
    """The same modules as the same bytes, whatever else this process has loaded by then."""
    from PyInstaller.archive import writers
    from PyInstaller.building import utils

    writers.marshal = utils.marshal = Marshal()


def do_without_cross_reference() -> None:
    """An HTML page about every import, which takes a tenth of the analysis and which nobody sees here."""
    from PyInstaller.building.build_main import Analysis

    Analysis._write_graph_debug = lambda _self: None  # noqa: SLF001  # there is no option


def write_lists_plainly() -> None:
    """What each step was given is written down for a next run, laid out for people; here it is read once, by a program."""
    from PyInstaller.utils import misc

    def save(filename: str, data: Any) -> None:
        Path(filename).parent.mkdir(parents=True, exist_ok=True)
        Path(filename).write_text(repr(data), encoding="utf-8")

    misc.save_py_data_struct = save


def walk_only_what_imports() -> None:
    """Disassemble only the code that imports, or binds a global name: the analysis looks at nothing else, most functions do neither.

    Words of byte code are two bytes, the operation first, in every Python since 3.6.
    """
    from PyInstaller.lib.modulegraph import util

    original = util.iterate_instructions
    seen = {dis.opmap[name] for name in ("IMPORT_NAME", "STORE_NAME", "STORE_GLOBAL", "DELETE_NAME", "DELETE_GLOBAL")}

    def iterate_instructions(code: CodeType) -> Iterator[Any]:
        if not seen.isdisjoint(code.co_code[::2]):
            yield from original(code)  # comes back here for the code within
            return
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield from iterate_instructions(constant)

    util.iterate_instructions = iterate_instructions


def do_without_binutils() -> None:
    """Read ELF headers and append archives here instead of with the machine's objdump and objcopy.

    They would be one more input that differs between machines, and one more thing to install. The boot
    loader searches its archive from the end of the file, as it does on every other POSIX system.
    """
    if sys.platform != "linux":
        return
    from PyInstaller.building import api
    from PyInstaller.depend import bindepend

    which = shutil.which
    shutil.which = lambda cmd, *a, **k: which(cmd, *a, **k) or (cmd if cmd == "objdump" else None)  # type: ignore[assignment]
    api.subprocess = WithoutObjcopy()
    bindepend._classify_binary_vs_data = binary_or_data  # noqa: SLF001  # there is no public way


def binary_or_data(filename: str) -> str | None:
    """PyInstaller's question about a file: a 64- or 32-bit ELF header of a program or library, or data."""
    try:
        with Path(filename).open("rb") as stream:
            head = stream.read(20)
    except OSError:
        return None
    elf = head[:4] == b"\x7fELF" and head[4:5] in (b"\1", b"\2") and len(head) == 20
    return "BINARY" if elf and int.from_bytes(head[16:18], sys.byteorder) in (2, 3) else "DATA"


class WithoutObjcopy:
    """The subprocess module as PyInstaller.building.api uses it, with objcopy's one call done in Python."""

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    def run(self, command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        if command[0] != "objcopy":
            return subprocess.run(command, check=False, **options)
        archive, program = command[2].partition("=")[2], command[3]
        with Path(archive).open("rb") as source, Path(program).open("ab") as target:
            shutil.copyfileobj(source, target)
        return subprocess.CompletedProcess(list(command), 0, "")
