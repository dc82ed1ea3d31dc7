"""Whose bytes a payload's are: every file counts once, and what is packed into the executables is its owner's."""

from __future__ import annotations

import msgspec

from coldforge.bundle.weights import shares
from coldforge.records import Component, FileEntry, Origin, Payload
from support.releases import ENVIRONMENT

APP = Origin(kind="application", name="My.App")
RICH = Origin(kind="distribution", name="rich", version="14.0")
FILES = (
    FileEntry(path="app", kind="executable", mode=0o755, size=1000, sha256="0", origin=APP),
    FileEntry(path="other", kind="executable", mode=0o755, size=1100, sha256="1", origin=APP),
    FileEntry(path="_internal/tools/helper", kind="executable", mode=0o755, size=5000, sha256="2", origin=APP),
    FileEntry(path="_internal/rich/emoji.txt", kind="data", size=70, sha256="3", origin=RICH),
    FileEntry(path="_internal/link", kind="link", link="rich", origin=RICH),
)
PARTS = (
    Component(kind="application", name="my-app", version="1", size=5000, archived=100),
    Component(kind="distribution", name="rich", version="14.0", license="MIT", size=70, archived=600),
    Component(kind="freezer", name="pyinstaller", version="6.0"),
)
PAYLOAD = Payload(target="linux-x86_64", freezer="pyinstaller", key="", files=FILES, components=PARTS, environment=ENVIRONMENT)


def sizes(payload: Payload) -> dict[str, int]:
    """What each part weighs."""
    return {share.part.name: share.size for share in shares(payload)}


def test_the_archive_of_each_executable_is_shared_out_and_the_rest_of_it_is_the_boot_loader() -> None:
    assert sizes(PAYLOAD) == {"my-app": 5000 + 2 * 100, "rich": 70 + 2 * 600, "pyinstaller": 300 + 400}
    assert sum(sizes(PAYLOAD).values()) == PAYLOAD.size


def test_every_file_belongs_to_one_part_and_the_largest_comes_first() -> None:
    found = shares(PAYLOAD)
    assert sorted(entry.path for share in found for entry in share.files) == sorted(entry.path for entry in FILES)
    assert [share.part for share in found] == [PARTS[0], PARTS[1], PARTS[2]]


def test_without_a_list_of_parts_the_files_name_them() -> None:
    payload = msgspec.structs.replace(PAYLOAD, components=())
    assert sizes(payload) == {"My.App": 7100, "rich": 70}
    assert shares(payload)[1].part.version == "14.0"


def test_a_program_that_is_smaller_than_the_archive_has_none() -> None:
    small = msgspec.structs.replace(FILES[0], size=10)
    assert sizes(msgspec.structs.replace(PAYLOAD, files=(small,))) == {"my-app": 10, "rich": 0, "pyinstaller": 0}
