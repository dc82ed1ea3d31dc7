"""Runtimes for AppImages in tests: the real one is fetched from the network, which no test does.

`by_hand` has the form of one and does nothing. `compiled` finds its image, unpacks it with unsquashfs and starts it, as real ones do where
there is no FUSE; mounting is not tried.
"""

from __future__ import annotations

import hashlib
import struct
import subprocess
from pathlib import Path
from typing import Final

from support.require import tool

ROOM: Final = 1024  # bytes for update information, as in the real ones
SIGNED: Final = 1024  # and for a signature
KEYED: Final = 8192  # and for the key
SOURCE: Final = r"""
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((section(".upd_info"), used)) static const char update[ROOM] = {0};
__attribute__((section(".sha256_sig"), used)) static const char signature[SIGNED] = {0};
__attribute__((section(".sig_key"), used)) static const char key[KEYED] = {0};

int main(int argc, char **argv) {
    Elf64_Ehdr head;
    char self[4096], offset[32], folder[] = "/tmp/stub-XXXXXX", start[64];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    FILE *file = fopen("/proc/self/exe", "rb");
    if (length < 0 || !file || fread(&head, sizeof head, 1, file) != 1) return 125;
    self[length] = 0;
    snprintf(offset, sizeof offset, "%lu", (unsigned long)(head.e_shoff + head.e_shentsize * head.e_shnum));
    if (argc == 2 && !strcmp(argv[1], "--appimage-offset")) return puts(offset) < 0;
    if (!mkdtemp(folder)) return 125;
    snprintf(start, sizeof start, "%s/AppDir", folder);
    if (!fork()) {
        freopen("/dev/null", "w", stdout);
        execlp("unsquashfs", "unsquashfs", "-no-progress", "-o", offset, "-d", start, self, (char *)0);
        _exit(125);
    }
    int status;
    wait(&status);
    if (status) return 125;
    setenv("APPIMAGE", self, 1);
    setenv("APPDIR", start, 1);
    strcat(start, "/AppRun");
    execv(start, argv);
    return 125;
}
"""


def by_hand(
    *, machine: int = 62, room: int = ROOM, signed: int = SIGNED, keyed: int = KEYED, mark: bytes = b"AI\x02", tail: bytes = b""
) -> bytes:
    """An ELF file with the mark of a runtime and its sections; `machine` is that of elf(5), 62 for x86_64, the others are sizes."""
    names = b"\0.upd_info\0.sha256_sig\0.sig_key\0.shstrtab\0"
    sizes = {1: room, 11: signed, 23: keyed, 32: len(names)}  # by where the name begins
    headers = 64 + sum(sizes.values())
    head = b"\x7fELF\x02\x01\x01\x00" + mark.ljust(8, b"\0")
    head += struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0, 0, headers, 0, 64, 0, 0, 64, 5, 4)
    table, offset = bytes(64), 64
    for name, size in sizes.items():
        table += struct.pack("<IIQQQQIIQQ", name, 1, 0, 0, offset, size, 0, 0, 1, 0)
        offset += size
    return head + bytes(room + signed + keyed) + names + table + tail


def compiled(folder: Path) -> bytes:
    """A runtime that runs, from SOURCE."""
    source, program = folder / "stub.c", folder / "stub"
    source.write_text(SOURCE)
    compiler = tool("gcc", "apt-get install gcc libc6-dev")
    subprocess.run(
        [compiler, "-static", "-O1", "-w", f"-DROOM={ROOM}", f"-DSIGNED={SIGNED}", f"-DKEYED={KEYED}", "-o", program, source], check=True
    )
    data = program.read_bytes()
    return data[:8] + b"AI\x02" + data[11:]


def pin(project: Path, data: bytes) -> None:
    """Give a project an images.toml of its own, with this runtime."""
    (project / "containers").mkdir(exist_ok=True)
    (project / "containers/runtime").write_bytes(data)
    lines = [
        "[own]",
        'use = "appimage"',
        'file = "runtime"',
        f'sha256 = "{hashlib.sha256(data).hexdigest()}"',
        'architectures = ["x86_64"]',
    ]
    (project / "containers/images.toml").write_text("\n".join([*lines, ""]))
