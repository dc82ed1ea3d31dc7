"""Runs first in every Python that builds from source: no path of this build gets into what is compiled, and what builds is told.

uv unpacks a source distribution into a folder of a random name, and makes the environment that builds it in another.
Cargo keeps the sources of dependencies in its home. Compilers write all of them into debugging information, into what `__FILE__`
stands for, and into Rust's panics. Only here they are known: this is the process that calls the build backend, in its environment and
with the source as its working directory.
"""

import os
import sys
from pathlib import Path

RECORD = "COLDFORGE_BUILT"  # the file that gets one line `name==version` for each distribution of the environment that builds

# Compilers' flags, and the option that writes another place for a folder. Cargo's variable is joined with its configuration files;
# RUSTFLAGS would replace what those say.
OPTIONS = {"CFLAGS": "-ffile-prefix-map", "CXXFLAGS": "-ffile-prefix-map", "CARGO_BUILD_RUSTFLAGS": "--remap-path-prefix"}


def prepare() -> None:
    """Set the compilers' flags, and write the record; nothing where that is not asked for, or outside of a virtual environment."""
    record = os.environ.pop(RECORD, "")  # the backend's own children have inherited the flags, and other folders
    if not record or sys.prefix == sys.base_prefix:
        return
    cargo = os.environ.get("CARGO_HOME") or Path.home() / ".cargo"
    folders = {cargo: "/cargo", sys.base_prefix: "/python", sys.prefix: "/build", Path.cwd(): "."}  # of several that fit the last is taken
    for name, option in OPTIONS.items():
        maps = " ".join(f"{option}={folder}={place}" for folder, place in folders.items())
        os.environ[name] = f"{os.environ.get(name, '')} {maps}".strip()
    with Path(record).open("a", encoding="utf-8") as stream:
        stream.writelines(f"{line}\n" for line in installed())


def installed() -> list[str]:
    """The distributions of this environment, without those that another may lend it."""
    from importlib.metadata import distributions

    folders = [path for path in sys.path if path.startswith(sys.prefix)]
    return sorted({f"{dist.metadata['Name']}=={dist.version}" for dist in distributions(path=folders)})


prepare()
