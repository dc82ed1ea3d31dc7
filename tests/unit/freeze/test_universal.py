"""Two trees become one for both processors of Macs: code is put together, everything else must be the same."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from coldforge.errors import Refused
from coldforge.filetypes.macho import slices, united
from coldforge.freeze.index import index
from coldforge.freeze.universal import Half, unite
from coldforge.plan.model import Plan
from coldforge.plan.planner import make_plan
from coldforge.project.config import Config, Matrix, TargetConfig
from coldforge.records import Environment, FileEntry, Interpreter, Payload, Signature, SourceRecord, read
from support import payloads
from support.machos import fat, thin
from support.releases import ENVIRONMENT

INTEL, APPLE = thin("x86_64", since=(10, 13), signature=None), thin(since=(11, 0))
BOTH = fat(thin("x86_64", "bundle", since=(10, 9)), thin(kind="bundle"))
ONE: Mapping[str, bytes | str] = {
    "demo": INTEL,
    "lib/a.so": BOTH,
    "data.txt": b"alike\n",
    "now": "lib",
    "lib/b.so": thin("x86_64", "bundle", since=(10, 9)),
}
OTHER: Mapping[str, bytes | str] = {**ONE, "demo": APPLE, "lib/b.so": thin(kind="bundle", since=(11, 0))}


def plan_of(floor: str = "10.13") -> Plan:
    matrix = Matrix(
        targets={
            name: TargetConfig(formats=("tar.gz",), floor=floor if "2" in name else "")
            for name in ("macos-x86_64", "macos-aarch64", "macos-universal2")
        }
    )
    return make_plan(product=payloads.PRODUCT, config=Config(), source=SourceRecord(epoch=payloads.EPOCH), matrix=matrix, coldforge="0")


def half(folder: Path, target: str, contents: Mapping[str, bytes | str], environment: Environment = ENVIRONMENT) -> Half:
    root = folder / target / "payload"
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(content) if isinstance(content, str) else path.write_bytes(content)
        if name == "demo":
            path.chmod(0o755)
    files = index(root, {}, "demo")
    return Half(Payload(target=target, freezer="command", key=target, files=files, environment=environment), root)


def made(folder: Path, one: Mapping[str, bytes | str] = ONE, other: Mapping[str, bytes | str] = OTHER, **given: Any) -> Payload:
    plan = plan_of(**given)
    (target,) = (target for target in plan.targets if target.target == "macos-universal2")
    return unite(plan, target, (half(folder, "macos-x86_64", one), half(folder, "macos-aarch64", other)), folder / "macos-universal2")


def test_code_for_both_is_in_one_file_and_the_rest_is_as_it_was(tmp_path: Path) -> None:
    payload = made(tmp_path)
    assert (payload.target, payload.macos_floor, payload.findings) == ("macos-universal2", "10.13", ())
    assert read(tmp_path / "macos-universal2" / "payload.json", Payload) == payload
    root = tmp_path / "macos-universal2" / "payload"
    assert {entry.path: entry.kind for entry in payload.files} == {
        "data.txt": "data",
        "demo": "executable",
        "lib/a.so": "extension",
        "lib/b.so": "extension",
        "now": "link",
    }
    assert (root / "lib/a.so").read_bytes() == BOTH, "what was for both is left alone"
    assert (root / "demo").stat().st_mode & 0o777 == 0o755
    data = (root / "demo").read_bytes()
    parts = slices(io.BytesIO(data))
    assert {part.machine: data[part.offset : part.offset + part.size] for part in parts} == {"x86_64": INTEL, "aarch64": APPLE}
    assert [part.offset % (1 << 14 if part.machine == "aarch64" else 1 << 12) for part in parts] == [0, 0]


def test_what_was_made_of_the_same_is_not_made_again(tmp_path: Path) -> None:
    first = made(tmp_path / "a")
    (tmp_path / "a/macos-universal2/payload/data.txt").write_text("signed")
    for name in ("macos-x86_64", "macos-aarch64"):
        (tmp_path / "a" / name / "payload" / "now").unlink()
    assert made(tmp_path / "a") == first
    assert (tmp_path / "a/macos-universal2/payload/data.txt").read_text() == "signed"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data.txt": b"other\n"}, "data.txt is not the same in both, and is no code"),
        ({"more.txt": b""}, "more.txt is in macos-aarch64, and not in macos-x86_64"),
        ({"now": "data.txt"}, "now is not the same in both, and is no code"),
        ({"lib/a.so": thin("x86_64", "bundle")}, "lib/a.so: two files have code for x86_64, and not the same"),
        ({"demo": INTEL[:-3]}, "demo: "),
    ],
)
def test_trees_that_are_not_alike_are_refused_by_file(changes: dict[str, bytes | str], words: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="macos-universal2 cannot be made of the two trees") as told:
        made(tmp_path, other={**OTHER, **changes})
    assert any(problem.what.startswith(words) for problem in told.value.problems)
    assert not (tmp_path / "macos-universal2" / "payload").exists(), "nothing is left half made"


def test_two_pythons_are_not_one(tmp_path: Path) -> None:
    plan = plan_of()
    halves = [
        half(tmp_path, target, {}, msgspec.structs.replace(ENVIRONMENT, interpreter=Interpreter(version=version, build="", sha256="")))
        for target, version in (("macos-x86_64", "3.12.1"), ("macos-aarch64", "3.12.2"))
    ]
    with pytest.raises(Refused) as told:
        unite(plan, plan.targets[1], (halves[0], halves[1]), tmp_path / "out")
    assert told.value.problems[0].what == "macos-x86_64 was frozen by command 3.12.1, macos-aarch64 by command 3.12.2"


def test_what_is_signed_is_not_united_for_its_signatures_would_be_lost(tmp_path: Path) -> None:
    plan, mark = plan_of(), Signature(key="", size=1, sha256="", data="")
    one, other = half(tmp_path, "macos-x86_64", ONE), half(tmp_path, "macos-aarch64", OTHER)
    signed = one._replace(payload=msgspec.structs.replace(one.payload, sealed={"Demo.app/Contents/MacOS/demo": mark}))
    with pytest.raises(Refused) as told:
        unite(plan, plan.targets[1], (signed, other), tmp_path / "out")
    assert [problem.what for problem in told.value.problems] == ["macos-x86_64 is signed already"]


def test_an_index_is_not_believed_that_names_what_is_not_in_the_tree(tmp_path: Path) -> None:
    plan = plan_of()
    one, other = half(tmp_path, "macos-x86_64", ONE), half(tmp_path, "macos-aarch64", OTHER)
    (tmp_path / "outside").write_bytes(INTEL)
    lies = [
        half._replace(
            payload=msgspec.structs.replace(
                half.payload,
                files=(
                    *half.payload.files,
                    FileEntry(path="../../outside", kind="executable", sha256=half.payload.target, origin=half.payload.files[0].origin),
                ),
            )
        )
        for half in (one, other)
    ]
    with pytest.raises(Refused, match="the payload of macos-x86_64 has changed since it was frozen"):
        unite(plan, plan.targets[1], (lies[0], lies[1]), tmp_path / "macos-universal2")
    assert (tmp_path / "outside").read_bytes() == INTEL


def test_code_for_one_processor_alone_is_no_code_for_both(tmp_path: Path) -> None:
    alike = {**ONE, "demo": fat(INTEL, APPLE)}
    with pytest.raises(Refused) as told:
        made(tmp_path, one=alike, other=alike)
    assert told.value.problems[0].what == "[floor] lib/b.so (from demo) is made for x86_64, macos-universal2 has aarch64"


def test_the_promise_is_about_both(tmp_path: Path) -> None:
    with pytest.raises(Refused) as told:
        made(tmp_path, floor="10.12")
    assert [problem.what for problem in told.value.problems] == ["[floor] demo (from demo) needs macOS 10.13, 10.12 is promised"]


def test_order_does_not_matter_and_damage_is_refused() -> None:
    assert united([INTEL, APPLE]) == united([APPLE, INTEL]) == united([fat(APPLE), INTEL])
    with pytest.raises(ValueError, match="no Mach-O file"):
        united([INTEL, b"text"])
