"""Facts of ELF files, as LIEF reads them too: libraries of this system, and extensions in C, C++ and Rust beside the tests."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import lief
import pytest

from coldforge.freeze.binaries import is_elf, read_elf, version

lief.disable_leak_warning()  # what is left when the tests end is no matter of theirs
FOLDERS = (Path(sys.prefix), Path("/usr/lib") / sysconfig.get_config_var("MULTIARCH"))
MOST = 1 << 20  # bytes of a file: LIEF reads every symbol


def files() -> list[Path]:
    """The extensions of this environment, and libraries of the system."""
    found = [path for folder in FOLDERS for path in sorted(folder.rglob("*.so*")) if path.is_file() and not path.is_symlink()]
    return [path for path in found if path.stat().st_size < MOST and is_elf(path)][:200]


def glibc(binary: lief.ELF.Binary) -> tuple[int, ...]:
    names = [str(auxiliary.name) for needed in binary.symbols_version_requirement for auxiliary in needed.get_auxiliary_symbols()]
    return max((version(name.removeprefix("GLIBC_")) for name in names if name.startswith("GLIBC_2")), default=())


def searched(binary: lief.ELF.Binary) -> str:
    entries = {entry.tag: entry for entry in binary.dynamic_entries}
    for tag, attribute in ((lief.ELF.DynamicEntry.TAG.RUNPATH, "runpath"), (lief.ELF.DynamicEntry.TAG.RPATH, "rpath")):
        if tag in entries:
            return str(getattr(entries[tag], attribute))
    return ""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="files of Linux")
def test_another_reader_finds_the_same() -> None:
    read = {path: read_elf(path, path.name) for path in files()}
    assert len(read) > 100
    for path, elf in read.items():
        binary = lief.ELF.parse(path)
        assert binary is not None
        assert elf is not None, path
        assert (path, elf.needed, elf.glibc, elf.runpath) == (path, tuple(binary.libraries), glibc(binary), searched(binary))
        assert elf.loader == (binary.interpreter if binary.has_interpreter else "")
