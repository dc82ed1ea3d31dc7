"""Licences as metadata says them: what means one thing is told as SPDX, everything else as it stands."""

from __future__ import annotations

from importlib.metadata import Distribution
from pathlib import Path

import pytest
from freezing import licences


@pytest.mark.parametrize(
    ("expression", "text", "classifiers", "said"),
    [
        ("MIT OR Apache-2.0", "see LICENSE", ["BSD License"], "MIT OR Apache-2.0"),
        ("", "Apache License, Version 2.0", ["Apache Software License"], "Apache-2.0"),
        ("", "  BSD-3-Clause\n", [], "BSD-3-Clause"),
        ("", "", ["OSI Approved", "MIT License"], "MIT"),
        ("", "UNKNOWN", ["GNU General Public License v2 or later (GPLv2+)"], "GPL-2.0-or-later"),
        ("", "", ["BSD License"], "BSD License"),  # which one, nobody knows
        ("", "", ["MIT License", "Apache Software License"], "MIT, Apache-2.0"),  # both or either, nobody knows
        ("", "Permission is hereby granted, " * 20, ["MIT License"], "MIT"),
        ("", "", ["Other/Proprietary License"], "Other/Proprietary License"),
        ("", "", [], ""),
    ],
)
def test_the_best_field_counts(expression: str, text: str, classifiers: list[str], said: str) -> None:
    assert licences.licence(expression, text, classifiers) == said


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("GPL-2 or Artistic", "GPL-2.0-only OR Artistic"),
        ("GPL-3+ with OpenSSL-exception", "GPL-3.0-or-later WITH OpenSSL-exception"),
        ("BSD-3-clause and Expat", "BSD-3-Clause AND MIT"),
        ("LGPL-2.1+, and Zlib", "LGPL-2.1-or-later AND Zlib"),
    ],
)
def test_debians_short_names(said: str, meant: str) -> None:
    text = f"Format: https://…/copyright-format/1.0/\n\nFiles: debian/*\nLicense: CC0-1.0\n\nFiles: *\nLicense: {said}\n The text.\n"
    assert licences.debian_licence(text) == meant


def test_a_copyright_file_for_people_says_nothing_to_a_program() -> None:
    assert licences.debian_licence("This package was debianized by somebody.\n\nLicense: see below\n") == ""


class Installed(Distribution):
    """A distribution whose files lie in a folder."""

    def __init__(self, root: Path, metadata: str) -> None:
        self.root, self.head = root, metadata

    def read_text(self, filename: str) -> str | None:
        listed = "".join(f"{path.relative_to(self.root).as_posix()},,\n" for path in sorted(self.root.rglob("*")) if path.is_file())
        return {"METADATA": self.head, "RECORD": listed}.get(filename)

    def locate_file(self, path: object) -> Path:
        return self.root / str(path)


def test_every_text_is_found_wherever_the_wheel_keeps_it(tmp_path: Path) -> None:
    files = (
        "demo-1.dist-info/licenses/LICENSE",
        "demo-1.dist-info/licenses/legal/vendored.html",
        "demo-1.dist-info/COPYING.LESSER",
        "demo-1.dist-info/terms.txt",
        "demo-1.dist-info/RECORD",
        "demo/_vendor/other/LICENSE.APACHE",
        "demo/notice.py",
        "demo/licenses.json",
        "demo/data.txt",
    )
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    dist = Installed(tmp_path, "Metadata-Version: 2.4\nName: demo\nVersion: 1\nLicense-File: terms.txt\n")
    found = dict(licences.texts_of(dist))
    assert set(found) == {"LICENSE", "legal/vendored.html", "COPYING.LESSER", "terms.txt", "demo/_vendor/other/LICENSE.APACHE"}
    assert found["LICENSE"].read_text() == "demo-1.dist-info/licenses/LICENSE"


def test_texts_stay_in_their_folder_and_none_is_written_twice(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("terms")
    given = [("LICENSE", tmp_path / "text"), ("license", tmp_path / "text"), ("../out", tmp_path / "text"), ("gone", tmp_path / "gone")]
    assert list(licences.kept([*given, (str(tmp_path / "x"), tmp_path / "text")], tmp_path / "demo")) == ["demo/LICENSE"]
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["LICENSE"]
    assert not (tmp_path / "out").exists()


def test_a_library_in_a_folder_of_its_own_is_under_the_licence_of_that() -> None:
    """Debian's util-linux: its programs are under the GPL, libuuid is not."""
    text = "Format: x\n\nFiles: *\nLicense: GPL-2+\n\nFiles: libuuid/*\nLicense: BSD-3-clause\n"
    assert licences.debian_licence(text, "libuuid1") == "BSD-3-Clause"
    assert licences.debian_licence(text, "util-linux") == "GPL-2.0-or-later"
