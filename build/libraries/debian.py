"""Which of Debian's packages brings a library: the table beside this file, made anew from the archive's own Contents.

    python build/libraries/debian.py [SUITE...] > build/libraries/debian.txt

apt fetches the indexes into a folder of its own and checks their signatures. A library is in the table when at least two of the
suites have it: a package that names one that comes and goes with a release could be installed on that release alone. Where the
package's name changed (libglib2.0-0 became libglib2.0-0t64), both are alternatives, the newest first. Ubuntu, which takes its
packages from Debian, has the same names.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

SUITES = ("bullseye", "bookworm", "sid")  # the oldest first
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
# Libraries in the folders that every program searches, of packages that are for running programs.
LIBRARY = re.compile(r"^(?:usr/)?lib/(?:x86_64-linux-gnu/)?(lib[^/\s]*?\.so\.[^/\s]+|lib[^/\s]*\d\.so)\s+(\S+)$", re.MULTILINE)
FILE = re.compile(r"\.so\.[^.]+\.[^.]+\.[^.]+")
SECTIONS = {"libs", "oldlibs"}
OF_NO_USE = re.compile(r"-(dev|dbg|dbgsym|udeb|gles)$|^libelogind0$")


def configured() -> str:
    """The archive that apt is configured for on this machine, a Debian one."""
    form = ["--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"]
    found = subprocess.run(["apt-get", "indextargets", *form], check=True, capture_output=True, text=True).stdout.split()
    return next(address.rstrip("/") for address in found if not address.rstrip("/").endswith("-security"))


def contents(suites: Iterable[str], archive: str) -> Iterator[str]:
    """The text of each suite's Contents, in order."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # apt fetches as a user of its own
        for part in ("state/lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True)
        (folder / "state/status").touch()
        (folder / "sources.list").write_text("".join(f"deb [signed-by={KEYS}] {archive} {suite} main\n" for suite in suites))
        options = {
            "Dir::Etc::sourcelist": folder / "sources.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::State": folder / "state",
            "Dir::State::status": folder / "state/status",
            "Dir::Cache": folder / "cache",
            "APT::Architecture": "amd64",
            "Acquire::Languages": "none",
            "Acquire::IndexTargets::deb::Contents-deb::MetaKey": "$(COMPONENT)/Contents-amd64",
            "Acquire::IndexTargets::deb::Contents-deb::ShortDescription": "Contents-amd64",
            "Acquire::IndexTargets::deb::Contents-deb::Description": "$(RELEASE) Contents-amd64",
        }
        words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        subprocess.run(["apt-get", *words, "--quiet", "update"], check=True, stdout=sys.stderr)
        for suite in suites:
            form = ["indextargets", "--format", "$(FILENAME)", "Created-By: Contents-deb", f"Release: {suite}"]
            (path,) = set(subprocess.run(["apt-get", *words, *form], check=True, capture_output=True, text=True).stdout.split())
            yield subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", path], check=True, capture_output=True, text=True).stdout


def libraries(text: str) -> dict[str, set[str]]:
    """The packages of every library that a Contents lists, by what may be its soname.

    Beside the link `libfoo.so.1` lies the file itself, `libfoo.so.1.4.2`, which is no soname; `libbz2.so.1.0` is one beside `libbz2.so.1`.
    """
    by_package: dict[str, set[str]] = defaultdict(set)
    for library, places in LIBRARY.findall(text):
        for section, _, package in (place.rpartition("/") for place in places.split(",")):
            if section.rpartition("/")[2] in SECTIONS and not OF_NO_USE.search(package):
                by_package[package].add(library)
    found: dict[str, set[str]] = defaultdict(set)
    for package, names in by_package.items():
        for library in names:
            if not (FILE.search(library) and any(library.startswith(f"{other}.") for other in names)):
                found[library].add(package)
    return found


def table(suites: Iterable[Mapping[str, set[str]]]) -> Iterator[str]:
    """The lines: a soname, and the packages that bring it in any of the suites, as a dependency of a package."""
    newest_first = list(suites)[::-1]
    common = Counter((library, package) for suite in newest_first for library, found in suite.items() for package in found)
    for library in sorted({library for suite in newest_first for library in suite}, key=os.fsencode):
        having = [suite[library] for suite in newest_first if library in suite]
        if len(having) > 1:
            usual = partial(_rank, common, library)
            packages = dict.fromkeys(package for found in having for package in sorted(found, key=usual))
            yield f"{library} {' | '.join(packages)}"


def _rank(common: Mapping[tuple[str, str], int], library: str, package: str) -> tuple[int, str]:
    """Of the packages that bring the same library, those that more suites have come first."""
    return -common[library, package], package


if __name__ == "__main__":
    chosen = sys.argv[1:] or list(SUITES)
    lines = list(table([libraries(text) for text in contents(chosen, os.environ.get("ARCHIVE") or configured())]))
    print(f"# Libraries and the packages that bring them in Debian {', '.join(chosen)}; made by debian.py, which says how.")
    print("\n".join(lines))
