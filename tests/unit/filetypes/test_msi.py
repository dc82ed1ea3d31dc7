"""Tables of Windows Installer's databases, in the form that they have in streams."""

from __future__ import annotations

import struct

import pytest

from coldforge.filetypes.msi import _paths, _readable, _rows, _texts

TEXT, BINARY, SHORT, LONG = 0x2D48, 0x900, 0x1502, 0x104


def pool(*texts: bytes, flags: int = 0) -> bytes:
    return struct.pack("<HH", 65001, flags) + b"".join(
        struct.pack("<HH", len(text), 1) if len(text) < 1 << 16 else struct.pack("<HHI", 0, 1, len(text)) for text in texts
    )


def test_names_of_streams_are_read_as_people_write_them() -> None:
    spelled = "\u4840\u3f3f\u4577\u446c\u3e6a\u44b2\u482f\0".encode("utf-16-le")
    assert _readable(spelled) == "!_StringPool"
    assert _readable("\x05Summary\0".encode("utf-16-le")) == "\x05Summary"


def test_texts_are_numbered_from_one_and_may_be_long() -> None:
    texts = ("größe".encode(), b"x" * 70_000, b"end")
    assert _texts(pool(*texts), b"".join(texts)) == (2, ["", "größe", "x" * 70_000, "end"])
    assert _texts(pool(b"a", flags=0x8000), b"a") == (3, ["", "a"])


@pytest.mark.parametrize("width", [2, 3])
def test_rows_are_columns_one_after_the_other(width: int) -> None:
    columns = [("Name", TEXT), ("Data", BINARY), ("Order", SHORT), ("Size", LONG)]
    names = b"".join(number.to_bytes(width, "little") for number in (1, 2))
    data = names + struct.pack("<HHHHII", 1, 1, 0x8005, 0x7FFF, 0, 0x80000000 + 70_000)
    assert list(_rows(data, columns, width, ["", "a", "b"])) == [
        {"Name": "a", "Data": "-32767", "Order": "5", "Size": ""},
        {"Name": "b", "Data": "-32767", "Order": "-1", "Size": "70000"},
    ]
    with pytest.raises(ValueError, match="cut off"):
        list(_rows(data[:-1], columns, width, ["", "a", "b"]))
    with pytest.raises(IndexError):
        list(_rows(data, columns, width, ["", "a"]))


def test_files_lie_where_components_and_folders_say() -> None:
    def folder(name: str, parent: str, default: str) -> dict[str, str]:
        return {"Directory": name, "Directory_Parent": parent, "DefaultDir": default}

    def file(name: str, component: str, title: str) -> dict[str, str]:
        return {"File": name, "Component_": component, "FileName": title}

    folders = [folder("ROOT", "", "SourceDir"), folder("sys", "ROOT", "."), folder("app", "sys", "DEMO~1|a demo:x"), folder("x", "y", "x")]
    tables = {
        "Directory": [*folders, folder("y", "x", "y")],
        "Component": [{"Component": "c", "Directory_": "app"}, {"Component": "round", "Directory_": "x"}],
        "File": [file("f", "c", "READ~1.TXT|read me.txt"), file("g", "none", "g"), file("h", "round", "h")],
    }
    found = dict(_paths(tables))
    assert (found["f"], found["g"]) == ("a demo/read me.txt", "g")
    assert found["h"].endswith("/y/x/h"), "folders in a circle have an end all the same"
