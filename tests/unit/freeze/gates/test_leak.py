"""Traces of the machine and the user: found wherever they hide, and nothing else taken for one."""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pytest

from coldforge.filetypes import within
from coldforge.freeze.gates import Known
from coldforge.freeze.gates.leak import BLOCK, MOST, MOST_HELD, Hit, Learned, Searched, Trace, from_traces, search, traces
from coldforge.host.files import digest
from coldforge.records import Finding, Origin
from support.containers import carchive, packed_modules, zipped

PROJECT, PREFIX = "the folder of the project", "the folder of the Python that is frozen"
FOLDERS = {PROJECT: ["/home/ann/demo"], PREFIX: ["/home/ann/.pyenv/versions/3.11.7"]}
WANTED = traces(FOLDERS, user="ann", hosts={"annas-x1", ""})
PYTHON = Origin(kind="python", name="python", version="3.11.7")
KNOWN = Known(
    origins={"base_library.zip": PYTHON, "_internal/libpython3.11.so": PYTHON, "demo": Origin(kind="application", name="demo")},
    modules={"wheel.config": Origin(kind="distribution", name="wheel", version="1.2")},
)


def written(root: Path, files: Mapping[str, bytes]) -> dict[str, str]:
    """The digests of the files, by their paths in order."""
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return {name: digest(files[name], "sha256") for name in sorted(files)}


def found(root: Path, files: Mapping[str, bytes], wanted: tuple[Trace, ...] = WANTED) -> list[Finding]:
    return list(from_traces(search(root, written(root, files), wanted, Searched()), KNOWN))


def code(constant: str) -> bytes:
    return marshal.dumps(compile(f"def where():\n    return {constant!r}\n", "demo/cli.py", "exec"))


@pytest.mark.parametrize(
    "constant", ["/home/ann/demo", "/home/ann/demo/data/words.txt", "file:///home/ann/demo", "x" * 70 + "/home/ann/demo"]
)
def test_a_path_in_a_constant_of_a_packed_module_is_found(constant: str, tmp_path: Path) -> None:
    packed = carchive({"PYZ.pyz": packed_modules({"demo.clean": code("/usr/share"), "wheel.config": code(constant)})})
    (finding,) = found(tmp_path, {"demo": packed})
    assert (finding.gate, finding.level, finding.path) == ("leak", "error", "demo")
    assert finding.message.splitlines()[0] == "wheel.config in demo (from wheel 1.2) holds the folder of the project"
    assert "/home/ann/demo" in finding.message.splitlines()[1]


def test_the_record_of_a_leak_does_not_leak(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, {"demo": b"at /home/ann/demo"})
    assert "ann" not in finding.message.splitlines()[0]


@pytest.mark.parametrize("place", [BLOCK - 5, BLOCK - 1, BLOCK, 2 * BLOCK - 9])
def test_none_is_lost_between_two_blocks(place: int, tmp_path: Path) -> None:
    assert len(found(tmp_path, {"data": b"\0" * place + b"/home/ann/demo" + b"\0" * 30})) == 1


def test_in_a_zip_in_a_one_file_program_and_in_plain_data(tmp_path: Path) -> None:
    library = zipped({"site.pyc": code("/home/ann/demo")})
    findings = found(tmp_path, {"one": carchive({"base_library.zip": library}), "notes.txt": b"see /home/ann/demo/x"})
    assert {finding.message.splitlines()[0] for finding in findings} == {
        "notes.txt holds the folder of the project",
        "site.pyc in one (from python 3.11.7) holds the folder of the project",
    }


def test_what_python_itself_holds_is_a_warning_and_the_same_in_any_other_file_is_not(tmp_path: Path) -> None:
    prefix = b"/home/ann/.pyenv/versions/3.11.7/lib"
    python, data = found(tmp_path, {"_internal/libpython3.11.so": prefix, "data": prefix})
    assert (python.level, python.message.splitlines()[0]) == (
        "warning",
        f"_internal/libpython3.11.so (from python 3.11.7) holds {PREFIX}",
    )
    assert (data.level, data.message.splitlines()[0]) == ("error", f"data holds {PREFIX}")


def test_many_files_of_one_origin_are_one_finding(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, {f"{number}.txt": b"/home/ann/demo" for number in range(5)})
    assert finding.message.splitlines()[0] == "0.txt, 1.txt, 2.txt and 2 more hold the folder of the project"


@pytest.mark.parametrize("text", ["/home/ann/.bashrc", "/Users/ann/Library", "built on annas-x1.local"])
def test_the_user_and_the_machine_are_found(text: str, tmp_path: Path) -> None:
    assert [finding.level for finding in found(tmp_path, {"data": text.encode()})] == ["error"]


@pytest.mark.parametrize(
    "text", ["/home/anna/x", "ann", "Ann Author <ann@example.org>", "/home/annex", "/home/runner/work/wheel", "/root/.cargo"]
)
def test_what_is_there_by_chance_is_no_trace(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, {"data": text.encode()}) == []


@pytest.mark.parametrize(
    "folder", ["/work", "/app/", "/root", "/home/runner", "/usr/local", "/usr/lib/python3.11", "/opt/hostedtoolcache/Python", ""]
)
def test_folders_that_every_system_has_are_not_searched_for(folder: str) -> None:
    assert traces({PROJECT: [folder]}, user="root", hosts={"localhost"}) == ()


@pytest.mark.parametrize("user", ["root", "runner", "build", "user", "ci"])
def test_users_that_every_second_machine_has_are_not_searched_for(user: str) -> None:
    assert traces({}, user=user, hosts=set()) == ()


@pytest.mark.parametrize(
    ("host", "text"),
    [
        ("build", ""),
        ("debian-12", ""),
        ("vm", ""),
        ("ubuntu-2404.local", ""),
        ("thinkpad", "@thinkpad"),
        ("pc7", ""),
        ("ann7", "@ann7"),
        ("annas-x1", "annas-x1"),
    ],
)
def test_a_machine_counts_by_its_name_alone_when_that_is_no_word(host: str, text: str) -> None:
    assert [trace.text.decode() for trace in traces({}, user="", hosts={host})] == [text] * bool(text)


class Looked:
    """Searches and learns; which files and pieces were looked into."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.before, self.into = root, Learned(), list[tuple[str, ...]]()
        pieces = within.pieces

        def noted(stream: BinaryIO, names: tuple[str, ...], depth: int = 4, known: within.Known = lambda _n, _d: False) -> Any:
            for names_, piece in pieces(stream, names, depth, known):
                if len(names) == 1:
                    self.into.append(names_)
                yield names_, piece

        monkeypatch.setattr(within, "pieces", noted)

    def __call__(self, files: Mapping[str, bytes]) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
        self.into.clear()
        searched = Searched(self.before)
        hits = search(self.root, written(self.root, files), WANTED, searched)
        into = list(dict.fromkeys(self.into))
        assert hits == search(self.root, written(self.root, files), WANTED, Searched())
        learned = searched.learned(hits, WANTED)
        self.before = msgspec.json.decode(msgspec.json.encode(learned), type=Learned)
        return [hit.names for hit in hits], into


def test_what_was_searched_is_not_looked_into_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = Looked(tmp_path, monkeypatch)
    modules = {"clean": code("/usr/share"), "told": code("/home/ann/demo"), "other": code("other")}
    files = {"demo": carchive({"PYZ.pyz": packed_modules(modules), "lib.so": b"library"}), "words": b"of no folder"}
    told = ("demo", "PYZ.pyz", "told")
    hits, into = looked(files)
    assert hits == [told]
    assert {("words",), ("demo", "lib.so"), ("demo", "PYZ.pyz", "clean")} < set(into)
    assert looked(files) == ([told], [])
    more = {"demo": carchive({"PYZ.pyz": packed_modules(modules), "lib.so": b"another"})}
    assert looked({**files, **more}) == ([told], [("demo",), ("demo", "lib.so")])
    mended = {**modules, "told": code("nothing"), "other": code("/home/ann/demo")}
    hits, into = looked({**files, "demo": carchive({"PYZ.pyz": packed_modules(mended), "lib.so": b"library"})})
    assert hits == [("demo", "PYZ.pyz", "other")]
    assert ("demo", "PYZ.pyz", "told") in into
    assert ("demo", "PYZ.pyz", "clean") not in into
    looked({"words": b"of /home/ann/demo"})
    assert looked({"words": b"of /home/ann/demo", "copy": b"of no folder"}) == ([("words",)], [])


def test_an_archive_in_an_archive_is_not_known_from_another_depth() -> None:
    searched = Searched()
    assert not searched.known(("one",), "a" * 64)
    again = Searched(searched.learned([], WANTED))
    assert again.known(("two",), "a" * 64)
    assert not again.known(("two", "within"), "a" * 64)


def test_the_last_that_were_met_are_remembered_and_nothing_that_led_to_a_trace_anywhere() -> None:
    searched = Searched(Learned(nothing=tuple(f"1 {number:064d}" for number in range(MOST))))
    searched.known(("good",), "a" * 64)
    searched.known(("bad",), "b" * 64)
    searched.known(("twin",), "b" * 64)
    learned = searched.learned([Hit(("bad",), WANTED[0], "")], WANTED)
    assert (learned.nothing[0], len(learned.nothing)) == (f"1 {'a' * 64}", MOST)
    assert f"1 {'b' * 64}" not in learned.nothing
    assert learned.hold == {f"1 {'b' * 64}": (Hit((), WANTED[0], ""),)}


def test_nothing_is_learned_of_what_holds_a_folder_of_one_build_only() -> None:
    searched = Searched()
    searched.known(("demo",), "a" * 64)
    searched.known(("demo", "module"), "b" * 64)
    hits = [Hit(("demo", "module"), trace, "") for trace in WANTED[:2]]
    assert searched.learned(hits, WANTED[:1]) == Learned()
    both = (Hit((), WANTED[0], ""), Hit((), WANTED[1], ""))
    assert searched.learned(hits, WANTED).hold[f"2 {'b' * 64}"] == both


def test_as_much_is_remembered_of_what_holds_something_as_there_is_room() -> None:
    hit = Hit((), WANTED[0], "")
    searched = Searched(Learned(hold={f"1 {number:064d}": (hit,) for number in range(MOST_HELD)}))
    searched.known(("new",), "a" * 64)
    learned = searched.learned([Hit(("new",), WANTED[0], "")], WANTED)
    assert len(learned.hold) == MOST_HELD
    assert learned.hold[f"1 {'a' * 64}"] == (hit,)
