"""Codes that stay, texts that mean themselves, and what is changed in a database's container."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge.bundle import BundleJob
from coldforge.bundle.tree import Tree
from coldforge.bundle.windows import msi, msistreams
from coldforge.errors import BuildFailed
from coldforge.plan.planner import make_plan
from coldforge.project.config import Config, Executable, Matrix, TargetConfig
from coldforge.project.desktop import FileAssociation
from coldforge.records import Payload, SourceRecord
from support import payloads
from support.releases import ENVIRONMENT


def test_codes_are_made_of_names_alone() -> None:
    assert msi.code("upgrade demo x86_64") == msi.code("upgrade demo x86_64")
    assert msi.code("upgrade demo x86_64") != msi.code("upgrade demo aarch64")
    assert msi.code("x") == msi.code("x").upper()
    assert msi.key("f", "a") != msi.key("d", "a")
    assert len(msi.key("f", "a" * 300)) <= 72, "identifiers end there"


def test_brackets_are_brackets() -> None:
    assert msi.formatted("a[b]{c}") == r"a[\[]b[\]][\{]c[\}]"


@pytest.mark.parametrize("data", [b"", b"MZ", bytes.fromhex("d0cf11e0a1b11ae1"), bytes.fromhex("d0cf11e0a1b11ae1") + bytes(4096)])
def test_what_is_no_database_is_not_changed(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "made.msi"
    path.write_bytes(data)
    with pytest.raises(BuildFailed, match=r"made\.msi is no database"):
        msistreams.normalise(path, "{}", 0, 1252)
    assert path.read_bytes() == data


def test_texts_of_the_summary_are_in_the_code_page_that_it_names() -> None:
    told = "Größe, ✨".encode() + bytes(2)
    summary = bytearray(44) + struct.pack("<I", 48) + struct.pack("<IIII", 0, 1, 4, 16) + struct.pack("<II", 0x1E, len(told)) + told
    size = len(summary)
    msistreams.change(summary, "{}", 0, 1252)
    (length,) = struct.unpack_from("<I", summary, 68)
    assert summary[72 : 72 + length] == "Größe, ".encode("cp1252") + b"\0"
    assert len(summary) == size
    assert not any(summary[72 + length :])


def test_a_kind_of_files_needs_no_name_of_its_own(tmp_path: Path) -> None:
    kind = FileAssociation(mime_type="application/x-demo", extensions=("demo",))
    product = replace(payloads.PRODUCT, executables=(Executable(name="demo", entry="demo", file_associations=(kind,)),))
    matrix = Matrix(targets={"windows-x86_64": TargetConfig(formats=("msi",))})
    plan = make_plan(product=product, config=Config(), source=SourceRecord(epoch=0), matrix=matrix, coldforge="0")
    payload = Payload(target="windows-x86_64", freezer="command", key="k", files=(), environment=ENVIRONMENT)
    (target,) = plan.targets
    job = BundleJob(project=tmp_path, plan=plan, target=target, artifact=target.artifacts[0], payload=payload, folder=tmp_path)
    msi.check(Tree(nodes=(), epoch=0), job)
