"""Notarization against a service on loopback that fails in all the known ways: interrupted runs go on, and nothing is sent twice."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path

import apple_platform
import pytest
from msgspec.structs import replace

from coldforge import signing
from coldforge.errors import ConfigurationError, Missing, Refused, RemoteFailed
from coldforge.filetypes import images, signed
from coldforge.host import files
from coldforge.inspect.look import inspect
from coldforge.rebuild import rows, signatures
from coldforge.records import MANIFEST, Artifact, Manifest, canonical, read
from coldforge.report import reporter
from coldforge.sign import apple
from coldforge.sign.keys import Given
from coldforge.verify import code
from coldforge.verify.policy import Policy
from coldforge.verify.verdict import Row
from support import killing, mac, payloads
from support.authority import Authority
from support.fake_notary import ISSUER, KEY_ID, Notary
from support.program import coldforge, environment

pytestmark = pytest.mark.integration
TARGET = "macos-aarch64"
NAME = "demo-1.2.0-rc.1-macos-aarch64.dmg"
TEAM = "ABCDE12345"
PASSPHRASE = "vertraulich"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.signer("demo", f"Developer ID Application: Demo Ltd ({TEAM})", team=TEAM)
    made.signer("other", "Other Ltd")
    return made


def key(authority: Authority, name: str = "demo") -> Given:
    return Given(apple=apple.Asked(key=str(authority.folder / f"{name}.pfx"), passphrase=PASSPHRASE, servers=()))


@pytest.fixture(scope="module")
def unsigned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of one disk image, not signed."""
    return mac.release(tmp_path_factory.mktemp("unsigned"), "dmg", tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def signed_once(unsigned: Path, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Path(shutil.copytree(unsigned, tmp_path_factory.mktemp("signed") / "dist"))
    signing.sign_release(made, key(authority))
    return made


@pytest.fixture
def dist(signed_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(signed_once, tmp_path / "dist"))


@pytest.fixture
def notary() -> Iterator[Notary]:
    with Notary() as made:
        yield made


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waiting takes no time, but the clock goes on by it."""
    waited: list[float] = []
    monkeypatch.setattr("coldforge.host.clock.sleep", waited.append)
    monkeypatch.setattr("coldforge.host.clock.now", lambda: sum(waited))
    return waited


def artifact(dist: Path) -> Artifact:
    (found,) = read(dist / MANIFEST, Manifest).artifacts
    return found


def run(dist: Path, notary: Notary, monkeypatch: pytest.MonkeyPatch, minutes: float = 30) -> Artifact:
    for name, value in notary.environment.items():
        monkeypatch.setenv(name, value)
    signing.notarize_release(dist, {}, minutes=minutes)
    return artifact(dist)


def check(dist: Path, made: Artifact) -> None:
    """It is stapled with the ticket of its own code, and other programs read it."""
    path = dist / made.path
    assert (made.sha256, made.size) == (files.sha256(path), path.stat().st_size)
    with path.open("rb") as stream:
        seen, ticket = images.read(stream), images.ticket(stream)
    assert seen
    assert ticket == b"s8ch" + f"ticket of 2/2/{seen.cdhash}".encode()
    assert made.notarization
    assert base64.b64decode(made.notarization.ticket) == ticket
    (entity,) = apple_platform.read_signature(path)
    assert "Ticket" in str(entity)


def test_an_image_is_signed_and_another_reader_agrees(dist: Path, unsigned: Path, authority: Authority) -> None:
    made, before = artifact(dist), artifact(unsigned)
    path = dist / made.path
    with path.open("rb") as stream:
        seen = images.read(stream)
    assert seen
    assert (seen.name, seen.time) == (f"Developer ID Application: Demo Ltd ({TEAM})", payloads.EPOCH)
    (entity,) = apple_platform.read_signature(path)
    theirs = entity["entity"]["dmg"]["signature"]
    assert theirs["code_directory"]["identifier"] == seen.identifier == NAME.removesuffix(".dmg")
    (blob,) = [one for one in theirs["blobs"] if one["slot"].startswith("CodeDirectory")]
    assert blob["sha256"][:40] == seen.cdhash
    once = payloads.snapshot(dist)
    signing.sign_release(dist, key(authority))
    assert payloads.snapshot(dist) == once
    assert made.signature
    assert made.signature.sha256 == before.sha256
    with pytest.raises(ConfigurationError, match="has another signature already"):
        signing.sign_release(dist, key(authority, "other"))
    data = bytearray(path.read_bytes())
    for place in (0, len(data) // 2, len(data) - 300):
        data[place] ^= 1
        path.write_bytes(data)
        with path.open("rb") as stream, pytest.raises(signed.damage()):
            images.read(stream)
        data[place] ^= 1


def test_accepted_and_stapled(dist: Path, notary: Notary, monkeypatch: pytest.MonkeyPatch) -> None:
    notary.issues = [{"severity": "warning", "path": "a/b", "message": "old", "docUrl": None, "architecture": None}]
    told: list[str] = []
    monkeypatch.setattr(reporter(), "warn", lambda text, **_: told.append(text), raising=False)
    before = artifact(dist)
    made = run(dist, notary, monkeypatch)
    check(dist, made)
    assert any("a/b: old" in text for text in told)
    (submission,) = notary.submissions
    assert submission.sha256 == before.sha256
    assert submission.data != (dist / made.path).read_bytes()
    once = payloads.snapshot(dist)
    run(dist, notary, monkeypatch)
    assert payloads.snapshot(dist) == once
    assert notary.count("begin") == notary.count("upload") == 1


def test_a_rebuild_has_the_released_bytes_without_key_or_apple(
    dist: Path, unsigned: Path, notary: Notary, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recorded = run(dist, notary, monkeypatch)
    out = Path(shutil.copytree(unsigned, tmp_path / "again"))
    rebuilt = artifact(unsigned)
    one, other = ((each / rebuilt.path).read_bytes() for each in (dist, out))
    assert signatures.same_but_for_signatures(memoryview(one), memoryview(other))
    assert rows.artifact_row(recorded, rebuilt, dist=dist, out=out).word == "identical"
    assert (out / rebuilt.path).read_bytes() == one


@pytest.mark.parametrize("kind", ["begin", "upload", "status", "logs", "log", "list", "ticket"])
@pytest.mark.parametrize("faults", [("500", "503", "429", "html"), ("cut before", "cut after", "cut within")])
def test_what_passes_is_waited_for(
    kind: str, faults: tuple[str, ...], dist: Path, notary: Notary, monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    notary.faults[kind] = list(faults)
    check(dist, run(dist, notary, monkeypatch))
    assert notary.faults[kind] == []
    assert sum(bool(one.data) for one in notary.submissions) == 1
    assert slept.count(7.0) == ("429" in faults), "as long as it asks for"


@pytest.mark.parametrize("kind", ["begin", "upload", "status", "logs", "ticket"])
def test_what_does_not_pass_ends_and_the_next_run_goes_on(kind: str, dist: Path, notary: Notary, monkeypatch: pytest.MonkeyPatch) -> None:
    notary.faults[kind] = ["503"] * 5
    with pytest.raises(RemoteFailed, match="Apple does not answer as it should") as caught:
        run(dist, notary, monkeypatch)
    assert "Run it again" in caught.value.hint
    check(dist, run(dist, notary, monkeypatch))
    assert sum(bool(one.data) for one in notary.submissions) == 1


def test_stuck_ends_with_the_deadline_and_goes_on_later(
    dist: Path, notary: Notary, monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    notary.statuses = ["In Progress"]
    with pytest.raises(RemoteFailed, match=r"Apple has not decided about demo-.* yet") as caught:
        run(dist, notary, monkeypatch, minutes=10)
    assert "goes on with submission 0000-0" in caught.value.hint
    assert caught.value.exit_code == 5
    assert 9 * 60 <= sum(slept) <= 10 * 60
    notary.submissions[0].statuses = ["Accepted"]
    check(dist, run(dist, notary, monkeypatch))
    assert notary.count("begin") == notary.count("upload") == 1


@pytest.mark.parametrize("status", ["Invalid", "Rejected"])
def test_what_apple_refuses_is_told_with_the_names_of_files(
    status: str, dist: Path, notary: Notary, monkeypatch: pytest.MonkeyPatch
) -> None:
    notary.statuses = ["In Progress", status]
    path = "demo.dmg/Demo.app/Contents/MacOS/demo"
    url = "https://developer.apple.com/documentation/x"
    notary.issues = [
        {"severity": "error", "path": path, "message": "The signature of the binary is invalid.", "docUrl": url, "architecture": "arm64"},
        {"severity": "warning", "path": "b", "message": "old", "docUrl": None, "architecture": None},
    ]
    before = (dist / artifact(dist).path).read_bytes()
    for _ in range(2):  # again it is not sent again
        with pytest.raises(Refused, match="Apple refuses what was submitted") as caught:
            run(dist, notary, monkeypatch)
        (problem,) = caught.value.problems
        assert str(problem) == f"{path} (arm64): The signature of the binary is invalid. ({url})"
    assert notary.count("upload") == 1
    assert (dist / artifact(dist).path).read_bytes() == before


def test_a_lost_number_is_found_by_the_name(dist: Path, notary: Notary, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = (dist / MANIFEST).read_bytes()
    notary.statuses = ["In Progress"]
    with pytest.raises(RemoteFailed):
        run(dist, notary, monkeypatch, minutes=1)
    for place in (dist / MANIFEST, dist / TARGET / MANIFEST):
        place.write_bytes(lost)
    notary.submissions[0].statuses = ["Accepted"]
    check(dist, run(dist, notary, monkeypatch))
    assert notary.count("begin") == 1


def test_a_number_that_apple_has_forgotten_is_submitted_anew(dist: Path, notary: Notary, monkeypatch: pytest.MonkeyPatch) -> None:
    notary.statuses = ["In Progress"]
    with pytest.raises(RemoteFailed):
        run(dist, notary, monkeypatch, minutes=1)
    notary.submissions.clear()
    notary.statuses = ["Accepted"]
    check(dist, run(dist, notary, monkeypatch))


def test_an_upload_that_never_arrived_is_begun_anew(dist: Path, notary: Notary, monkeypatch: pytest.MonkeyPatch) -> None:
    notary.faults["upload"] = ["cut within"] * 5
    with pytest.raises(RemoteFailed):
        run(dist, notary, monkeypatch)
    state = artifact(dist).notarization
    assert state
    assert not state.is_there
    check(dist, run(dist, notary, monkeypatch))
    assert notary.count("begin") == 2


def test_a_token_that_died_early_is_made_anew(dist: Path, notary: Notary, monkeypatch: pytest.MonkeyPatch) -> None:
    notary.faults["status"] = ["401"]
    check(dist, run(dist, notary, monkeypatch))
    assert notary.refused_tokens == 1


def test_a_token_that_apple_never_takes_is_a_key_that_is_missing(dist: Path, notary: Notary, monkeypatch: pytest.MonkeyPatch) -> None:
    with Notary() as other:
        monkeypatch.setattr(type(notary), "pem", other.pem)
        with pytest.raises(Missing, match="does not accept the key") as caught:
            run(dist, notary, monkeypatch)
    assert "bearer token" in caught.value.why


def test_an_agreement_that_nobody_accepted_is_told(dist: Path, notary: Notary, monkeypatch: pytest.MonkeyPatch) -> None:
    notary.faults["list"] = ["403"]
    with pytest.raises(Missing) as caught:
        run(dist, notary, monkeypatch)
    assert "accepts the new agreement" in caught.value.hint


def test_a_ticket_that_comes_late_is_waited_for(dist: Path, notary: Notary, monkeypatch: pytest.MonkeyPatch) -> None:
    notary.late_tickets = 2
    check(dist, run(dist, notary, monkeypatch))


def test_a_ticket_that_does_not_come_is_asked_for_again_by_the_next_run(
    dist: Path, notary: Notary, monkeypatch: pytest.MonkeyPatch
) -> None:
    notary.late_tickets = 9
    with pytest.raises(RemoteFailed, match="has no ticket of it yet"):
        run(dist, notary, monkeypatch)
    notary.late_tickets = 0
    check(dist, run(dist, notary, monkeypatch))
    assert notary.count("upload") == 1


def test_a_run_that_ended_before_the_file_was_in_place_goes_on(
    dist: Path, notary: Notary, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = (dist / artifact(dist).path).read_bytes()
    made = run(dist, notary, monkeypatch)
    (dist / made.path).write_bytes(before)
    check(dist, run(dist, notary, monkeypatch))
    assert notary.count("begin") == 1


def test_killed_at_any_moment_the_next_run_ends_it(
    dist: Path, unsigned: Path, authority: Authority, notary: Notary, tmp_path: Path
) -> None:
    """A disk image, signed and then notarized. A number that was lost before its bytes were sent is another one afterwards."""
    env = {
        **environment(),
        **notary.environment,
        "COLDFORGE_APPLE_KEY": str(authority.folder / "demo.pfx"),
        "COLDFORGE_APPLE_PASSPHRASE": PASSPHRASE,
        "COLDFORGE_APPLE_TIMESTAMP_SERVERS": "none",
    }
    notary.statuses = ["Accepted"]
    for folder, verb in ((unsigned, "sign"), (dist, "notarize")):
        (scratch := tmp_path / verb).mkdir()
        killing.at_every_moment(
            folder,
            verb,
            env=env,
            scratch=scratch,
            anew=notary.submissions.clear,
            is_alike=killing.is_package if verb == "notarize" else lambda _path: True,
        )
    assert artifact(tmp_path / "sign/whole") == artifact(dist)
    check(tmp_path / "notarize/whole", artifact(tmp_path / "notarize/whole"))


def test_what_is_not_signed_or_not_the_manifests_is_not_submitted(
    dist: Path, unsigned: Path, notary: Notary, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain = Path(shutil.copytree(unsigned, tmp_path / "plain"))
    with pytest.raises(ConfigurationError, match="is not signed"):
        run(plain, notary, monkeypatch)
    (dist / artifact(dist).path).write_bytes(b"other")
    with pytest.raises(Refused, match="is not the file that the manifest lists"):
        run(dist, notary, monkeypatch)
    manifest = read(dist / MANIFEST, Manifest)
    (dist / MANIFEST).write_bytes(canonical(replace(manifest, targets=())))
    with pytest.raises(ConfigurationError, match="nothing that could be notarized"):
        run(dist, notary, monkeypatch)
    assert notary.count("begin") == 0


def test_it_is_told_who_signed_and_a_policy_may_demand_it(
    dist: Path, unsigned: Path, authority: Authority, notary: Notary, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = dist / run(dist, notary, monkeypatch).path
    row = Row(name=NAME, word="ok", sha256="d")
    assert code.judged(row, path, Policy()) == row
    root = (authority.folder / "ca.pem").read_text()
    assert code.judged(row, path, Policy(apple_team=TEAM, apple_root=root)) == row
    doubted = code.judged(row, path, Policy(apple_team=TEAM))
    assert (doubted.word, doubted.expected) == ("foreign", f"{TEAM}, certified by Apple"), "anybody can write that name"
    assert "no certificate that is believed" in doubted.why
    assert (foreign := code.judged(row, path, Policy(apple_team="ZZZZZ12345"))).word == "foreign"
    assert TEAM in foreign.got
    assert code.judged(row, unsigned / artifact(unsigned).path, Policy(apple_team=TEAM)).word == "unsigned"
    fields = inspect(path).fields
    assert TEAM in fields["signed by"]
    assert fields["signed at"] == "2023-11-14T22:13:20Z"
    assert fields["ticket"].endswith(" bytes")
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    assert code.judged(row, path, Policy(apple_team=TEAM)).word == "altered"


def test_the_command_tells_how_it_goes_and_no_secret(dist: Path, notary: Notary) -> None:
    notary.statuses = ["Accepted"]
    outcome = coldforge("notarize", dist, env={**environment(), **notary.environment})
    outcome.succeeded()
    assert "is submitted: 0000-0" in outcome.err
    for secret in ("very-secret-of-storage", "session-of-storage", notary.pem.splitlines()[1], "PRIVATE"):
        assert secret not in outcome.err + outcome.out
    check(dist, artifact(dist))


def test_without_a_key_it_says_where_one_comes_from(dist: Path) -> None:
    outcome = coldforge("notarize", dist, env=environment())
    assert outcome.code == 3
    assert "COLDFORGE_NOTARY_KEY, COLDFORGE_NOTARY_KEY_ID is not set" in outcome.err


def test_what_is_given_as_a_key_must_be_one(dist: Path, tmp_path: Path, authority: Authority) -> None:
    words = ("--notary-key-id", KEY_ID, "--notary-issuer", ISSUER, "--notary-key")
    outcome = coldforge("notarize", dist, *words, authority.folder / "demo.key", env=environment())
    assert (outcome.code, "is of another kind" in outcome.err) == (2, True)
    outcome = coldforge("notarize", dist, *words, tmp_path / "none", env=environment())
    assert (outcome.code, "cannot be read" in outcome.err) == (3, True)
