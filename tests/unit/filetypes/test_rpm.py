"""Headers of rpms are read without trust, and written as they were."""

from __future__ import annotations

import io
import struct

import pytest

from coldforge.filetypes import rpm

ENTRIES = {
    1000: rpm.Entry(6, 1, b"demo\0"),
    1028: rpm.Entry(4, 2, struct.pack(">II", 7, 9)),
    1117: rpm.Entry(8, 2, b"one\0two\0"),
    1009: rpm.Entry(4, 1, struct.pack(">I", 3)),
    5: rpm.Entry(7, 3, b"\0\1\2"),
}


def package(entries: dict[int, rpm.Entry], payload: bytes = b"payload") -> bytes:
    first = rpm.header({273: rpm.Entry(6, 1, b"sum\0")}, 62)
    return rpm.MAGIC.ljust(rpm.LEAD, b"\0") + first + bytes(-len(first) % 8) + rpm.header(entries, 63) + payload


def test_what_is_written_is_read() -> None:
    data = package(ENTRIES)
    signatures, header = rpm.headers(io.BytesIO(data))
    assert signatures.text(273) == "sum"
    assert header.text(1000) == "demo"
    assert header.numbers(1028) == (7, 9)
    assert header.texts(1117) == ("one", "two")
    assert header.numbers(1030) == ()
    assert (signatures.region, header.region) == (62, 63)
    assert rpm.header(header.entries, header.region) == data[header.start : header.end]
    assert data[header.end :] == b"payload"
    assert header.start % 8 == 0


def test_a_value_is_of_its_kind() -> None:
    _, header = rpm.headers(io.BytesIO(package(ENTRIES)))
    with pytest.raises(ValueError, match="number"):
        header.numbers(1000)
    with pytest.raises(ValueError, match="text"):
        header.text(1028)


@pytest.mark.parametrize("place", range(0, len(package(ENTRIES, b"")), 3))
def test_what_is_cut_off_or_damaged_is_told(place: int) -> None:
    data = package(ENTRIES, b"")
    with pytest.raises((ValueError, EOFError, struct.error)):
        rpm.headers(io.BytesIO(data[:place]))
    broken = data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
    try:
        rpm.headers(io.BytesIO(broken))
    except (ValueError, EOFError, struct.error):
        return
    assert place >= 4, "what is no rpm is none"
