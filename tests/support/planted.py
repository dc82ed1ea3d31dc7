"""A project that works, with something in it for each gate that no user would want in a release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

GATES: Final = ("missing-library", "hidden-import", "collect", "leak", "system-library", "unused", "unlocked", "budget", "license")
PYPROJECT: Final = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "planted"
version = "1.0"
description = "A program with something for each gate"
requires-python = ">=3.11"
authors = [{ name = "Somebody", email = "somebody@example.org" }]
dependencies = ["markdown-it-py==3.0.0"]

[project.scripts]
planted = "planted:main"

[tool.hatch.build.hooks.custom]

[tool.coldforge.licenses]
denied = ["MIT"]

[tool.coldforge.pyinstaller]
hidden-imports = ["markdown_it.parse"]
collect-data = ["planted_data"]
"""
# linkify-it-py is not asked for; markdown-it-py imports it where it is there, and it always imports uc-micro-py. Nothing imports
# sniffio.
LOCK: Final = """\
linkify-it-py==2.0.3 \\
    --hash=sha256:6bcbc417b0ac14323382aef5c5192c0075bf8a9d6b41820a2b66371eac6b6d79
markdown-it-py==3.0.0 \\
    --hash=sha256:355216845c60bd96232cd8d8c40e8f9765cc86f46880e43a8fd22dc1a1a8cab1
mdurl==0.1.2 \\
    --hash=sha256:84008a41e51615a49fc9966191ff91509e3c40b939176e643fd50a5c2196b8f8
sniffio==1.3.1 \\
    --hash=sha256:2f6da418d1f1e0fddd844478f41680e794e6051915791a034ff65e5f100525a2
uc-micro-py==2.0.0 \\
    --hash=sha256:3603a3859af53e5a39bc7677713c78ea6589ff188d70f4fee165db88e22b242c
"""
MATRIX: Final = """\
targets:
  linux-x86_64: { runner: ubuntu-24.04, budget: 1 MB, formats: [tar.gz] }
"""
# A build backend that writes where it ran into a module, as many do, and makes an extension that needs a library that nobody has.
HOOK: Final = """\
import _ctypes
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Made(BuildHookInterface):
    def initialize(self, version, build_data):
        made = Path(self.root, "src", "planted", "_made.py")
        made.write_text(f"ROOT = {str(made.parent)!r}\\n")
        extension = made.with_name(f"_needy{EXTENSION_SUFFIXES[0]}")
        extension.write_bytes(Path(_ctypes.__file__).read_bytes().replace(b"libc.so.6\\0", b"libq.so.6\\0"))
        build_data["artifacts"] += [f"src/planted/{path.name}" for path in (made, extension)]
"""
# packaging is there for PyInstaller; libpam is a part of every Debian, Ubuntu and Fedora, and of no Python.
MODULE: Final = """\
import ctypes

import markdown_it
import packaging.version

from planted import _made


def need() -> None:
    from planted import _needy

    ctypes.CDLL("libnobody.so.3")
    print(_needy)


def main() -> None:
    print(_made.ROOT, ctypes.CDLL("libpam.so.0"), packaging.version.Version("1.0"), markdown_it.MarkdownIt())
"""
PLANTED: Final[Mapping[str, str]] = {
    "pyproject.toml": PYPROJECT,
    "requirements.txt": LOCK,
    "matrix.yml": MATRIX,
    "hatch_build.py": HOOK,
    "src/planted/__init__.py": MODULE,
}
RELAXED: Final[Mapping[str, str]] = {
    **PLANTED,
    "pyproject.toml": f"{PYPROJECT}\n[tool.coldforge.gates]\n" + "".join(f'{gate} = "{gate} is planted"\n' for gate in GATES),
}
