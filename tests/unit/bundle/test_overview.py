"""The report: a chapter for each target, with a map where its own payload is at hand."""

from __future__ import annotations

from coldforge.bundle.overview import parts, report
from coldforge.bundle.weights import Piece, Share
from coldforge.records import Component, FileEntry, Finding, Manifest, Origin, Payload, SourceRecord, TargetRecord
from support.releases import ENVIRONMENT

FILE = FileEntry(path="demo", kind="executable", mode=0o755, size=4000, sha256="0", origin=Origin(kind="application", name="demo"))
PAYLOAD = Payload(target="linux-x86_64", freezer="f", key="", files=(FILE,), environment=ENVIRONMENT)
FINDING = Finding(gate="floor", level="relaxed", message="x needs glibc-2.40", reason="only new systems")


def manifest(digest: str) -> Manifest:
    """The record of one target whose payload has this digest."""
    record = TargetRecord(
        target="linux-x86_64",
        freezer="f",
        payload_digest=digest,
        payload_size=4000,
        glibc_floor="glibc-2.31",
        environment=ENVIRONMENT,
        findings=(FINDING,),
    )
    return Manifest(coldforge="1", product="demo", version="2.0", source=SourceRecord(epoch=0), targets=(record,))


def test_a_chapter_says_what_was_made_and_what_somebody_relaxed() -> None:
    text = report(manifest(PAYLOAD.digest), {("linux-x86_64", PAYLOAD.digest): PAYLOAD})
    for words in ("<h1>demo 2.0</h1>", "linux-x86_64", "glibc-2.31 or newer", "only new systems", "<svg", "1 parts"):
        assert words in text


def test_another_payload_says_nothing_of_it() -> None:
    text = report(manifest("0" * 64), {("linux-x86_64", PAYLOAD.digest): PAYLOAD})
    assert "<svg" not in text
    assert "linux-x86_64" in text


def test_the_shares_are_of_the_whole() -> None:
    found = [
        Share(part=Component(kind="python", name=name), files=(), pieces=(Piece(name, size),))
        for name, size in (("a", 750_000), ("b", 250_000))
    ]
    assert [row[-2:] for row in parts(found).rows] == [("0.8 MB", "75.0"), ("0.2 MB", "25.0")]
    assert parts([]).rows == ()
