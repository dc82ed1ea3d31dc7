"""What nfpm is told: every file with owner, mode and time, and no word that it would replace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from coldforge.bundle import deb, nfpm
from coldforge.bundle.tree import Node, load
from coldforge.project.config import Config, DebConfig, Executable
from support import payloads

GOLDEN = Path(__file__).parents[2] / "golden" / "deb.json"


def told(folder: Path, **changes: Any) -> dict[str, Any]:
    product = replace(payloads.PRODUCT, **changes.pop("product", {}))
    job = payloads.job(folder, "deb", product, **changes)
    tree = load(job.payload, job.folder / "payload", payloads.EPOCH)
    scratch = folder / "scratch"
    scratch.mkdir()
    return deb.configuration(job, tree, scratch)


def test_the_whole_configuration(tmp_path: Path) -> None:
    made = nfpm.document(told(tmp_path)).decode().replace(str(tmp_path), "PROJECT")
    assert json.loads(made) == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_everything_has_an_owner_a_mode_and_the_one_time(tmp_path: Path) -> None:
    contents = told(tmp_path)["contents"]
    assert {tuple(entry["file_info"][key] for key in ("owner", "group", "mtime")) for entry in contents} == {
        ("root", "root", "2023-11-14T22:13:20Z")
    }
    assert {entry["file_info"]["mode"] for entry in contents if entry.get("type") != "symlink"} == {0o755, 0o644}
    assert len({entry["dst"] for entry in contents}) == len(contents)


def test_no_path_of_this_machine_is_anywhere_but_in_sources(tmp_path: Path) -> None:
    made = told(tmp_path)
    contents = [{key: value for key, value in entry.items() if key != "src"} for entry in made.pop("contents")]
    assert str(tmp_path) not in json.dumps([made, contents])


def test_each_executable_has_a_relative_link_and_a_page(tmp_path: Path) -> None:
    two = (Executable(name="demo", entry="d:m"), Executable(name="demo-gui", entry="d:g", console=False))
    entries = {entry["dst"]: entry for entry in told(tmp_path, product={"executables": two})["contents"]}
    for name in ("demo", "demo-gui"):
        assert entries[f"/usr/bin/{name}"]["src"] == f"../lib/demo/{name}"
        assert f"/usr/share/man/man1/{name}.1.gz" in entries
    assert "/usr/share/applications/demo.desktop" in entries


def test_the_users_words_come_in_and_begin_no_field(tmp_path: Path) -> None:
    config = Config(deb=DebConfig(package="other", section="games\nEvil: yes", revision=3, recommends=("git\nX: y",), priority="extra"))
    made = told(tmp_path, config=config, product={"homepage": "https://x\nEvil: yes", "maintainer": "A\nB: <a@b.c>"})
    assert (made["name"], made["release"], made["priority"]) == ("other", "3", "extra")
    assert made["section"] == "games Evil: yes"
    assert made["recommends"] == ["git X: y"]
    assert "\n" not in made["homepage"] + made["maintainer"]
    assert any(entry["dst"] == "/usr/lib/other/demo" for entry in made["contents"])


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        ("libx.so", 0o644), ("a/libx.so.1.2", 0o644), ("m.cpython-311-x86_64-linux-gnu.so", 0o644), ("libpython3.11.so.1.0", 0o644),
        ("demo", 0o755), ("my.software", 0o755), ("x.socket", 0o755), ("lib.so/tool", 0o755),
    ],
)  # fmt: skip
def test_libraries_are_not_executable(path: str, mode: int) -> None:
    assert deb.mode(Node(path=path, mode=0o755)) == mode


def test_a_dollar_means_itself_where_nfpm_would_replace_it() -> None:
    made = json.loads(nfpm.document({"description": "$HOME $$ ${X}", "depends": ["a$b"], "section": "$", "contents": [{"dst": "/$HOME"}]}))
    assert made == {
        "description": "${DOLLAR}HOME ${DOLLAR}${DOLLAR} ${DOLLAR}{X}",
        "depends": ["a${DOLLAR}b"],
        "section": "$",
        "contents": [{"dst": "/$HOME"}],
    }
