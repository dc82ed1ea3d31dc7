"""Versions and names, as every package manager and GitHub take them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldforge.errors import ConfigurationError
from coldforge.plan import names
from coldforge.plan.names import Version
from coldforge.target import Target
from support.versions import VERSIONS

LINUX = Target("linux", "x86_64")
# What GitHub leaves as it is in the name of an asset, without a dot at either end.
KEPT = re.compile(r"^[A-Za-z0-9_-]([A-Za-z0-9._-]*[A-Za-z0-9_-])?$")
SEMVER = re.compile(r"^\d+(\.\d+){2,}(-(dev|alpha|beta|rc|post)\.\d+)?$")


@pytest.mark.parametrize(
    ("text", "semver", "debian"),
    [
        ("1.2.3", "1.2.3", "1.2.3-1"),
        ("1.2.3b1", "1.2.3-beta.1", "1.2.3~beta.1-1"),
        ("1.2.3-beta.1", "1.2.3-beta.1", "1.2.3~beta.1-1"),
        ("1.2.3a0", "1.2.3-alpha.0", "1.2.3~alpha.0-1"),
        ("1.2.3rc2", "1.2.3-rc.2", "1.2.3~rc.2-1"),
        ("1.2.3.dev4", "1.2.3-dev.4", "1.2.3~~dev.4-1"),
        ("1.2.3.post1", "1.2.3-post.1", "1.2.3+post.1-1"),
        ("v1.2", "1.2.0", "1.2.0-1"),
        ("2", "2.0.0", "2.0.0-1"),
        ("2025.11.4.1", "2025.11.4.1", "2025.11.4.1-1"),
        ("1.2.3.0.0", "1.2.3", "1.2.3-1"),
        ("0.0.0.0", "0.0.0", "0.0.0-1"),
        ("1.2.3+local.7", "1.2.3", "1.2.3-1"),
        ("1.2.3.dev4+gabcdef", "1.2.3-dev.4", "1.2.3~~dev.4-1"),
        (" 1.2.3\n", "1.2.3", "1.2.3-1"),
    ],
)
def test_versions(text: str, semver: str, debian: str) -> None:
    version = Version.parse(text)
    assert names.semver(version) == semver
    assert names.debian(version) == debian


@pytest.mark.parametrize(
    ("text", "rpm", "arch", "apk"),
    [
        ("1.2.3", "1.2.3", "1.2.3", "1.2.3-r1"),
        ("1.2.3b1", "1.2.3~beta.1", "1.2.3beta1", "1.2.3_beta1-r1"),
        ("1.2.3rc2", "1.2.3~rc.2", "1.2.3rc2", "1.2.3_rc2-r1"),
        ("1.2.3.dev4", "1.2.3~~dev.4", "1.2.3adev4", "1.2.3_alpha0_pre4-r1"),
        ("1.2.3.post1", "1.2.3^post.1", "1.2.3.post1", "1.2.3_p1-r1"),
        ("v1.2", "1.2.0", "1.2.0", "1.2.0-r1"),
    ],
)
def test_versions_of_the_other_package_managers(text: str, rpm: str, arch: str, apk: str) -> None:
    version = Version.parse(text)
    assert (names.rpm(version), names.arch(version), names.apk(version)) == (rpm, arch, apk)


def test_the_revision_of_the_packaging() -> None:
    assert names.debian(Version.parse("1.0rc1"), 7) == "1.0.0~rc.1-7"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a version"),
        ("one", "not a version"),
        ("1.2.3-foo", "not a version"),
        ("1!2.3", "an epoch"),
        ("1.2rc1.dev2", "rc and dev"),
        ("1.2.post1.dev2", "post and dev"),
        ("1.2a1.post2", "alpha and post"),
    ],
)
def test_versions_that_cannot_be_told_to_everybody_are_refused(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        Version.parse(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "plain", "scaled"),
    [
        ("1.2.3", "1.2.3", "1.2.399"),
        ("1.2.3.dev4", "1.2.3", "1.2.300"),
        ("1.2.3a1", "1.2.3", "1.2.302"),
        ("1.2.3b29", "1.2.3", "1.2.359"),
        ("1.2.3rc38", "1.2.3", "1.2.398"),
        ("1.2.3.post1", "1.2.3", ""),
        ("1.2.3a29", "1.2.3", ""),
        ("2026.11.4", "26.11.4", "26.11.499"),
        ("255.255.65535", "255.255.65535", ""),
        ("256.0", "", ""),
        ("1.256", "", ""),
        ("1.0.65536", "", ""),
        ("1.2.3.4", "1.2.3", "1.2.399"),
    ],
)
def test_the_three_numbers_of_windows_installer(text: str, plain: str, scaled: str) -> None:
    for told, wanted in ((plain, False), (scaled, True)):
        if told:
            assert names.msi(Version.parse(text), scaled=wanted) == told
        else:
            with pytest.raises(ConfigurationError) as caught:
                names.msi(Version.parse(text), scaled=wanted)
            assert caught.value.hint


@pytest.mark.parametrize("text", ["1.2.3.post1", "1.2.3.4", "1.0.655", "1.65536", "65536.0"])
def test_what_has_no_four_numbers(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        names.msix(Version.parse(text))
    assert caught.value.hint


def test_the_four_numbers_of_an_msix_compare_as_versions_do() -> None:
    ordered = ["0.9", "1.2.3.dev4", "1.2.3a1", "1.2.3b1", "1.2.3b11", "1.2.3rc1", "1.2.3", "1.2.4.dev1", "1.10", "2026.1"]
    numbers = [[int(number) for number in names.msix(Version.parse(text)).split(".")] for text in ordered]
    assert numbers == sorted(numbers)
    assert {(len(found), found[-1]) for found in numbers} == {(4, 0)}


def test_numbers_compare_as_versions_do() -> None:
    ordered = ["1.2.3.dev4", "1.2.3a1", "1.2.3b1", "1.2.3b11", "1.2.3rc1", "1.2.3", "1.2.3.post1", "1.2.3.1rc1", "1.2.4.dev1", "1.10"]
    numbers = [[int(number) for number in names.comparable(Version.parse(text)).split(".")] for text in ordered]
    assert numbers == sorted(numbers)
    assert {len(found) for found in numbers} == {6}


def test_names_of_artifacts() -> None:
    version = Version.parse("1.2.3rc1")
    assert names.archive("My_App", version, LINUX) == "My_App-1.2.3-rc.1-linux-x86_64.tar.gz"
    assert names.archive_folder("My_App", version) == "My_App-1.2.3-rc.1"
    assert names.setup("My_App", version, Target("windows", "x86_64")) == "My_App-1.2.3-rc.1-windows-x86_64-setup.exe"
    assert names.onefile("my-app", version, LINUX) == "my-app-1.2.3-rc.1-linux-x86_64"
    assert names.onefile("my-app", version, Target("windows", "x86_64")) == "my-app-1.2.3-rc.1-windows-x86_64.exe"
    assert names.deb(names.debian_package("My_App"), version, LINUX) == "my-app_1.2.3-rc.1_amd64.deb"
    assert names.deb("libdemo1.2++", version, Target("linux", "aarch64")) == "libdemo1.2_1.2.3-rc.1_arm64.deb"


@pytest.mark.parametrize(
    ("name", "package"), [("My_App", "my-app"), ("a.b_c", "a-b-c"), ("X", "x-app"), ("demo", "demo"), ("-a-", "a-app"), ("___", "app-app")]
)
def test_names_of_debian_packages(name: str, package: str) -> None:
    assert names.debian_package(name) == package


@given(VERSIONS)
def test_a_version_is_spelled_in_characters_that_stay(text: str) -> None:
    version = Version.parse(text)
    assert SEMVER.match(names.semver(version))
    # what Policy 5.6.12 allows; a hyphen only before the revision
    assert re.match(r"^\d[A-Za-z0-9.+~]*-\d+$", names.debian(version))
    assert re.match(r"^[A-Za-z0-9.~^]+$", names.rpm(version))
    assert re.match(r"^[A-Za-z0-9.]+$", names.arch(version))  # no hyphen: the revision follows one
    assert re.match(r"^\d+(\.\d+)*(_(alpha|beta|pre|rc|p)\d+)*-r\d+$", names.apk(version))


@given(VERSIONS)
def test_the_file_name_can_be_read_back(text: str) -> None:
    version = Version.parse(text)
    assert Version.parse(names.semver(version)) == version


@given(
    name=st.text(min_size=1),
    version=VERSIONS,
    target=st.sampled_from([LINUX, Target("linux", "aarch64"), Target("linux", "x86_64", musl=True)]),
)
def test_github_leaves_every_name_as_it_is(name: str, version: str, target: Target) -> None:
    read = Version.parse(version)
    package = names.debian_package(name)
    for made in (names.archive(name, read, target), names.onefile(name, read, target), names.deb(package, read, target)):
        assert KEPT.match(made)
    assert re.match(r"^[a-z0-9][a-z0-9+.-]+$", package)  # Policy 5.6.7


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}[A-Za-z0-9]", fullmatch=True))
def test_a_good_name_is_not_changed(name: str) -> None:
    assert names.safe(name) == name
