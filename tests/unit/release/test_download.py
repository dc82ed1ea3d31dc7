"""Names of files that somebody else chose."""

from __future__ import annotations

import pytest

from coldforge.errors import Refused
from coldforge.release.api import Asset
from coldforge.release.download import check_names


def assets(*names: str) -> list[Asset]:
    return [Asset(id=number, name=name, size=1) for number, name in enumerate(names)]


BAD = [
    "", ".", "..", ".hidden", "dot.", "a/b", "a\\b", "evil\n", "C:evil", "a b", "a\x7f", "\x9b31m", "\u202egpj.exe", "\u0131",
    "CON", "nul.txt", "com1", "LPT9.tar.gz", "aux.",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_names_that_are_no_plain_file_names_are_refused(name: str) -> None:
    with pytest.raises(Refused, match="cannot be trusted"):
        check_names(assets("good.txt", name))


def test_names_that_a_file_system_cannot_tell_apart_are_refused() -> None:
    with pytest.raises(Refused, match="cannot be trusted"):
        check_names(assets("a.txt", "A.TXT"))


def test_plain_names_are_good() -> None:
    check_names(
        assets("demo_1.0.0_amd64.deb", "demo-1.0.0+local.1-linux-x86_64.tar.gz", "SHA256SUMS", "console.txt", "com10", "nullify.exe")
    )
