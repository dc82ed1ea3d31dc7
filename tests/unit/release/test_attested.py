"""What bundles are about."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldforge.records import ATTESTATIONS
from coldforge.release.attested import subjects, unattested


def bundle(*pairs: tuple[str, str], **layout: int) -> str:
    statement = {"subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in pairs]}
    return json.dumps({"dsseEnvelope": {"payload": base64.b64encode(json.dumps(statement).encode()).decode()}}, **layout)  # type: ignore[arg-type]


def test_all_subjects_of_all_bundles(tmp_path: Path) -> None:
    path = tmp_path / ATTESTATIONS
    path.write_text(f"{bundle(('a', '1'), ('b', '2'))}\n\n{bundle(('c', '3'))}\n")
    assert subjects(path) == {("a", "1"), ("b", "2"), ("c", "3")}


def test_a_bundle_may_be_written_over_several_lines(tmp_path: Path) -> None:
    (tmp_path / "a.sigstore.json").write_text(bundle(("a", "1"), indent=2))
    (tmp_path / ATTESTATIONS).write_text(bundle(("a", "1")))
    assert unattested(tmp_path, {"a": "1"}, []) == ()
    assert [str(problem).partition(" ")[0] for problem in unattested(tmp_path, {"a": "2"}, [])] == ["a.sigstore.json", ATTESTATIONS]


DOCUMENTS = ["", "{}", "[]", "null", '{"dsseEnvelope": {"payload": "&"}}', '{"dsseEnvelope": {"payload": "e30="}}', '{"dsseEnvelope": 1}']


@pytest.mark.parametrize("text", DOCUMENTS)
def test_what_is_no_bundle_is_about_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.sigstore.json").write_text(text)
    assert subjects(tmp_path / "a.sigstore.json") == frozenset()


@given(st.binary())
def test_no_bytes_are_an_accident(data: bytes) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / ATTESTATIONS
        path.write_bytes(data)
        assert subjects(path) == frozenset()


def test_a_statement_about_several_files_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "a.sigstore.json").write_text(bundle(("a", "1")))
    (tmp_path / ATTESTATIONS).write_text(bundle(("a", "1")))
    (problem,) = unattested(tmp_path, {"a": "1"}, ["linux-x86_64.coldforge"])
    assert problem.what == "linux-x86_64.coldforge.sigstore.json is not there"
