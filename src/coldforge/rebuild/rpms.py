"""An rpm as members: its lead, every value of its headers, and the payload, which unpacks to a cpio archive.

Sources: https://rpm-software-management.github.io/rpm/manual/format_v4.html and cpio(5)
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Final

from coldforge.filetypes import rpm
from coldforge.rebuild.members import ENTRIES, Container, Member
from coldforge.rebuild.verdict import What
from coldforge.rebuild.views import Budget, file_of, part

CPIO: Final = b"070701"
_HEADER: Final = 110
_NAMES: Final = {1000: "name", 1001: "version", 1002: "release", 1006: "build time", 1007: "build host"}


def package(view: memoryview, _budget: Budget) -> Container:
    """The parts of an rpm. Raises one of `damage()`."""
    signatures, header = rpm.headers(file_of(view))
    members = [
        Member(name="lead", read=partial(part, view, 0, rpm.LEAD)),
        *(Member(name=f"signature tag {tag}", read=partial(_view, entry)) for tag, entry in signatures.entries.items()),
        *(Member(name=_called(tag), read=partial(_view, entry)) for tag, entry in header.entries.items()),
        Member(name="payload", read=partial(part, view, header.end, len(view) - header.end)),
    ]
    # the payload first: what differs in a file says more than the sum of it in the header
    return Container(kind="rpm", members=tuple(sorted(members, key=lambda member: member.name != "payload")))


def _view(entry: rpm.Entry) -> memoryview:
    return memoryview(entry.data)


def _called(tag: int) -> str:
    return f"tag {tag} ({_NAMES[tag]})" if tag in _NAMES else f"tag {tag}"


def cpio(view: memoryview, _budget: Budget) -> Container:
    """The entries of a cpio archive of the new ASCII format."""
    return Container(kind="cpio", members=tuple(islice(_entries(view), ENTRIES)))


def _entries(view: memoryview) -> Iterator[Member]:
    position = 0
    while True:
        head = bytes(view[position : position + _HEADER])
        if len(head) < _HEADER or not head.startswith(CPIO):
            raise ValueError("a header of it is damaged")
        _, mode, uid, gid, _, time, size, *_, length, _ = (int(head[at : at + 8], 16) for at in range(6, _HEADER, 8))
        content = position + _HEADER + length
        name = bytes(view[position + _HEADER : content]).rstrip(b"\0").decode(errors="surrogateescape")
        content += -content % 4
        if content + size > len(view):
            raise ValueError("it is cut off")
        if name == "TRAILER!!!":
            return
        facts: dict[What, str] = {"mode": f"{mode:o}", "owner": f"{uid}:{gid}", "time": str(time)}
        yield Member(name=name, facts=facts, read=partial(part, view, content, size))
        position = content + size + -size % 4
