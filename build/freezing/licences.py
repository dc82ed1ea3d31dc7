"""Licences and their texts: of distributions, of Python, of system packages.

Source: core metadata 2.4 (PEP 639), Debian's copyright-format 1.0, the SPDX licence list.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import Distribution
from pathlib import Path

TEXT = re.compile(r"(UN)?LICEN[CS]E|COPYING|COPYRIGHT|NOTICE|AUTHORS|PATENTS", re.IGNORECASE)
NO_TEXT = frozenset({".py", ".pyc", ".pyi", ".pyx", ".so", ".pyd", ".h", ".c", ".js", ".css", ".svg", ".png", ".json"})
PYTHON = "Python-2.0.1"
BOOT_LOADER = "GPL-2.0-or-later WITH Bootloader-exception"  # stands in the head of each of PyInstaller's files
# What authors write for a licence that has one meaning; everything else is left as they wrote it.
SPELLINGS = {
    "apache 2.0": "Apache-2.0", "apache license 2.0": "Apache-2.0", "apache license, version 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0", "apache software license": "Apache-2.0", "apache-2": "Apache-2.0",
    "mit license": "MIT", "the mit license": "MIT", "expat": "MIT", "isc license": "ISC", "isc license (iscl)": "ISC",
    "new bsd": "BSD-3-Clause", "new bsd license": "BSD-3-Clause", "modified bsd": "BSD-3-Clause", "3-clause bsd license": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause", "bsd-3-clause license": "BSD-3-Clause", "bsd 2-clause": "BSD-2-Clause",
    "2-clause bsd license": "BSD-2-Clause", "simplified bsd": "BSD-2-Clause", "mpl 2.0": "MPL-2.0", "mpl2": "MPL-2.0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0", "psfl": "PSF-2.0", "psf": "PSF-2.0",
    "python software foundation license": "PSF-2.0", "the unlicense (unlicense)": "Unlicense", "zlib": "Zlib",
    "gnu general public license v2 (gplv2)": "GPL-2.0-only", "gnu general public license v3 (gplv3)": "GPL-3.0-only",
    "gnu general public license v2 or later (gplv2+)": "GPL-2.0-or-later",
    "gnu general public license v3 or later (gplv3+)": "GPL-3.0-or-later",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
    "gnu lesser general public license v3 or later (lgplv3+)": "LGPL-3.0-or-later",
    "gnu affero general public license v3": "AGPL-3.0-only", "zope public license": "ZPL-2.1",
}  # fmt: skip
GNU = re.compile(r"(A?L?GPL)-(\d)(?:\.(\d))?(\+?)")


def kept(texts: Iterable[tuple[str, Path]], folder: Path) -> Iterator[str]:
    """Copy texts into a folder; the first of a name counts."""
    taken: set[str] = set()
    for name, source in texts:
        if not source.is_file() or ".." in Path(name).parts or Path(name).is_absolute() or name.casefold() in taken:
            continue
        taken.add(name.casefold())
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        yield f"{folder.name}/{name}"


def texts_of(dist: Distribution) -> Iterator[tuple[str, Path]]:
    """The licence texts of a distribution by the names that they have below its metadata, or in its packages."""
    named = set(dist.metadata.get_all("License-File") or ())
    for file in sorted(dist.files or (), key=str):
        folder = next((part for part in file.parts if part.endswith(".dist-info")), "")
        inside = file.as_posix().partition(f"{folder}/")[2].removeprefix("licenses/") if folder else file.as_posix()
        in_licenses = bool(folder) and len(file.parts) > 2 and file.parts[1] == "licenses"
        if in_licenses or (folder and inside in named) or (TEXT.match(file.name) and file.suffix.lower() not in NO_TEXT):
            yield inside, Path(str(dist.locate_file(file)))


def licence_of(dist: Distribution) -> str:
    """The licence as the metadata says it, as SPDX where that is plain; the name of a licence otherwise, or nothing."""
    expression, text = (" ".join(dist.metadata.get_all(key) or ()) for key in ("License-Expression", "License"))
    classifiers = [line.rpartition(" :: ")[2] for line in dist.metadata.get_all("Classifier") or () if line.startswith("License :: ")]
    return licence(expression, text, classifiers)


def licence(expression: str, text: str, classifiers: Sequence[str]) -> str:
    """The best of three fields: an expression counts as it is; one line of text; else the classifiers.

    >>> licence("", "Apache License, Version 2.0", []), licence("", "", ["BSD License"]), licence("", "GPL", ["MIT License"])
    ('Apache-2.0', 'BSD License', 'GPL')
    """
    line = " ".join(text.split())
    if expression or not line or len(line) > 100 or line.upper() == "UNKNOWN":
        line = expression
    known = [name for name in classifiers if name not in ("OSI Approved", "Other/Proprietary License") or len(classifiers) == 1]
    line = line or ", ".join(SPELLINGS.get(name.lower(), name) for name in known)
    return SPELLINGS.get(line.lower(), line)


def python_texts() -> Iterator[tuple[str, Path]]:
    """Python's own licence: where its build puts it, or where Debian does."""
    minor = ".".join(platform.python_version_tuple()[:2])
    stdlib = Path(sysconfig.get_path("stdlib"))
    places = [stdlib / "LICENSE.txt", Path(sysconfig.get_config_var("installed_base") or "/") / "LICENSE.txt"]
    places += [Path(f"/usr/share/doc/{name}/copyright") for name in (f"python{minor}", f"libpython{minor}-minimal", "python3")]
    yield from (("LICENSE.txt", place) for place in places[:2])
    yield from (("LICENSE.txt", place) for place in places[2:])


def system_licence(package: str) -> tuple[str, list[tuple[str, Path]]]:
    """The licence and the texts of a system package: Debian's copyright file, or what rpm lists."""
    path = Path(f"/usr/share/doc/{package}/copyright")
    if path.is_file():
        return debian_licence(path.read_text(encoding="utf-8", errors="replace"), package), [("copyright", path)]
    if not shutil.which("rpm"):
        return "", []
    said, listed = (
        subprocess.run(["rpm", *words, package], capture_output=True, text=True, check=False).stdout.strip()
        for words in (["-q", "--qf", "%{LICENSE}"], ["-q", "--licensefiles"])
    )
    return said.partition("\n")[0], [(Path(line).name, Path(line)) for line in listed.splitlines()]


def debian_licence(text: str, package: str = "") -> str:
    """The licence in a machine-readable copyright file, in SPDX's spelling; empty for any other file.

    It is that of the source package: what it says of a library's own folder (`libuuid/*` for libuuid1) comes before `Files: *`.

    >>> debian_licence("Format: x\\n\\nFiles: *\\nCopyright: me\\nLicense: LGPL-2.1+ or Expat\\n text\\n")
    'LGPL-2.1-or-later OR MIT'
    """
    found: dict[str, str] = {}
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", paragraph, re.MULTILINE))
        for pattern in fields.get("Files", "").split()[:1]:
            found.setdefault(pattern, fields.get("License", ""))
    own = re.match(r"[a-z+-]*[a-z+]", package)
    said = found.get(f"{own[0]}/*" if own else "*") or found.get("*", "")
    return " ".join(map(_spdx, said.replace(",", "").split()))


def _spdx(word: str) -> str:
    """One of Debian's short names, or the word between two of them."""
    if word in ("or", "and", "with"):
        return word.upper()
    if match := GNU.fullmatch(word):
        kind, major, minor, later = match.groups()
        return f"{kind}-{major}.{minor or 0}-{'or-later' if later else 'only'}"
    return SPELLINGS.get(
        word.lower(), {"BSD-3-clause": "BSD-3-Clause", "BSD-2-clause": "BSD-2-Clause", "public-domain": ""}.get(word, word)
    )
