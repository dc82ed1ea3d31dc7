"""What a package installs: every folder up to the root, relative links, modes that packages have."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge.bundle.linux.installed import installed, mode
from coldforge.bundle.tree import Node, load
from coldforge.project.config import Executable
from support import payloads


def test_each_executable_has_a_relative_link(tmp_path: Path) -> None:
    two = (Executable(name="demo", entry="d:m"), Executable(name="demo-gui", entry="d:g", console=False))
    job = payloads.job(tmp_path, "deb", replace(payloads.PRODUCT, executables=two))
    tree = load(job.payload, job.folder / "payload", payloads.EPOCH)
    (tmp_path / "scratch").mkdir()
    made = installed(job, tree, [("usr/share/x/text", b"text")], below="usr/lib/other", scratch=tmp_path / "scratch")
    entries = {node.path: node for node in made}
    assert [entries[f"usr/bin/{name}"].link for name in ("demo", "demo-gui")] == ["../lib/other/demo", "../lib/other/demo-gui"]
    assert {"usr", "usr/bin", "usr/lib", "usr/lib/other", "usr/share/x", "usr/lib/other/_internal/empty"} <= set(entries)
    assert list(entries) == sorted(entries, key=lambda path: path.split("/"))
    text = entries["usr/share/x/text"].source
    assert text is not None
    assert text.read_bytes() == b"text"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("libx.so", 0o644), ("a/libx.so.1.2", 0o644), ("m.cpython-311-x86_64-linux-gnu.so", 0o644), ("libpython3.11.so.1.0", 0o644),
        ("demo", 0o755), ("my.software", 0o755), ("x.socket", 0o755), ("lib.so/tool", 0o755),
    ],
)  # fmt: skip
def test_libraries_are_not_executable(path: str, expected: int) -> None:
    assert mode(Node(path=path, mode=0o755, source=Path("x"))) == expected
