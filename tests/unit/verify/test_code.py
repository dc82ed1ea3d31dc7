"""What the policy demands of code signatures, of formats that are not read here."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.verify import code
from coldforge.verify.policy import Policy
from coldforge.verify.verdict import Row


@pytest.mark.parametrize(
    ("name", "policy", "word"),
    [
        ("demo.mpkg", Policy(apple_team="ABCDE12345"), "uncheckable"),
        ("Demo.APPX", Policy(code_signer="Demo Ltd"), "uncheckable"),
        ("demo.pkg", Policy(code_signer="Demo Ltd"), "ok"),
        ("demo.appx", Policy(apple_team="ABCDE12345"), "ok"),
        ("demo.pkg.tar.zst", Policy(apple_team="ABCDE12345"), "ok"),
        ("demo.pkg", Policy(), "ok"),
    ],
)
def test_a_demand_about_a_format_that_is_not_read_is_not_met(name: str, policy: Policy, word: str) -> None:
    assert code.judged(Row(name=name, word="ok"), Path(name), policy).word == word


def test_what_is_bad_stays_so() -> None:
    assert code.judged(Row(name="demo.pkg", word="altered"), Path("demo.pkg"), Policy(apple_team="ABCDE12345")).word == "altered"
