"""Programs for macOS in tests: real ones, from wheels on the package index, and small ones that are made."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

from support import images

BOOT_LOADER: Final = "PyInstaller/bootloader/Darwin-64bit/run"
"""In PyInstaller's wheel: for both processors, signed by its linker for Apple's, not at all for Intel's."""
VENDORS: Final = "bin/uvx"
"""In uv's wheel: for Apple's processor, signed by its vendor with a Developer ID and a timestamp of Apple's."""
_WHEELS: Final = {BOOT_LOADER: ("pyinstaller==6.22.3", "x86_64-apple-darwin"), VENDORS: ("uv==0.13.9", "aarch64-apple-darwin")}


def program(name: str) -> Path:
    """A file of a wheel for macOS, unpacked once and kept."""
    requirement, platform = _WHEELS[name]
    folder = images.cache() / "macos" / requirement
    if not (folder / name).is_file():
        uv = shutil.which("uv") or "uv"
        words = ["--quiet", "--no-deps", "--only-binary", ":all:", "--python-platform", platform, "--python-version", "3.12"]
        subprocess.run([uv, "pip", "install", *words, "--target", folder, requirement], check=True, timeout=300)
    return folder / name


def synthetic(kind: str = "executable", machine: str = "aarch64") -> bytes:
    """A Mach-O file that has what signing needs, and nothing that runs."""
    from apple_platform.macho import create_synthetic

    return create_synthetic(machine, kind)
