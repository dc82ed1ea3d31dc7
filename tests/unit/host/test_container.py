"""What is read from a container: lines in pieces, and the kernel's route tables."""

from __future__ import annotations

from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st

from coldforge.host.container import split_lines, unframed, ways_out

HEADER = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
IPV4 = "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
LOOPBACK6 = f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 00000001 00000000 00200200       lo\n"
IPV6 = f"fe80{'0' * 28} 40 {'0' * 32} 00 {'0' * 32} 00000100 00000001 00000000 00000001     tap0\n"


def test_an_isolated_container_has_no_way_out() -> None:
    assert ways_out(HEADER) == frozenset()
    assert ways_out(HEADER + LOOPBACK6) == frozenset()


def test_every_way_out_is_named() -> None:
    assert ways_out(HEADER + IPV4) == frozenset({"eth0"})
    assert ways_out(HEADER + IPV4 + LOOPBACK6 + IPV6) == frozenset({"eth0", "tap0"})
    assert ways_out(HEADER + IPV6) == frozenset({"tap0"})


def test_what_cannot_be_read_proves_nothing() -> None:
    assert ways_out("") is None
    assert ways_out("cat: /proc/net/route: No such file or directory") is None


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))), st.data())
def test_lines_come_out_whole_however_they_are_cut(lines: list[str], data: st.DataObject) -> None:
    stream = "".join(f"{line}\r\n" for line in lines).encode()
    chunks = []
    while stream:
        length = data.draw(st.integers(min_value=1, max_value=len(stream)))
        chunks.append(stream[:length])
        stream = stream[length:]
    assert list(split_lines(chunks)) == lines


def test_a_last_line_without_an_end_is_a_line() -> None:
    assert list(split_lines([b"one\ntw", b"o"])) == ["one", "two"]


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1))))
def test_what_a_program_printed_comes_out_of_the_frames(pieces: list[tuple[int, bytes]]) -> None:
    stream = b"".join(bytes([number, 0, 0, 0]) + len(data).to_bytes(4) + data for number, data in pieces)
    assert list(unframed(BytesIO(stream))) == [data for _, data in pieces]
