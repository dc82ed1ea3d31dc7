"""Ten thousand changes, of every region of a release, its evidence and what is trusted: none is accepted."""

from __future__ import annotations

import base64
import json
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from coldforge.attest.stage import attest
from coldforge.errors import ConfigurationError
from coldforge.records import ATTESTATIONS, BUNDLE_SUFFIX, MANIFEST, SUMS
from coldforge.verify import release
from coldforge.verify.evidence import LARGEST, MOST_LISTED, Evidence, Proof, Statement, Unusable, load_roots
from coldforge.verify.policy import Policy, choose
from coldforge.verify.release import verify_file, verify_folder
from support.fake_sigstore import FakeSigstore
from support.releases import make_release
from support.tampering import changes, says_nothing

pytestmark = pytest.mark.integration
DEB = "demo_1.0.0_amd64.deb"
ARCHIVE = "demo-1.0.0-linux-x86_64.tar.gz"
FILES = (DEB, ARCHIVE, MANIFEST, SUMS)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release that was attested (`flat`), and the trust root (`trust.json`)."""
    place = tmp_path_factory.mktemp("release")
    with FakeSigstore() as sigstore:
        make_release(place / "dist")
        (place / "trust.json").write_text(sigstore.trust_config())
        attest(place / "dist", identity_token=sigstore.token(), trust_config=place / "trust.json")
    (place / "flat").mkdir()
    for path in [*(place / "dist").glob("*"), *(place / "dist" / "linux-x86_64").glob("demo*")]:
        if path.is_file() and path.name not in ("plan.json", ".lock"):
            shutil.copy(path, place / "flat")
    return place


@pytest.fixture
def folder(place: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(place / "flat", tmp_path / "downloads"))


class Remembering(Evidence):
    """What a bundle proves is worked out once, so that a change costs the verification of what was changed."""

    known: dict[tuple[str, str], Proof | Unusable]

    def prove(self, text: str, *, sha256: str = "") -> Proof | Unusable:
        if (text, sha256) not in self.known:
            self.known[text, sha256] = super().prove(text, sha256=sha256)
        return self.known[text, sha256]


@pytest.fixture
def quick(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One trust root, parsed once, and every bundle verified once."""
    instances = load_roots(place / "trust.json")
    judge = Remembering(instances)
    judge.known = {}
    monkeypatch.setattr(release, "load_roots", lambda _: instances)
    monkeypatch.setattr(release, "Evidence", lambda _instances, *, key: judge)


def demanded(**fields: Any) -> Policy:
    chosen = choose(None, repository="acme/demo", tag="v1.0.0", identity=None, issuer=None)
    assert chosen is not None
    return msgspec.structs.replace(chosen, **fields)


def accepts(folder: Path, trust: Path | None = None, policy: Policy | None = None) -> bool:
    try:
        return verify_folder(folder, policy=policy or demanded(), trusted_root=trust).exit_code == 0
    except ConfigurationError:  # what is trusted, or demanded, is no such thing any more
        return False


def in_bytes(data: bytes) -> Iterator[bytes]:
    """A file with each byte changed in turn, cut after it, and longer."""
    for place in range(len(data)):
        yield data[:place] + bytes([data[place] ^ (1 << place % 8)]) + data[place + 1 :]
        yield data[:place]
    yield data + b"\0"
    yield data + data


def in_bundle(folder: Path, name: str, places: int) -> Iterator[tuple[Path, str, bool]]:
    """A bundle with each region changed in turn, and whether the change says anything."""
    path = folder / f"{name}{BUNDLE_SUFFIX}"
    document = json.loads(path.read_text())
    for trail, whole, changed in changes(document, places):
        yield path, json.dumps(document), not says_nothing(trail, whole, changed)


def in_list(folder: Path, places: int) -> Iterator[tuple[Path, str, bool]]:
    path = folder / ATTESTATIONS
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        document = json.loads(line)
        for trail, whole, changed in changes(document, places):
            yield path, "\n".join([*lines[:number], json.dumps(document), *lines[number + 1 :]]), not says_nothing(trail, whole, changed)


@pytest.mark.usefixtures("quick")
def test_ten_thousand_changes(folder: Path) -> None:
    assert accepts(folder)
    tried, accepted = 0, []
    for name in FILES:
        path = folder / name
        whole = path.read_bytes()
        for data in in_bytes(whole):
            path.write_bytes(data)
            tried += 1
            if accepts(folder):
                accepted.append((name, data))
        path.write_bytes(whole)
    bundles = [change for name in (*FILES, "linux-x86_64.coldforge") for change in in_bundle(folder, name, 200)]
    for path, text, counts in [*bundles, *in_list(folder, 100)]:
        original = path.read_text()
        path.write_text(text)
        tried += 1
        if accepts(folder) and counts:
            accepted.append((path.name, text.encode()))
        path.write_text(original)
    assert accepts(folder)
    assert [(name, data[:2000]) for name, data in accepted] == []
    assert tried >= 10_000


@pytest.mark.usefixtures("quick")
def test_every_demand_of_a_policy_counts(folder: Path) -> None:
    """A policy that demands anything else than what is there accepts nothing."""
    workflows = ("acme/demo/.github/workflows/release.yml",)
    whole = msgspec.to_builtins(demanded(commit="a" * 40, trigger="push", workflow_digest="a" * 40, workflows=workflows))
    strict = msgspec.convert(whole, Policy)
    assert accepts(folder, policy=strict)
    tried = 0
    for trail, before, changed in changes(whole):
        if before.lower() == changed.lower():  # GitHub's names ignore case
            continue
        try:
            policy = msgspec.convert(whole, Policy)
        except msgspec.ValidationError:  # no such policy can be written
            continue
        tried += 1
        assert not accepts(folder, policy=policy), (trail, changed)
    assert tried >= 80


def keys(root: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a trust root that hold the keys which vouched for this release."""
    logs = [log["publicKey"] for kind in ("tlogs", "ctlogs") for log in root[kind]]
    return [*logs, root["certificateAuthorities"][0]["certChain"]["certificates"][0]]


def test_every_key_of_the_trust_root_counts(folder: Path, place: Path, tmp_path: Path) -> None:
    config = json.loads((place / "trust.json").read_text())
    path = tmp_path / "root.json"
    tried = 0
    for part in keys(config["trustedRoot"]):
        whole = base64.b64decode(part["rawBytes"])
        key = whole.find(bytes.fromhex("03420004")) + 4  # the point of the curve, which is the key
        for at in range(key, key + 64, 4):
            part["rawBytes"] = base64.b64encode(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]).decode()
            path.write_text(json.dumps(config))
            tried += 1
            assert not accepts(folder, path), (part, at)
        part["rawBytes"] = base64.b64encode(whole).decode()
    path.write_text(json.dumps(config))
    assert accepts(folder, path)
    assert tried == 48


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("order", [lambda lines: lines[::-1], lambda lines: lines + lines], ids=["reordered", "twice"])
def test_the_order_of_the_list_says_nothing(order: Any, folder: Path) -> None:
    path = folder / ATTESTATIONS
    path.write_text("\n".join(order(path.read_text().splitlines())) + "\n")
    assert accepts(folder)


@pytest.mark.usefixtures("quick")
def test_every_bundle_is_beside_its_own_file_only(folder: Path) -> None:
    (folder / ATTESTATIONS).unlink()
    texts = {name: (folder / f"{name}{BUNDLE_SUFFIX}").read_text() for name in FILES}
    for name in FILES:
        for other in set(FILES) - {name}:
            (folder / f"{name}{BUNDLE_SUFFIX}").write_text(texts[other])
            assert not accepts(folder), (name, other)
        (folder / f"{name}{BUNDLE_SUFFIX}").write_text(texts[name])
    assert accepts(folder)


@pytest.mark.usefixtures("quick")
def test_a_name_in_another_unicode_form_is_another_file(folder: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "d\u00e9mo.deb") for form in ("NFC", "NFD"))
    for name in (composed, apart):
        (folder / name).write_text("x")
    rows = {row.name: row for row in verify_folder(folder, policy=demanded(), trusted_root=None).rows}
    assert {rows[composed].word, rows[apart].word} == {"extra"}
    assert "confused" in rows[composed].why + rows[apart].why


@pytest.mark.usefixtures("quick")
def test_evidence_without_end_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sparse file of a terabyte would be read into memory."""
    bundle = folder / f"{DEB}{BUNDLE_SUFFIX}"
    with bundle.open("r+b") as file:
        file.truncate(LARGEST * 50_000)
    (folder / ATTESTATIONS).unlink()
    rows = {row.name: row.word for row in verify_folder(folder, policy=demanded(), trusted_root=None).rows}
    assert rows[DEB] == "unattested"


@pytest.mark.usefixtures("quick")
def test_a_list_without_end_is_not_gone_through(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bytes a line: millions of statements that would be judged, each in a tenth of a millisecond."""
    seen: list[str] = []

    def read(self: Evidence, text: str) -> Statement | Unusable:
        seen.append(text)
        return Evidence.read(self, text)

    monkeypatch.setattr(Remembering, "read", read)
    with (folder / ATTESTATIONS).open("a") as file:
        file.write("{}\n" * MOST_LISTED)
    rows = {row.name: row.word for row in verify_folder(folder, policy=demanded(), trusted_root=None).rows}
    assert rows[ATTESTATIONS] == "altered"
    assert "{}" not in seen
    assert seen


@pytest.mark.usefixtures("quick")
def test_the_right_bundle_beside_the_wrong_file(folder: Path) -> None:
    bundle = folder / f"{DEB}{BUNDLE_SUFFIX}"
    for file, word in ((folder / DEB, "ok"), (folder / ARCHIVE, "altered"), (folder / MANIFEST, "altered")):
        (row,) = verify_file(file, bundle=bundle, policy=demanded(), trusted_root=None).rows
        assert row.word == word
    renamed = folder / "setup.deb"
    shutil.copy(folder / DEB, renamed)
    (row,) = verify_file(renamed, bundle=bundle, policy=demanded(), trusted_root=None).rows
    assert (row.word, row.expected) == ("altered", "setup.deb")
