"""What a manifest says about its source is no command: only a commit, and a plain address."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from coldforge.errors import ConfigurationError
from coldforge.rebuild.fetch import check, origin_of
from coldforge.records import SourceRecord

SOURCE = SourceRecord(commit="a" * 40, repository="acme/demo", epoch=1)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"commit": ""}, "names no commit"),
        ({"commit": "--upload-pack=touch x"}, "is none"),
        ({"commit": "a" * 39}, "is none"),
        ({"commit": "main"}, "is none"),
        ({"dirty": True}, "changes that are not in the commit"),
    ],
)
def test_what_nobody_else_has_is_not_rebuilt(fields: dict[str, object], why: str) -> None:
    check(SOURCE, "demo 1")
    with pytest.raises(ConfigurationError) as caught:
        check(replace(SOURCE, **fields), "demo 1")
    assert why in caught.value.why


@pytest.mark.parametrize(
    ("repository", "origin"),
    [
        ("acme/demo", "https://github.com/acme/demo"),
        ("https://git.example.org/acme/demo", "https://git.example.org/acme/demo"),
        ("https://git.example.org:8443/~ann/demo.app", "https://git.example.org:8443/~ann/demo.app"),
    ],
)
def test_the_repository_is_the_manifests(repository: str, origin: str) -> None:
    assert origin_of(replace(SOURCE, repository=repository), "") == origin


@pytest.mark.parametrize(
    "repository",
    [
        "", "-x/demo", "--upload-pack=x", "ext::sh -c true", "file:///etc", "/etc", "../demo", "git@example.org:demo",
        "http://example.org/demo", "https://user:secret@example.org/demo", "https://-x/demo", "https://example.org/a b",
        "https://example.org/\x1b[31m", "acme/demo\n",
    ],
)  # fmt: skip
def test_no_other_address_is_taken_from_a_manifest(repository: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        origin_of(replace(SOURCE, repository=repository), "")
    assert "--source" in caught.value.hint
    assert "\x1b" not in caught.value.why


def test_what_the_user_gives_comes_first() -> None:
    assert origin_of(SOURCE, "git@example.org:acme/demo") == "git@example.org:acme/demo"
