"""Files more than were signed: texts of licences, and nothing that something could run or import."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.verify import tree


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("LICENSE", ""), ("licence.txt", ""), ("NOTICE.md", ""), ("COPYING.LESSER", ""), ("LICENSE-APACHE-2.0", ""), ("AUTHORS.rst", ""),
        ("licenses/LICENSES/GPL-3.0-or-later", ""), ("licenses/LICENSES/MIT.txt", ""),
        ("licenses/evil.py", "extra"), ("NOTICE.pth", "extra"), ("licenses/.pth", "extra"), ("license.sh", "extra"),
        ("LICENSE.txt.py", "extra"), ("licenses/a/evil.PY", "extra"), ("authors/more", "extra"), ("more.txt", "extra"),
    ],
)  # fmt: skip
def test_licences_are_no_extra_files_and_programs_that_are_called_so_are(name: str, word: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("import os\n")
    assert [row.word for row in tree.rows(tree.read(tmp_path), (), "demo 1")] == ([word] if word else [])
