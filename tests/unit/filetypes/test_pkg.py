"""Packages for macOS without what signs them: what may be left out of their table, and what may not."""

from __future__ import annotations

import hashlib
import io
import zlib

import pytest

from coldforge.bundle.macos import xar as writer
from coldforge.filetypes import pkg, signed, spans, xar

CONTENT = {"Distribution": b"<installer/>" * 40, "demo.pkg/Bom": b"bom", "demo.pkg/Payload": b"payload"}


def written(content: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    writer.write(content, stream, 0)
    return stream.getvalue()


def again(data: bytes, table: bytes) -> bytes:
    """An archive with another table, its checksum right."""
    heap = xar.toc(io.BytesIO(data)).heap
    packed = zlib.compress(table)
    head = xar.HEADER.pack(xar.MAGIC, xar.HEADER.size, 1, len(packed), len(table), 1)
    return head + packed + hashlib.sha1(packed, usedforsecurity=False).digest() + data[heap + 20 :]


def table(data: bytes) -> bytes:
    return zlib.decompress(xar.toc(io.BytesIO(data)).packed)


def joined(data: bytes) -> bytes:
    stream = io.BytesIO(data)
    return b"".join(spans.pieces(stream, pkg.unsigned(stream)[0]))


def test_the_table_has_one_form_whoever_wrote_it() -> None:
    data = written(CONTENT)
    assert joined(data) == data
    assert joined(again(data, table(data).replace(b"><", b">\n<"))) == data


def test_a_table_of_any_length_is_not_compressed() -> None:
    data = written({f"folder/{number}": b"" for number in range(400)})
    assert len(table(data)) > 2 * 0xFFFF
    assert table(data) in zlib.decompress(xar.toc(io.BytesIO(data)).packed)
    assert len(xar.toc(io.BytesIO(data)).packed) > len(table(data))
    assert len(xar.entries(io.BytesIO(data)).entries) == 400


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"<mode>0644</mode>", b"<mode>4755</mode>"),
        (b"<type>file</type>", b"<type>symlink</type>"),
        (b"<name>Bom</name>", b'<name enctype="base64">Qm9t</name>'),
        (b"<name>Bom</name>", b"<name>Bom</name><uid>0</uid>"),
        (b"<toc>", b"<toc><subdoc/>"),
        (b"<name>demo.pkg</name>", b"<name>other/demo.pkg</name>"),
        (b"</toc>", b'<file id="9"><name>empty</name><type>directory</type><mode>0755</mode></file></toc>'),
        (b"<toc>", b"<toc><signature><offset>20</offset><size>0</size></signature><signature/>"),
        (b'<encoding style="application/octet-stream" />', b'<encoding style="application/octet-stream" /><ea/>'),
    ],
)
def test_what_could_matter_is_never_left_out(before: bytes, after: bytes) -> None:
    data = written(CONTENT)
    assert before in table(data)
    changed = again(data, table(data).replace(before, after, 1))
    with pytest.raises(ValueError, match=r"there (is|are)"):
        pkg.unsigned(io.BytesIO(changed))
    stream = io.BytesIO(changed)
    whole = signed.unsigned(stream)
    assert b"".join(spans.pieces(stream, whole.spans)) == changed
    assert not whole.was_signed


def test_room_between_files_is_not_left_out() -> None:
    data = written(CONTENT)
    start, end = (table(data).index(words) for words in (b'<file id="3">', b'<file id="4">'))
    without = table(data)[:start] + table(data)[end:]
    assert [entry.path for entry in xar.entries(io.BytesIO(again(data, without))).entries] == ["Distribution", "demo.pkg/Payload"]
    with pytest.raises(ValueError, match="between its files"):
        pkg.unsigned(io.BytesIO(again(data, without)))


@pytest.mark.parametrize("style", [b"md5", b""])
def test_a_checksum_that_is_not_read_is_told(style: bytes) -> None:
    data = written(CONTENT)
    changed = again(data, table(data).replace(b'<checksum style="sha1">', b'<checksum style="%s">' % style))
    with pytest.raises(ValueError, match="which is not read"):
        pkg.read(io.BytesIO(changed))


def test_nothing_is_stapled_to_what_nobody_signed() -> None:
    stream = io.BytesIO(written(CONTENT))
    with pytest.raises(ValueError, match="it is not signed"):
        pkg.stapled(stream, b"ticket")
    with pytest.raises(ValueError, match="it is not signed"):
        pkg.detached(stream)
    with pytest.raises(ValueError, match="it is not signed"):
        pkg.record(stream)
    with pytest.raises(ValueError, match="of another package"):
        pkg.attached(stream, stream.getvalue()[: xar.toc(stream).heap + 20])
    assert pkg.read(stream) is None
