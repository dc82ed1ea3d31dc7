"""An emulator counts when it is enabled, and when images need none of it inside."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.host import emulation

ENTRY = "{state}\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: {flags}\noffset 0\nmagic 7f454c46\n"


@pytest.mark.parametrize(
    ("state", "flags", "there"), [("enabled", "POF", True), ("enabled", "F", True), ("enabled", "PO", False), ("disabled", "POF", False)]
)
def test_an_entry_of_the_kernel(state: str, flags: str, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulation, "BINFMT", tmp_path)
    (tmp_path / "qemu-aarch64").write_text(ENTRY.format(state=state, flags=flags))
    assert emulation.emulates("aarch64") == there
    assert not emulation.emulates("riscv64")


def test_the_fix_names_the_engines_word() -> None:
    assert "--install arm64`" in emulation.how("aarch64")
