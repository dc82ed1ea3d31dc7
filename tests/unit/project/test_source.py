"""What is made of git's answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldforge.project.source import newest_tag, previous_tag, repository_of


@pytest.mark.parametrize(
    ("tags", "newest"),
    [
        ([], ""),
        (["latest"], "latest"),
        (["v1.9.0", "v1.10.0"], "v1.10.0"),
        (["v1.0.0rc1", "v1.0.0", "v1.0.0b2"], "v1.0.0"),
        (["nightly", "0.1"], "0.1"),
        (["stable", "nightly"], "stable"),
        (["demo-1.2.0", "demo-1.10.0"], "demo-1.10.0"),
        (["demo/v1.2.0", "demo/v1.10.0"], "demo/v1.10.0"),
        (["demo@1.2.0", "demo@1.10.0"], "demo@1.10.0"),
        (["my-app-v1.2.0", "my-app-v1.10.0"], "my-app-v1.10.0"),
        (["1.0-rc1", "1.0"], "1.0"),
        (["a,b", "v1"], "v1"),
    ],
)
def test_the_tag_of_the_highest_version(tags: list[str], newest: str) -> None:
    assert newest_tag(tags) == newest
    assert newest_tag(tags[::-1]) == newest


@pytest.mark.parametrize(
    ("tag", "tags", "previous"),
    [
        ("v1.0.0", [], ""),
        ("v1.0.0", ["v1.0.0", "v2.0.0"], ""),
        ("v1.10.0", ["v1.8.0", "v1.9.0", "v1.10.0", "v2.0.0", "nightly"], "v1.9.0"),
        ("v1.0.0", ["v0.9.0", "v1.0.0rc1"], "v0.9.0"),
        ("v1.0.0rc2", ["v0.9.0", "v1.0.0rc1"], "v1.0.0rc1"),
        ("demo/v1.2.0", ["demo/v1.1.0", "other/v1.1.5", "v1.1.6"], "demo/v1.1.0"),
        ("my-app-1.2", ["my-app-1.1", "app-1.1.5"], "my-app-1.1"),
        ("nightly", ["v1.0.0"], ""),
    ],
)
def test_the_tag_of_the_version_before(tag: str, tags: list[str], previous: str) -> None:
    assert previous_tag(tag, tags) == previous
    assert previous_tag(tag, tags[::-1]) == previous


@pytest.mark.parametrize(
    ("url", "repository"),
    [
        ("https://github.com/acme/demo.git", "acme/demo"),
        ("https://github.com/acme/demo/", "acme/demo"),
        ("https://user:secret@github.com/acme/demo", "acme/demo"),
        ("https://secret@GitHub.com/acme/demo.git", "acme/demo"),
        ("git@github.com:acme/demo.git", "acme/demo"),
        ("ssh://git@github.com:22/acme/demo.git", "acme/demo"),
        ("git://github.com/acme/demo.git", "acme/demo"),
        ("https://user:p%40ss@git.example.org:8443/group/sub/demo.git", "https://git.example.org/group/sub/demo"),
        ("git@git.example.org:group/demo.git", "https://git.example.org/group/demo"),
        ("/srv/git/demo.git", ""),
        ("../demo.git", ""),
        ("~/demo.git", ""),
        ("file:///srv/git/demo.git", ""),
        ("", ""),
    ],
)
def test_the_repository_of_a_remote(url: str, repository: str) -> None:
    assert repository_of(url + "\n") == repository


@given(user=st.text("abc:.-%40", min_size=1), host=st.sampled_from(["github.com", "git.example.org"]), port=st.sampled_from(["", ":22"]))
def test_credentials_never_get_into_the_record(user: str, host: str, port: str) -> None:
    assert "@" not in repository_of(f"https://{user}@{host}{port}/acme/demo.git")
    assert repository_of(f"https://{user}@{host}{port}/acme/demo.git") == repository_of(f"https://{host}/acme/demo")
