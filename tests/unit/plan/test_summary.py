"""What the page of a CI job says about what was made."""

from __future__ import annotations

from coldforge.plan.summary import page
from coldforge.records import Environment, Finding, Manifest, Smoke, SourceRecord, TargetRecord, Trial

RECORD = TargetRecord(
    target="linux-x86_64", freezer="pyinstaller", payload_digest="b" * 64, payload_size=1, environment=Environment(workshop="host")
)


def release(record: TargetRecord) -> Manifest:
    source = SourceRecord(epoch=1, repository="acme/demo", tag="v1")
    return Manifest(coldforge="0", product="demo", version="1", source=source, targets=(record,))


def test_an_empty_build_says_so() -> None:
    text = page(release(RECORD))
    assert "All passed" in text
    assert "Nothing yet." in text
    assert "coldforge verify acme/demo@v1" in text


def test_findings_and_proof_are_listed_and_a_tools_words_are_no_markdown() -> None:
    finding = Finding(gate="leak", level="warning", message="a `path`\n<img src=x>")
    smoke = Smoke(trials=(Trial(image="i", system="Debian 12", artifacts=("demo.deb",)),), unproven=("no opkg",))
    text = page(
        release(
            TargetRecord(**{name: getattr(RECORD, name) for name in RECORD.__struct_fields__} | {"findings": (finding,), "smoke": smoke})
        )
    )
    assert "- leak, warning: `a 'path' <img src=x>`" in text
    assert "- linux-x86_64 in `Debian 12`: demo.deb" in text
    assert "- linux-x86_64, not proven: `no opkg`" in text
