"""Releasing against a fake GitHub whose every answer is checked by GitHub's own description, and by GitHub's own client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier, BrokenBarrierError, Lock
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from coldforge import doctor
from coldforge.commands import coldforge
from coldforge.errors import ConfigurationError, Missing, Refused, RemoteFailed
from coldforge.host import files
from coldforge.plan.model import Plan, PlannedArtifact, PlannedTarget
from coldforge.project.config import Config, Product
from coldforge.records import ATTESTATIONS, BUNDLE_SUFFIX, MANIFEST, SUMS, Manifest, SourceRecord, canonical, read, sums
from coldforge.release import preflight, wire
from coldforge.release.api import GitHub
from coldforge.release.download import download_release
from coldforge.release.draft import ReleaseRecord, Wanted, release
from coldforge.release.goal import make_goal
from coldforge.release.notes import LONGEST
from coldforge.release.reconcile import BESIDE
from coldforge.report import Silent, use
from coldforge.report.reporter import Progress
from support import openapi
from support.fake_github import READER, WRITER, FakeGitHub, Fault, StoredRelease
from support.releases import attest, expected, make_release, make_sparse
from support.require import GH, tool

pytestmark = pytest.mark.integration
TAG = "v1.0.0"
DEB = "demo_1.0.0_amd64.deb"
SOURCE = Path(__file__).resolve().parents[2] / "src"


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    openapi.require()
    monkeypatch.setenv("GITHUB_TOKEN", WRITER)
    monkeypatch.setattr("coldforge.host.clock.sleep", lambda seconds: time.sleep(min(seconds, 0.002)))
    with FakeGitHub() as fake:
        yield fake
    assert fake.violations == []


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    make_release(folder)
    return folder


@pytest.fixture
def attested(dist: Path) -> Path:
    attest(dist)
    return dist


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """What was warned of."""
    said: list[str] = []

    class Listening(Silent):
        def warn(self, text: str, **_: object) -> None:
            said.append(text)

    use(Listening())
    yield said
    use(Silent())


def change_manifest(dist: Path, **source: object) -> None:
    """Change what the manifest says about the source, and SHA256SUMS with it."""
    manifest = read(dist / MANIFEST, Manifest)
    manifest = msgspec.structs.replace(manifest, source=msgspec.structs.replace(manifest.source, **source))
    files.write(dist / MANIFEST, canonical(manifest))
    digests = {artifact.name: artifact.sha256 for artifact in manifest.artifacts}
    files.write(dist / SUMS, sums({**digests, MANIFEST: files.sha256(dist / MANIFEST)}))


def writes(github: FakeGitHub) -> list[str]:
    return [line for line in github.log if not line.startswith("GET ")]


def go(dist: Path, github: FakeGitHub, **options: object) -> ReleaseRecord:
    return release(dist, Wanted(repo="acme/demo", tag=TAG, **options), api_url=github.url)  # type: ignore[arg-type]  # passed through


def test_one_draft_with_exactly_the_planned_files(dist: Path, github: FakeGitHub) -> None:
    record = go(dist, github)
    assert github.contents(TAG) == expected(dist)
    (made,) = github.releases.values()
    assert (made.draft, made.target, record.id) == (True, "a" * 40, made.id)
    assert f"`{DEB}`" in made.body
    assert "coldforge verify acme/demo@v1.0.0" in made.body
    uploads = [line for line in github.log if line.startswith("POST /uploads")]
    assert len(uploads) == len(expected(dist))


def test_a_complete_release_costs_nothing(dist: Path, github: FakeGitHub) -> None:
    go(dist, github)
    github.log.clear()
    go(dist, github)
    assert {line.partition(" ")[0] for line in github.log} == {"GET"}


FAULTS = [
    Fault("502", path="/uploads"),
    Fault("500", path="/uploads", times=3),
    Fault("cut before", path="/uploads", times=2),
    Fault("cut after", path="/uploads", times=2),
    Fault("starter", path="/uploads", times=2),
    Fault("404", path="/uploads"),
    Fault("rate", path="/uploads", headers={"Retry-After": "1"}),
    Fault("429", path="/uploads", headers={"Retry-After": "0"}),
    Fault("502", path="/releases"),
    Fault("cut before", path="/releases"),
    Fault("502", method="GET", path="/releases", times=2),
    Fault("cut before", method="GET", path="/assets", times=2),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind} {fault.method} {fault.path} x{fault.times}")
def test_it_converges_whatever_fails_once(fault: Fault, dist: Path, github: FakeGitHub) -> None:
    github.faults = [Fault(fault.kind, fault.method, fault.path, fault.times, fault.headers)]
    go(dist, github)
    assert github.contents(TAG) == expected(dist)
    assert len(github.releases) == 1


@pytest.mark.parametrize("refusal", ["too many", "too large", "tag exists", "400"])
def test_what_github_refuses_for_good_is_told_in_its_words(refusal: str, attested: Path, github: FakeGitHub) -> None:
    method = "PATCH" if refusal == "tag exists" else "POST"
    github.faults = [Fault(refusal, method, "/releases" if method == "PATCH" else "/uploads")]
    with pytest.raises(Refused, match="GitHub refuses") as caught:
        go(attested, github, publish=True)
    words = {"too many": "limited to 1000", "too large": "less than 2147483648", "tag exists": "tag_name already_exists", "400": "400"}
    assert words[refusal] in caught.value.why
    assert "nothing that was done is lost" not in caught.value.hint
    go(attested, github, publish=True)
    assert github.contents(TAG) == expected(attested)


def test_a_server_that_says_when_to_come_back_is_asked_then(dist: Path, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("coldforge.host.clock.sleep", waited.append)
    github.faults = [Fault("503", path="/uploads", headers={"Retry-After": "77"})]
    go(dist, github)
    assert 77 in waited
    github.releases.clear()
    github.faults = [Fault("503", method="GET", path="/releases", headers={"Retry-After": "3600"})]
    with pytest.raises(RemoteFailed) as caught:
        go(dist, github)
    assert "Run it again in 60 minutes" in caught.value.hint


def test_an_answer_that_is_lost_makes_no_second_draft(dist: Path, github: FakeGitHub) -> None:
    github.faults = [Fault("cut after", path="/repos/acme/demo/releases")]
    go(dist, github)
    assert len(github.releases) == 1
    assert github.contents(TAG) == expected(dist)


def test_a_server_that_is_gone_is_told_and_can_be_tried_again(dist: Path, github: FakeGitHub) -> None:
    github.faults = [Fault("503", method="GET", times=1000)]
    with pytest.raises(RemoteFailed, match="failed after") as caught:
        go(dist, github)
    assert "Run it again" in caught.value.hint
    github.faults = []
    go(dist, github)
    assert github.contents(TAG) == expected(dist)


def test_html_instead_of_json_is_tried_again_and_told_in_the_end(dist: Path, github: FakeGitHub) -> None:
    github.faults = [Fault("html", method="GET", path="/releases", times=1000)]
    with pytest.raises(RemoteFailed, match="failed after") as caught:
        go(dist, github)
    assert "not GitHub's API's" in caught.value.why
    github.faults = [Fault("html", method=method, path="/releases") for method in ("GET", "POST", "PATCH")]
    go(dist, github)
    assert github.contents(TAG) == expected(dist)
    assert len(github.releases) == 1


@pytest.mark.parametrize("after", [1, 4, 5, 8, 10])
def test_killed_at_any_request_it_goes_on_where_it_stopped(after: int, dist: Path, github: FakeGitHub) -> None:
    """The process is killed at its n-th request; a second run ends in exactly the planned release."""
    victims: list[subprocess.Popen[bytes]] = []

    def kill(_method: str, _path: str) -> None:
        if len(github.log) == after:
            victims[0].kill()

    github.on_request = kill
    words = ["release", str(dist), "--repo", "acme/demo", "--tag", TAG, "--api-url", github.url]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "GITHUB_TOKEN": WRITER}
    victims.append(subprocess.Popen([sys.executable, "-m", "coldforge", *words], env=environment, stderr=subprocess.DEVNULL))
    assert victims[0].wait(timeout=60) == -9
    github.on_request = lambda _method, _path: None
    go(dist, github)
    assert len(github.releases) == 1
    assert github.contents(TAG) == expected(dist)


def built_again(dist: Path, *names: str) -> None:
    """What a second run of the jobs leaves: these files more, and so another manifest and other sums, with attestations of their own."""
    kept = {path.name: path.read_bytes() for path in (dist / "linux-x86_64").glob("demo*")}
    make_release(dist, contents={**kept, **dict.fromkeys(names, b"made in the second run")})
    attest(dist, mark="of the second run")


def test_a_draft_is_completed_by_a_run_that_made_more(attested: Path, github: FakeGitHub) -> None:
    """A target that was forgiven succeeds when its job is run again: all that describes the release is another, and swapped, last."""
    number = go(attested, github).id
    before = github.contents(TAG)
    built_again(attested, "demo-1.0.0.rpm")
    github.log.clear()
    github.uploads.clear()
    assert go(attested, github).id == number
    assert github.contents(TAG) == expected(attested)
    sent = [name.removesuffix(BESIDE) for _, name, _ in github.uploads]
    assert {MANIFEST, SUMS} <= set(sent)
    assert set(sent[-3:]) == {MANIFEST, SUMS, ATTESTATIONS}, "what describes the others goes last"
    assert not {name for name in sent if name in before and name.startswith("demo") and not name.endswith(BUNDLE_SUFFIX)}
    assert go(attested, github, publish=True).id == number
    github.log.clear()
    built_again(attested, "demo-1.0.0.apk")
    with pytest.raises(Refused, match="published already, with other files") as caught:
        go(attested, github)
    assert MANIFEST in " ".join(map(str, caught.value.problems))
    assert writes(github) == []


def test_nothing_is_swapped_where_an_artifact_is_another(attested: Path, github: FakeGitHub) -> None:
    go(attested, github)
    before = github.contents(TAG)
    kept = {path.name: path.read_bytes() for path in (attested / "linux-x86_64").glob("demo*.tar.gz")}
    make_release(attested, contents={**kept, DEB: b"built again, and not the same"})
    attest(attested)
    github.log.clear()
    with pytest.raises(Refused, match="other files under the same names") as caught:
        go(attested, github)
    assert [str(problem).partition(":")[0] for problem in caught.value.problems] == [DEB]
    assert writes(github) == []
    assert github.contents(TAG) == before


def test_what_another_run_made_does_not_lose_its_manifest(attested: Path, github: FakeGitHub) -> None:
    """A build of fewer targets would leave files in the draft that nothing describes any more."""
    built_again(attested, "demo-1.0.0.rpm")
    go(attested, github)
    before = github.contents(TAG)
    (attested / "linux-x86_64" / "demo-1.0.0.rpm").unlink()
    (attested / f"demo-1.0.0.rpm{BUNDLE_SUFFIX}").unlink()
    built_again(attested)
    github.log.clear()
    for dry_run in (True, False):
        with pytest.raises(Refused, match="files that this build does not know") as caught:
            go(attested, github, dry_run=dry_run)
        assert "demo-1.0.0.rpm" in str(caught.value.problems[0])
    assert writes(github) == []
    assert github.contents(TAG) == before
    go(attested, github, replace=True)
    assert github.contents(TAG)[MANIFEST] == expected(attested)[MANIFEST]


@pytest.mark.parametrize("theirs", ["demo-1.0.0.rpm", DEB])
def test_a_manifest_that_comes_meanwhile_is_looked_at(theirs: str, attested: Path, github: FakeGitHub) -> None:
    """Two runs that both found none: the later one stops when the other one's files would be described by nothing any more."""
    other = json.dumps({"targets": [{"target": "linux-x86_64", "artifacts": [{"name": theirs}]}]}).encode()

    def rival(method: str, path: str) -> None:
        made = next(iter(github.releases.values()), None)
        if method == "POST" and "/uploads" in path and made and not {asset.name for asset in made.assets.values()} & {MANIFEST}:
            github.add_asset(made, MANIFEST, other)
            if theirs != DEB:
                github.add_asset(made, theirs, b"theirs")

    github.on_request = rival
    if theirs == DEB:
        go(attested, github)
        assert github.contents(TAG) == expected(attested)
    else:
        with pytest.raises(Refused, match="files that this build does not know"):
            go(attested, github)
        assert github.contents(TAG)[MANIFEST] == other


def test_half_uploaded_files_are_made_whole(dist: Path, github: FakeGitHub) -> None:
    draft = github.add_release(TAG)
    github.add_asset(draft, DEB, b"", state="starter")
    go(dist, github)
    assert github.contents(TAG) == expected(dist)


def test_without_a_digest_the_bytes_are_compared(dist: Path, github: FakeGitHub) -> None:
    draft = github.add_release(TAG)
    github.add_asset(draft, DEB, expected(dist)[DEB], digest=False)
    go(dist, github)
    assert f"GET /repos/acme/demo/releases/assets/{next(iter(draft.assets))}" in github.log


def test_other_bytes_under_a_planned_name_are_refused(dist: Path, github: FakeGitHub) -> None:
    github.add_asset(github.add_release(TAG), DEB, b"somebody else's")
    with pytest.raises(Refused, match="other files"):
        go(dist, github)


def test_a_persons_words_and_files_stay(dist: Path, github: FakeGitHub) -> None:
    go(dist, github)
    (draft,) = github.releases.values()
    draft.body = f"Hand-written.\n\n{draft.body}\n\nThanks to all."
    github.add_asset(draft, "poster.png", b"art")
    go(dist, github)
    assert draft.body.startswith("Hand-written.")
    assert draft.body.endswith("Thanks to all.")
    assert "poster.png" in github.contents(TAG)


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_what_becomes_of_the_text_is_chosen(mode: str, dist: Path, github: FakeGitHub, tmp_path: Path) -> None:
    draft = github.releases[go(dist, github).id]
    draft.body = f"Hand-written.\n\n{draft.body}"
    notes = tmp_path / "notes.md"
    notes.write_text("- a thing\n")
    go(dist, github, notes=notes, notes_mode=mode)
    assert ("Hand-written." in draft.body, draft.body.count("- a thing")) == (mode == "append", 1)
    github.log.clear()
    go(dist, github, notes=notes, notes_mode=mode)
    assert writes(github) == []
    notes.write_text("")
    if mode == "replace":
        with pytest.raises(ConfigurationError, match="nothing to replace"):
            go(dist, github, notes=notes, notes_mode=mode)


@pytest.mark.parametrize("fault", [None, Fault("502", path="/generate-notes"), Fault("cut after", path="/generate-notes")])
def test_github_writes_the_notes_since_the_version_before(fault: Fault | None, dist: Path, github: FakeGitHub) -> None:
    github.add_release("v0.9.0", draft=False)
    github.add_release("v0.10.0", draft=False)
    github.add_release("v1.1.0", draft=False)  # of another branch, and newer by date
    github.faults = [fault] if fault else []
    draft = github.releases[go(dist, github, notes_from="github").id]
    assert draft.body.startswith("## What's Changed")
    assert draft.body.count("/compare/v0.10.0...v1.0.0") == 1
    assert f"`{DEB}`" in draft.body
    draft.body = draft.body.replace("A thing", "Our thing")
    asked = github.log.count("POST /repos/acme/demo/releases/generate-notes")
    go(dist, github, notes_from="github")
    assert "* Our thing" in draft.body
    assert github.log.count("POST /repos/acme/demo/releases/generate-notes") == asked, "a text that is kept needs no other one"


def test_notes_come_from_commits_of_the_repository_at_hand(
    dist: Path, github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    commits = ["feat: first", "fix(ui): the <b>old</b> one", "feat!: none without", "mend it"]
    built = make_history(project, [*commits[:1], "v0.9.0", *commits[1:]])
    change_manifest(dist, commit=built)
    monkeypatch.chdir(project)
    body = github.releases[go(dist, github, notes_from="commits").id].body
    texts = [line.partition(" (")[0] for line in body.splitlines() if line.startswith(("### ", "- "))]
    assert texts[:6] == ["### Breaking", "- none without", "### Fixed", "- the &lt;b>old&lt;/b> one", "### Changed", "- mend it"]
    change_manifest(dist, commit="b" * 40)
    with pytest.raises(ConfigurationError, match="git does not know bbbbbbbbbbbb here"):
        go(dist, github, notes_from="commits")


def test_a_history_that_is_cut_tells_no_notes(dist: Path, github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = make_history(tmp_path / "project", ["one", "two"])
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{tmp_path / 'project'}", "cut")
    change_manifest(dist, commit=built)
    monkeypatch.chdir(tmp_path / "cut")
    with pytest.raises(ConfigurationError, match="not fetched whole"):
        go(dist, github, notes_from="commits")


def test_notes_come_from_one_place(dist: Path, github: FakeGitHub, tmp_path: Path) -> None:
    notes = tmp_path / "notes.md"
    with pytest.raises(ConfigurationError, match="two places"):
        go(dist, github, notes=notes, notes_from="none")
    go(dist, github, notes_from="none")
    assert [release.body.startswith("<!-- coldforge:begin -->") for release in github.releases.values()] == [True]


def git(folder: Path, *words: str) -> str:
    """What git prints, without anybody's settings."""
    names = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(["git", *names, *words], cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout


def make_history(project: Path, steps: list[str]) -> str:
    """A repository with a commit for each step, or a tag for one that begins with `v`; the last commit."""
    project.mkdir()
    git(project, "init", "-q")
    for step in steps:
        git(project, *(["tag", step] if step.startswith("v") else ["commit", "-q", "--allow-empty", "-m", step]))
    return git(project, "rev-parse", "HEAD").strip()


def test_several_drafts_stop_it_with_their_names(dist: Path, github: FakeGitHub) -> None:
    first, second = github.add_release(TAG), github.add_release(TAG)
    with pytest.raises(Refused, match="2 drafts") as caught:
        go(dist, github)
    assert {str(first.id), str(second.id)} <= set(" ".join(map(str, caught.value.problems)).replace(":", " ").split())


def test_a_second_draft_that_nobody_worked_on_is_removed(dist: Path, github: FakeGitHub) -> None:
    """The answer to the creation is lost, and so is the draft from the next list: a second one is made, and found out."""
    github.faults = [Fault("cut after", path="/repos/acme/demo/releases")]
    github.list_lag = 2
    go(dist, github)
    assert github.count("DELETE") == 1
    assert len(github.releases) == 1
    assert github.contents(TAG) == expected(dist)


def test_a_draft_that_lost_its_tag_is_found_by_its_text(dist: Path, github: FakeGitHub) -> None:
    number = go(dist, github).id
    github.releases[number].tag = "untagged-0123456789abcdef"
    assert go(dist, github).id == number
    assert github.contents(TAG) == expected(dist)
    stranger = github.add_release("untagged-fedcba9876543210")
    go(dist, github)
    assert stranger.tag == "untagged-fedcba9876543210"


def test_a_tag_that_names_another_commit_stops_it(dist: Path, github: FakeGitHub) -> None:
    github.tags[TAG] = "b" * 40
    with pytest.raises(Refused, match="another commit") as caught:
        go(dist, github)
    assert "b" * 12 in caught.value.why
    assert github.releases == {}
    github.tags[TAG] = "a" * 40
    go(dist, github)
    assert github.contents(TAG) == expected(dist)


def test_the_draft_is_found_behind_a_hundred_others(dist: Path, github: FakeGitHub) -> None:
    draft = github.add_release(TAG)
    for number in range(120):
        github.add_release(f"v0.{number}", draft=False)
    assert go(dist, github).id == draft.id


def test_a_published_release_is_never_changed(dist: Path, github: FakeGitHub) -> None:
    github.add_asset(github.add_release(TAG, draft=False), DEB, b"published")
    with pytest.raises(Refused, match="published already"):
        go(dist, github)
    assert {line.partition(" ")[0] for line in github.log} == {"GET"}


def test_publishing_is_asked_for_and_a_backport_is_not_the_latest(attested: Path, github: FakeGitHub) -> None:
    github.add_release("v2.0.0", draft=False)
    record = go(attested, github, publish=True)
    made = github.releases[record.id]
    assert (made.draft, made.latest, made.tag) == (False, "false", TAG)
    github.log.clear()
    assert go(attested, github).id == record.id
    assert {line.partition(" ")[0] for line in github.log} == {"GET"}


def asset_of(made: StoredRelease, name: str) -> int:
    return next(number for number, asset in made.assets.items() if asset.name == name)


@pytest.mark.parametrize("digests", [True, False])
def test_what_is_published_was_downloaded_before(digests: bool, attested: Path, github: FakeGitHub) -> None:
    """GitHub's digest tells what it once took in: what it hands out may be other bytes."""
    github.digests = digests
    made = github.releases[go(attested, github).id]
    github.log.clear()
    go(attested, github, publish=True)
    published_at = github.log.index(f"PATCH /repos/acme/demo/releases/{made.id}")
    downloads = [github.log.index(f"GET /repos/acme/demo/releases/assets/{number}") for number in made.assets]
    assert len(downloads) == len(expected(attested))
    assert max(downloads) < published_at


@pytest.mark.parametrize("fault", ["garbled", "cut within", "cut before", "502", "html", "404"])
def test_a_download_that_fails_once_is_done_again_and_the_bar_tells_it(fault: str, attested: Path, github: FakeGitHub) -> None:
    shown: dict[str, list[int]] = {}

    class Counting(Silent):
        @contextmanager
        def progress(self, title: str, total: int, unit: str = "B") -> Iterator[Progress]:
            shown[title] = [-total]
            yield SimpleNamespace(advance=shown[title].append)

    use(Counting())
    github.faults = [Fault(fault, method="GET", path="/releases/assets/")]
    go(attested, github, publish=True)
    use(Silent())
    assert github.contents(TAG) == expected(attested)
    assert {title: sum(amounts) for title, amounts in shown.items()} == {"uploading": 0, "checking what GitHub hands out": 0}


@pytest.mark.parametrize("damage", [b"x", bytes(1000), b""], ids=["other", "longer", "nothing"])
@pytest.mark.parametrize("name", [DEB, MANIFEST, f"{DEB}{BUNDLE_SUFFIX}"])
def test_what_is_handed_out_otherwise_is_not_published(name: str, damage: bytes, attested: Path, github: FakeGitHub) -> None:
    made = github.releases[go(attested, github).id]
    asset = made.assets[asset_of(made, name)]
    github.damaged[asset.id] = damage.ljust(len(asset.data), b"x") if damage == b"x" else damage
    with pytest.raises(RemoteFailed, match=f"checking {name} failed after 6 tries") as caught:
        go(attested, github, publish=True)
    assert "GitHub hands out other bytes than it was sent" in caught.value.why
    assert made.draft
    github.damaged.clear()
    go(attested, github, publish=True)
    assert not made.draft


@pytest.mark.parametrize("moment", ["before", "GET /repos/acme/demo/releases/assets/", "PATCH"])
def test_a_file_that_somebody_adds_to_a_draft_is_not_published(
    moment: str, attested: Path, github: FakeGitHub, warnings: list[str]
) -> None:
    """Before anything is done, while it is verified, or in the very moment of publishing: then it can only be told."""
    made, once = github.releases[go(attested, github).id], Lock()

    def add(line: str) -> None:
        if line.startswith(moment) and once.acquire(blocking=False):
            github.add_asset(made, "poster.png", b"art")

    add("before")
    github.on_request = lambda method, path: add(f"{method} {path}")
    github.log.clear()
    if moment == "PATCH":
        go(attested, github, publish=True)
        assert "poster.png" in warnings[-1]
        return
    for dry_run in (moment == "before", False):
        with pytest.raises(Refused, match="files that nobody attested are not published") as caught:
            go(attested, github, publish=True, dry_run=dry_run)
        assert "poster.png" in str(caught.value.problems[0])
    assert writes(github) == []
    github.on_request = lambda _method, _path: None
    del made.assets[asset_of(made, "poster.png")]
    go(attested, github, publish=True)
    assert github.contents(TAG) == expected(attested)


@pytest.mark.parametrize("by", ["another file", "the same file again", "one beside it"])
def test_a_file_that_somebody_exchanges_while_it_is_verified_is_not_published(by: str, attested: Path, github: FakeGitHub) -> None:
    """All was downloaded and is right; what happens while GitHub is asked which version is the latest is seen by the last look."""
    made = github.releases[go(attested, github).id]
    data = made.assets[asset_of(made, DEB)].data

    def exchange(_method: str, path: str) -> None:
        if path.endswith("/releases") and any("/releases/assets/" in line for line in github.log):
            github.on_request = lambda _method, _path: None
            if by != "one beside it":
                del made.assets[asset_of(made, DEB)]
            github.add_asset(made, DEB + (BESIDE if by == "one beside it" else ""), b"other" if by == "another file" else data)

    github.log.clear()
    github.on_request = exchange
    with pytest.raises(RemoteFailed, match="publishing the draft failed") as caught:
        go(attested, github, publish=True)
    assert "other files in it than those that were checked" in caught.value.why
    assert made.draft
    if by == "another file":
        with pytest.raises(Refused, match="other files under the same names"):
            go(attested, github, publish=True)
    else:
        go(attested, github, publish=True)
        assert (made.draft, github.contents(TAG)) == (False, expected(attested))


def test_a_dry_run_changes_nothing(dist: Path, github: FakeGitHub) -> None:
    go(dist, github, dry_run=True)
    assert github.releases == {}
    assert not (dist / "release.json").exists()


def test_a_token_that_may_only_read_is_told_apart(dist: Path, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", READER)
    with pytest.raises(Missing, match="may not") as caught:
        go(dist, github)
    assert "contents: write" in caught.value.hint
    monkeypatch.setenv("GITHUB_TOKEN", "nonsense")
    with pytest.raises(Missing, match="does not accept"):
        go(dist, github)


def test_a_file_that_changed_since_the_build_is_not_uploaded(dist: Path, github: FakeGitHub) -> None:
    (dist / "linux-x86_64" / DEB).write_bytes(b"patched")
    with pytest.raises(Refused, match="changed"):
        go(dist, github)
    assert github.log == []


def test_where_it_belongs_must_be_known(dist: Path, github: FakeGitHub) -> None:
    change_manifest(dist, repository="")
    with pytest.raises(ConfigurationError, match="nobody said where"):
        release(dist, Wanted(tag=TAG), api_url=github.url)


@pytest.mark.parametrize("tag", ["v1 2", "v1..2", "-v1", "v1/", "a/.b", "v1.lock", "v1~", "v1\n"])
def test_a_tag_is_one_that_git_can_have(tag: str, dist: Path) -> None:
    with pytest.raises(ConfigurationError, match="git can have no tag"):
        release(dist, Wanted(repo="acme/demo", tag=tag))


@pytest.mark.parametrize("repo", ["a", "acme/demo/x", "acme/", "acme/demo\n", "https://git.example.org/acme/demo"])
def test_a_repository_is_owner_and_name(repo: str, dist: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not OWNER/REPO"):
        release(dist, Wanted(repo=repo, tag=TAG))


def test_a_release_is_downloaded_whole(attested: Path, github: FakeGitHub, tmp_path: Path) -> None:
    go(attested, github, publish=True)
    folder = tmp_path / "downloads"
    download_release("acme/demo", TAG, folder, api_url=github.url)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == expected(attested)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_breaks_is_taken_up_where_it_broke(ranges: bool, attested: Path, github: FakeGitHub, tmp_path: Path) -> None:
    go(attested, github, publish=True)
    github.ranges = ranges
    github.faults = [Fault("cut within", method="GET", path="/releases/assets/", times=3)]
    folder = tmp_path / "downloads"
    download_release("acme/demo", TAG, folder, api_url=github.url)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == expected(attested)


@pytest.mark.parametrize("name", ["../evil", "DEMO_1.0.0_AMD64.deb", "a\\b", "evil\n", "\u202egpj.exe"])
def test_a_name_that_cannot_be_trusted_is_refused(name: str, dist: Path, github: FakeGitHub, tmp_path: Path) -> None:
    go(dist, github)
    (draft,) = github.releases.values()
    github.add_asset(draft, name, b"x")
    with pytest.raises(Refused, match="cannot be trusted"):
        download_release("acme/demo", TAG, tmp_path / "downloads", api_url=github.url)


def test_what_is_not_there_cannot_be_downloaded_by_trying_again(github: FakeGitHub, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no release v9") as caught:
        download_release("acme/demo", "v9", tmp_path, api_url=github.url)
    assert "A draft is seen only with a token that may write" in caught.value.hint


def test_a_token_that_has_expired_is_in_nobodys_way(
    dist: Path, github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warnings: list[str]
) -> None:
    made = github.releases[go(dist, github).id]
    monkeypatch.setenv("GITHUB_TOKEN", "expired")
    with pytest.raises(Missing, match="does not accept"):
        download_release("acme/demo", TAG, tmp_path / "draft", api_url=github.url)
    made.draft = False
    download_release("acme/demo", TAG, tmp_path / "downloads", api_url=github.url)
    assert {path.name: path.read_bytes() for path in (tmp_path / "downloads").iterdir()} == expected(dist)
    assert "reading without it" in warnings[-1]


# Lists lag behind, people publish meanwhile: nothing of anybody else is lost.


def test_other_bytes_that_a_list_did_not_show_are_not_replaced(dist: Path, github: FakeGitHub) -> None:
    stranger = github.add_asset(github.add_release(TAG), DEB, b"somebody else's")
    github.asset_lag = 1
    with pytest.raises(Refused, match="other files"):
        go(dist, github)
    assert github.count("DELETE") == 0
    assert github.contents(TAG)[DEB] == stranger.data


def test_what_arrived_garbled_is_sent_again(dist: Path, github: FakeGitHub) -> None:
    github.faults = [Fault("garbled", path="/uploads", times=2)]
    go(dist, github)
    assert github.contents(TAG) == expected(dist)
    assert github.count("DELETE") == 2


@pytest.mark.parametrize("at", [("GET", "/assets"), ("POST", "/uploads")], ids=" ".join)
def test_what_is_published_meanwhile_is_left_alone(at: tuple[str, str], attested: Path, github: FakeGitHub, warnings: list[str]) -> None:
    """Attestations of a draft are replaced by newer ones; a person publishes it before."""
    made = github.releases[go(attested, github).id]
    before = github.contents(TAG)
    attest(attested, mark="newer")

    def publish(method: str, path: str) -> None:
        made.draft = made.draft and not (method == at[0] and at[1] in path)

    github.on_request = publish
    github.log.clear()
    assert not go(attested, github).draft
    kept = {name for name, data in github.contents(TAG).items() if data == before.get(name)}
    assert kept == before.keys(), "nothing is lost, and nothing replaced"
    if at[0] == "GET":
        assert writes(github) == []
    added = {name for name in github.contents(TAG) if name not in before}  # what was on its way beside the old ones at that moment
    assert added <= {f"{name}{BESIDE}" for name in before}
    assert all(name in warnings[-1] for name in added)
    assert all(name in " ".join(warnings) for name in kept - {MANIFEST, SUMS} if name.endswith(BUNDLE_SUFFIX))


def stopped(dist: Path, github: FakeGitHub) -> StoredRelease:
    """A draft as a run leaves it that was stopped after its first upload, on another machine."""
    state = make_goal(dist, Wanted(repo="acme/demo", tag=TAG)).state()
    draft = github.add_release(TAG)
    draft.name, draft.body = state["name"], state["body"]
    github.add_asset(draft, DEB, expected(dist)[DEB])
    return draft


def test_a_list_that_lags_after_a_stopped_run_makes_no_second_draft(dist: Path, github: FakeGitHub) -> None:
    draft = stopped(dist, github)
    github.list_lag = 1
    assert go(dist, github).id == draft.id
    assert list(github.releases) == [draft.id]
    assert github.contents(TAG) == expected(dist)


def test_a_draft_is_remembered_from_the_moment_it_is_made(dist: Path, github: FakeGitHub) -> None:
    github.faults = [Fault("503", path="/uploads", times=1000)]
    with pytest.raises(RemoteFailed):
        go(dist, github)
    github.faults, github.list_lag = [], 1000
    go(dist, github)
    assert github.log.count("POST /repos/acme/demo/releases") == 1
    assert github.contents(TAG) == expected(dist)


def test_what_was_remembered_may_be_gone_or_another(dist: Path, github: FakeGitHub) -> None:
    first = go(dist, github).id
    del github.releases[first]
    second = go(dist, github).id
    github.releases[second].tag = "v0.9"
    third = go(dist, github).id
    assert len({first, second, third}) == 3
    (dist / "release.json").write_text("{")
    assert go(dist, github).id == third


def test_a_list_without_files_does_not_cost_a_full_draft(dist: Path, github: FakeGitHub) -> None:
    """An older empty draft comes to light at the end, when the list shows ours without its files."""
    github.bare_lists = True
    older: list[StoredRelease] = []

    def surface(method: str, path: str) -> None:
        if method == "POST" and "/uploads" in path and not older:
            (ours,) = github.releases.values()
            older.append(StoredRelease(id=1, tag=TAG, name=ours.name, body=ours.body, draft=True, prerelease=False, target=ours.target))
            github.releases[1] = older[0]

    github.on_request = surface
    number = go(dist, github).id
    assert list(github.releases) == [number]
    assert github.contents(TAG) == expected(dist)


def test_a_second_draft_with_files_that_the_list_does_not_show_is_not_deleted(dist: Path, github: FakeGitHub) -> None:
    stopped(dist, github)
    stopped(dist, github)
    github.bare_lists = True
    with pytest.raises(Refused, match="2 drafts"):
        go(dist, github)
    assert len(github.releases) == 2


@pytest.mark.parametrize("path", ["/assets", "/releases/1"])
def test_what_was_just_made_is_not_found_for_a_moment(path: str, dist: Path, github: FakeGitHub) -> None:
    github.faults = [Fault("404", method="GET", path=path, times=3), Fault("404", method="PATCH", path="/releases/1")]
    go(dist, github)
    assert github.contents(TAG) == expected(dist)
    assert len(github.releases) == 1


# What is published stays so: it has its evidence, and says what it is.


@pytest.mark.parametrize("name", [ATTESTATIONS, f"{DEB}{BUNDLE_SUFFIX}", f"{MANIFEST}{BUNDLE_SUFFIX}", f"{SUMS}{BUNDLE_SUFFIX}"])
@pytest.mark.parametrize("damage", ["absent", "stale", "no bundle"])
def test_what_is_not_attested_is_not_published(name: str, damage: str, attested: Path, github: FakeGitHub, warnings: list[str]) -> None:
    data = {"absent": None, "stale": (attested / name).read_bytes(), "no bundle": b"{}\n"}[damage]
    if damage == "stale":
        make_release(attested, contents={DEB: b"built again"})
        new_sums = (attested / SUMS).read_bytes()
        attest(attested)
        assert new_sums == (attested / SUMS).read_bytes()
    (attested / name).unlink()
    if data is not None:
        (attested / name).write_bytes(data)
    with pytest.raises(Refused, match="not attested") as caught:
        go(attested, github, publish=True)
    assert name in " ".join(map(str, caught.value.problems))
    assert "coldforge attest" in caught.value.hint
    assert github.log == []
    go(attested, github)
    assert any(name in line and "coldforge attest" in line for line in warnings)


def test_sums_must_be_there_and_right(dist: Path, github: FakeGitHub) -> None:
    right = (dist / SUMS).read_bytes()
    for wrong in (b"", right.replace(b"0", b"1"), right + b"x", right.partition(b"\n")[0] + b"\n"):
        (dist / SUMS).write_bytes(wrong)
        with pytest.raises(Refused, match="is not about the files"):
            go(dist, github)
    (dist / SUMS).unlink()
    with pytest.raises(Refused, match="is missing"):
        go(dist, github)
    assert github.log == []


def test_files_of_no_known_commit_are_not_published(dist: Path, github: FakeGitHub) -> None:
    change_manifest(dist, commit="")
    attest(dist)
    github.tags[TAG] = "f" * 40
    with pytest.raises(Refused, match="without a commit"):
        go(dist, github, publish=True)
    assert github.log == []


@pytest.mark.parametrize(
    ("others", "tag", "latest"),
    [
        (["demo-2.0.0"], "demo-1.0.0", "false"),
        (["demo@v2.0.0"], "demo@v1.0.0", "false"),
        (["demo/v0.9.0", "nightly"], "demo/v1.0.0", "true"),
        (["v0.9.0"], TAG, "true"),
    ],
)
def test_the_latest_is_that_of_the_highest_version(others: list[str], tag: str, latest: str, attested: Path, github: FakeGitHub) -> None:
    for other in others:
        github.add_release(other, draft=False)
    record = release(attested, Wanted(repo="acme/demo", tag=tag, publish=True), api_url=github.url)
    assert github.releases[record.id].latest == latest


@pytest.mark.parametrize("moment", ["GET /repos/acme/demo/releases", "PATCH"])
def test_what_a_person_edits_while_it_is_published_stays(moment: str, attested: Path, github: FakeGitHub) -> None:
    """The third list is asked for the latest version, after all looks at the draft; the PATCH is what publishes."""
    made = github.releases[go(attested, github).id]
    github.log.clear()

    def edit(method: str, path: str) -> None:
        if f"{method} {path}".startswith(moment) and github.log.count(f"{method} {path}") == (3 if method == "GET" else 1):
            made.body, made.name = f"{made.body} By hand.", "Our demo"
            made.prerelease = method == "GET"  # what is sent at this very moment cannot know of it

    github.on_request = edit
    go(attested, github, publish=True)
    assert (made.draft, made.name, made.prerelease) == (False, "Our demo", moment != "PATCH")
    assert made.body.endswith(" By hand.")


@pytest.mark.parametrize(("field", "shown"), [("name", "name: ''"), ("body", "body: ''"), ("tag_name", "tag_name: 'untagged-")])
def test_what_github_does_not_take_over_is_named(field: str, shown: str, dist: Path, github: FakeGitHub) -> None:
    github.add_release(TAG).name = ""
    github.deaf = {field}
    with pytest.raises(RemoteFailed, match="completing the draft failed") as caught:
        go(dist, github)
    assert shown in caught.value.why


def test_what_a_person_made_a_prerelease_is_published_as_one(attested: Path, github: FakeGitHub) -> None:
    made = github.releases[go(attested, github).id]
    made.prerelease = True
    go(attested, github, publish=True)
    assert (made.draft, made.prerelease, made.latest) == (False, True, "false")


def test_a_candidate_is_a_prerelease_whoever_made_the_draft(tmp_path: Path, github: FakeGitHub) -> None:
    make_release(tmp_path, version="1.0.0rc1")
    attest(tmp_path)
    made = github.add_release("v1.0.0rc1")
    release(tmp_path, Wanted(repo="acme/demo", tag="v1.0.0rc1", publish=True), api_url=github.url)
    assert (made.draft, made.prerelease, made.latest) == (False, True, "false")


def published(dist: Path, github: FakeGitHub, **options: bool) -> StoredRelease:
    made = github.add_release(TAG, draft=False)
    for name, data in expected(dist).items():
        github.add_asset(made, name, data, **options)
    return made


def test_without_digests_what_is_published_is_compared(dist: Path, github: FakeGitHub) -> None:
    made = published(dist, github, digest=False)
    assert go(dist, github).id == made.id
    asset = next(asset for asset in made.assets.values() if asset.name == DEB)
    asset.data = bytes(len(asset.data))
    with pytest.raises(Refused, match="published already, with other files") as caught:
        go(dist, github)
    assert [str(problem) for problem in caught.value.problems] == [f"{DEB} has other bytes there"]


def test_what_differs_in_what_is_published_is_named(attested: Path, github: FakeGitHub, warnings: list[str]) -> None:
    made = published(attested, github)
    go(attested, github)
    assert warnings == []
    bundle = next(number for number, asset in made.assets.items() if asset.name == f"{DEB}{BUNDLE_SUFFIX}")
    del made.assets[bundle]
    github.add_asset(made, "trojan.exe", b"x")
    go(attested, github)
    assert [f"{DEB}{BUNDLE_SUFFIX}" in warnings[0], "trojan.exe" in warnings[1], len(warnings)] == [True, True, 2]
    next(asset for asset in made.assets.values() if asset.name == DEB).state = "starter"
    with pytest.raises(Refused, match="published already"):
        go(attested, github)
    assert writes(github) == []


def test_where_no_digest_is_ever_told_all_bytes_are_compared(dist: Path, github: FakeGitHub) -> None:
    github.digests = False
    record = go(dist, github)
    assert github.contents(TAG) == expected(dist)
    asset = next(asset for asset in github.releases[record.id].assets.values() if asset.name == DEB)
    assert f"GET /repos/acme/demo/releases/assets/{asset.id}" in github.log
    github.log.clear()
    go(dist, github)
    assert github.log.count(f"GET /repos/acme/demo/releases/assets/{asset.id}") == 1
    asset.data = bytes(len(asset.data))
    with pytest.raises(Refused, match="other files"):
        go(dist, github)


def test_bytes_that_were_lost_on_the_way_are_found_without_a_digest(attested: Path, github: FakeGitHub) -> None:
    github.digests = False
    github.faults = [Fault("garbled", path="/uploads")]
    with pytest.raises(Refused, match="other files"):
        go(attested, github, publish=True)
    assert all(made.draft for made in github.releases.values())


def test_the_token_follows_no_page_to_another_server(dist: Path, github: FakeGitHub) -> None:
    for number in range(101):
        github.add_release(f"v0.{number}", draft=False)
    with FakeGitHub() as elsewhere:
        github.next_server = elsewhere.url
        with pytest.raises(RemoteFailed, match="on another server"):
            go(dist, github)
        assert elsewhere.log == []


# GitHub's own client sees in our fake what it would see at GitHub.


def gh(github: FakeGitHub, *words: str, check: bool = True) -> str:
    program = tool("gh", GH)
    with TemporaryDirectory() as home:  # it remembers for a day what a server can do
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "GH_HOST": "github.localhost",
            "GH_TOKEN": WRITER,
            "GH_ENTERPRISE_TOKEN": WRITER,
            "HTTP_PROXY": github.url,
            "GH_PROMPT_DISABLED": "1",
            "NO_COLOR": "1",
        }
        done = subprocess.run([program, *words], env=environment, capture_output=True, text=True, check=False, timeout=60)
    if check:
        assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_githubs_own_client_sees_what_we_released(attested: Path, github: FakeGitHub, tmp_path: Path) -> None:
    go(attested, github, publish=True)
    shown = gh(github, "release", "view", TAG, "-R", "github.localhost/acme/demo", "--json", "assets,tagName,isDraft")
    assert DEB in shown
    assert '"isDraft":false' in shown
    gh(github, "release", "download", TAG, "-R", "github.localhost/acme/demo", "-D", str(tmp_path / "gh"))
    assert {path.name: path.read_bytes() for path in (tmp_path / "gh").iterdir()} == expected(attested)


def test_githubs_own_client_is_served_by_the_fake(dist: Path, github: FakeGitHub, tmp_path: Path) -> None:
    place = ["-R", "github.localhost/acme/demo"]
    file = tmp_path / "notes.txt"
    file.write_text("hello")
    gh(github, "release", "create", "v9", "--title", "nine", "--notes", "text", "--target", "main", *place)
    gh(github, "release", "upload", "v9", str(file), *place)
    assert github.contents("v9") == {"notes.txt": b"hello"}
    again = gh(github, "release", "upload", "v9", str(file), *place, check=False)
    assert "already exists" in again
    assert "nine" in gh(github, "release", "list", *place)
    gh(github, "release", "delete", "v9", "--yes", *place)
    assert github.releases == {}


def test_githubs_own_client_edits_and_deletes(dist: Path, github: FakeGitHub, tmp_path: Path) -> None:
    place = ["-R", "github.localhost/acme/demo"]
    number = go(dist, github).id
    gh(github, "release", "edit", TAG, "--title", "by hand", "--prerelease", *place)
    made = github.releases[number]
    assert (made.name, made.prerelease, made.draft, made.tag) == ("by hand", True, True, TAG)
    file = tmp_path / DEB
    file.write_bytes(b"newer")
    gh(github, "release", "upload", TAG, str(file), "--clobber", *place)
    assert github.contents(TAG)[DEB] == b"newer"
    assert "draft" in gh(github, "release", "view", TAG, *place)
    gh(github, "release", "edit", TAG, "--draft=false", *place)
    assert not made.draft
    gh(github, "release", "download", TAG, "--pattern", DEB, "--dir", str(tmp_path / "got"), *place)
    assert (tmp_path / "got" / DEB).read_bytes() == b"newer"


def test_an_enterprise_server_has_its_api_under_a_path(dist: Path, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(101):
        github.add_release(f"v0.{number}", draft=False)
    monkeypatch.setenv("GITHUB_API_URL", f"{github.url}/api/v3")
    release(dist, Wanted(repo="acme/demo", tag=TAG))
    assert github.contents(TAG) == expected(dist)


def test_what_the_environment_says_of_each_server_counts(attested: Path, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API has a name that only the proxy knows; uploads go to another server, directly."""
    used: set[str] = set()
    answering = FakeGitHub.handle

    def handle(fake: FakeGitHub, method: str, url: str, *more: Any) -> Any:
        used.add(url.partition("/repos/")[0])
        return answering(fake, method, url, *more)

    monkeypatch.setattr(FakeGitHub, "handle", handle)
    monkeypatch.setenv("HTTP_PROXY", github.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    release(attested, Wanted(repo="acme/demo", tag=TAG, publish=True), api_url="http://github.example")
    assert github.contents(TAG) == expected(attested)
    assert used == {"http://github.example", "/uploads"}


# Before any build minute, and before publishing.


def tell_plan(dist: Path, *names: str, required: bool) -> None:
    """What was planned: the artifacts that are there, and a second target with these."""
    made = [{"name": artifact.name} for artifact in read(dist / MANIFEST, Manifest).artifacts]
    second = {"target": "linux-aarch64", "required": required, "artifacts": [{"name": name} for name in names]}
    (dist / "plan.json").write_text(json.dumps({"targets": [{"target": "linux-x86_64", "artifacts": made}, second]}))


def test_without_a_required_target_it_is_not_published(attested: Path, github: FakeGitHub, warnings: list[str]) -> None:
    tell_plan(attested, "demo_1.0.0_arm64.deb", required=True)
    with pytest.raises(Refused, match="without all required files") as caught:
        go(attested, github, publish=True)
    assert "demo_1.0.0_arm64.deb was planned and is not there" in str(caught.value.problems[0])
    assert github.log == []
    made = github.releases[go(attested, github).id]
    assert made.draft
    assert "demo_1.0.0_arm64.deb" in warnings[0]
    told = "Not complete yet.** Planned and not there: demo_1.0.0_arm64.deb"
    assert told in made.body, "who looks at the draft sees no console"
    tell_plan(attested, required=True)
    go(attested, github)
    assert told not in made.body


def test_an_optional_target_that_is_missing_is_told(attested: Path, github: FakeGitHub, warnings: list[str]) -> None:
    tell_plan(attested, "demo_1.0.0_arm64.deb", required=False)
    made = github.releases[go(attested, github, publish=True).id]
    assert not made.draft
    assert "Not in this release: linux-aarch64" in made.body
    assert "linux-aarch64" in warnings[0]


def test_of_an_optional_target_that_is_partly_there_the_files_that_lack_are_told(attested: Path, github: FakeGitHub) -> None:
    made = [{"name": artifact.name} for artifact in read(attested / MANIFEST, Manifest).artifacts]
    target = {"target": "linux-x86_64", "required": False, "artifacts": [*made, {"name": "demo-1.0.0.rpm"}]}
    (attested / "plan.json").write_text(json.dumps({"targets": [target]}))
    assert "Not in this release: demo-1.0.0.rpm\n" in github.releases[go(attested, github).id].body


def test_a_dry_run_finds_what_github_would_refuse(dist: Path, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    github.archived = True
    with pytest.raises(Refused, match="archived"):
        go(dist, github, dry_run=True)
    monkeypatch.setenv("GITHUB_TOKEN", READER)
    with pytest.raises(Missing, match="may not write") as caught:
        go(dist, github, dry_run=True)
    assert "contents: write" in caught.value.hint
    assert writes(github) == []


def question(*, writes: bool = True, files: int = 1, name: str = "demo", project: Path = SOURCE, tag: str = TAG) -> preflight.Question:
    """The plan of a release of so many files."""
    made = tuple(PlannedArtifact(name=f"{name}-{number}.tar.gz", format="tar.gz") for number in range(files))
    target = PlannedTarget(target="linux-x86_64", freezer="pyinstaller", artifacts=made)
    product = Product(name="demo", version="1.0.0", executables=())
    source = SourceRecord(commit="a" * 40, tag=tag, repository="acme/demo", epoch=1)
    plan = Plan(coldforge="0", product=product, source=source, config=Config(), targets=(target,))
    return preflight.Question(plan=plan, project=project, tag=tag, writes=writes)


def stands_in_the_way(github: FakeGitHub, asked: preflight.Question, *, token: str = WRITER) -> list[str]:
    problems, _ = preflight.ask(GitHub("acme/demo", api_url=github.url, token=token), asked)
    assert writes(github) == []
    return [problem.what for problem in problems]


def test_what_stands_in_the_way_is_seen_without_any_file(github: FakeGitHub) -> None:
    assert stands_in_the_way(github, question()) == []
    github.tags[TAG] = "b" * 40
    github.add_release(TAG)
    github.add_release(TAG)
    github.add_release(TAG, draft=False, immutable=True)
    github.archived = True
    found = stands_in_the_way(github, question())
    expected_words = ("archived", "names bbbb", "immutable already, without demo-0.tar.gz", "2 drafts")
    assert [word in what for word, what in zip(expected_words, found, strict=True)] == [True] * 4


@pytest.mark.parametrize("there", [True, False])
def test_that_a_tag_is_not_there_yet_is_told(there: bool, github: FakeGitHub) -> None:
    github.tags = {TAG: "a" * 40} if there else {}
    problems, known = preflight.ask(GitHub("acme/demo", api_url=github.url, token=WRITER), question())
    assert problems == ()
    assert any(f"no tag {TAG} yet: GitHub makes it of commit aaaaaaaaaaaa" in line for line in known) is not there


def test_what_cannot_be_asked_is_not_known_and_told_so(github: FakeGitHub) -> None:
    """No is what GitHub says, not what it keeps from a token: a job's may not read settings, and few may read attestations."""
    lines = ("whether there are several drafts for v1.0.0", "whether v1.0.0 was", "whether immutable releases are switched on")

    def unknown(token: str) -> list[bool]:
        problems, known = preflight.ask(GitHub("acme/demo", api_url=github.url, token=token), question(writes=False))
        assert problems == ()
        return [any(line in told and "not known" in told for told in known) for line in lines]

    github.tags[TAG] = "a" * 40
    assert unknown(WRITER) == [False, False, False]
    assert unknown(READER) == [True, False, True]
    github.administers = github.tells_attestations = False
    assert unknown(WRITER) == [False, True, True]
    github.tells_attestations = True
    del github.tags[TAG]
    assert unknown(WRITER) == [False, True, True]


@pytest.mark.parametrize("tag", ["v9.9.9", "demo-1.0.0rc1", "demo@v1.0"])
def test_a_tag_that_names_another_version_is_refused(tag: str, attested: Path, github: FakeGitHub) -> None:
    wanted = Wanted(repo="acme/demo", tag=tag, publish=True)
    asked = question(tag=tag)
    if tag.endswith("v1.0"):  # the same version, in fewer words
        assert stands_in_the_way(github, asked) == []
        assert not release(attested, wanted, api_url=github.url).draft
        return
    (found,) = stands_in_the_way(github, asked)
    assert f"{tag} names version" in found
    github.log.clear()
    with pytest.raises(Refused, match="another version") as caught:
        release(attested, wanted, api_url=github.url)
    assert "--tag v1.0.0" in caught.value.hint
    assert github.log == []


@pytest.mark.parametrize("more", [0, 1])
def test_a_draft_that_is_full_takes_newer_attestations_and_no_file_more(more: int, attested: Path, github: FakeGitHub) -> None:
    """What somebody added counts, too; where nothing fits beside the old file, that one goes first."""
    github.judged = False
    draft = github.releases[go(attested, github).id]
    for number in range(1000 - len(draft.assets)):
        github.add_asset(draft, f"poster{number}.png", b"art")
    attest(attested, mark="newer")
    if more:
        del draft.assets[next(number for number, asset in draft.assets.items() if asset.name == DEB)]
        github.add_asset(draft, "poster.png", b"art")
        github.log.clear()
        with pytest.raises(Refused, match="would hold 1001 files, GitHub accepts 1000") as caught:
            go(attested, github)
        assert "poster0.png" in " ".join(map(str, caught.value.problems))
        assert writes(github) == []
    else:
        go(attested, github)
        assert expected(attested).items() <= github.contents(TAG).items()


def test_a_token_that_only_reads_asks_all_but_whether_it_may_write(github: FakeGitHub) -> None:
    assert any("may not write" in what for what in stands_in_the_way(github, question(), token=READER))
    assert stands_in_the_way(github, question(writes=False), token=READER) == []


def test_what_is_good_to_know_beforehand(github: FakeGitHub, tmp_path: Path) -> None:
    github.immutable = True
    (tmp_path / "CHANGELOG.md").write_text("# Changes\n\n## 1.0.0\n\n" + "x" * LONGEST)
    made = github.add_release(TAG, draft=False)
    asked = question(files=40, project=tmp_path)
    for name in asked.names:
        github.add_asset(made, name, b"")
    problems, known = preflight.ask(GitHub("acme/demo", api_url=github.url, token=WRITER), asked)
    assert problems == ()
    words = (
        "v1.0.0 in acme/demo",
        f"{len(asked.names)} uploads take ",
        "immutable releases are switched on",
        "published already",
        "with its changelog as notes",
    )
    assert [word in line for word, line in zip(words, known, strict=True)] == [True] * 5


def test_the_tag_of_a_deleted_immutable_release_is_used_up(attested: Path, github: FakeGitHub) -> None:
    """GitHub takes a draft for it and refuses to publish that, after all the uploads; what it attested tells it before."""
    github.immutable = True
    github.tags[TAG] = "a" * 40
    del github.releases[go(attested, github, publish=True).id]
    github.log.clear()
    (found,) = stands_in_the_way(github, question(writes=False), token=READER)
    assert "v1.0.0 was an immutable release that is deleted" in found
    with pytest.raises(Refused, match="is used up") as caught:
        go(attested, github, dry_run=True)
    assert "Raise the version" in caught.value.hint
    assert writes(github) == []
    with pytest.raises(Refused, match="immutable"):
        go(attested, github, publish=True)
    assert [release.draft for release in github.releases.values()] == [True]


@pytest.mark.parametrize("refusal", ["burnt", "restricted", "no tag"])
def test_a_tag_that_github_lets_nobody_make_is_no_remote_failure(refusal: str, dist: Path, github: FakeGitHub) -> None:
    github.faults = [Fault(refusal, path="/releases")]
    with pytest.raises(Refused) as caught:
        go(dist, github)
    assert "aise the version" in caught.value.hint


def test_a_text_that_github_does_not_take_is_told_before_anything_is_made(dist: Path, github: FakeGitHub, warnings: list[str]) -> None:
    assert stands_in_the_way(github, question(files=480)) == []
    (found,) = stands_in_the_way(github, question(files=480, name="long" * 30))
    assert "table of the files" in found
    assert f"GitHub takes {LONGEST}" in found
    made = github.add_release(TAG)
    made.body = "w" * (LONGEST - 100)
    with pytest.raises(Refused, match="the release's text would have") as caught:
        go(dist, github)
    assert f"{LONGEST - 100} characters are there already" in caught.value.why
    assert writes(github) == []
    (dist / "long.md").write_text("x" * 2 * LONGEST)
    made.body = ""
    go(dist, github, notes=dist / "long.md")
    assert "(cut:" in made.body
    assert any("and are cut" in line for line in warnings)


def test_what_is_published_where_releases_are_immutable_is_locked_and_left_alone(attested: Path, github: FakeGitHub) -> None:
    github.immutable = True
    made = github.releases[go(attested, github, publish=True).id]
    assert made.immutable
    del made.assets[next(number for number, asset in made.assets.items() if asset.name == DEB)]
    github.log.clear()
    with pytest.raises(Refused, match="published already") as caught:
        go(attested, github, replace=True)
    assert "Raise the version" in caught.value.hint
    assert writes(github) == []


@pytest.mark.parametrize(("other", "latest"), [("v0.9.0", "true"), ("v2.0.0", "false")])
@pytest.mark.parametrize("fault", ["502", "cut after"])
def test_published_as_a_prerelease_and_promoted_later(other: str, latest: str, fault: str, attested: Path, github: FakeGitHub) -> None:
    github.add_release(other, draft=False)
    with pytest.raises(ConfigurationError, match="is not published"):
        go(attested, github, promote=True)
    made = github.releases[go(attested, github, publish=True, prerelease=True).id]
    assert (made.draft, made.prerelease, made.latest) == (False, True, "false")
    made.body += " By hand."
    body, files_before = made.body, github.contents(TAG)
    github.log.clear()
    github.faults = [Fault(fault, method="PATCH")]
    go(attested, github, promote=True)
    assert (made.draft, made.prerelease, made.latest, made.tag, made.body) == (False, False, latest, TAG, body)
    assert github.contents(TAG) == files_before
    assert {line.partition(" ")[0] for line in writes(github)} == {"PATCH"}
    github.log.clear()
    go(attested, github, promote=True)
    assert writes(github) == []


def test_who_edits_the_text_while_it_is_promoted_keeps_it(attested: Path, github: FakeGitHub) -> None:
    made = github.releases[go(attested, github, publish=True, prerelease=True).id]

    def edit(method: str, _path: str) -> None:
        if method == "PATCH":
            made.body, made.name = "Written by hand.", "By hand"

    github.on_request = edit
    go(attested, github, promote=True)
    assert (made.prerelease, made.body, made.name) == (False, "Written by hand.", "By hand")


def test_a_candidate_is_not_promoted_to_a_release(tmp_path: Path, github: FakeGitHub) -> None:
    make_release(tmp_path, version="1.0.0rc1")
    attest(tmp_path)
    with pytest.raises(ConfigurationError, match="cannot be promoted") as caught:
        release(tmp_path, Wanted(repo="acme/demo", tag="v1.0.0rc1", promote=True), api_url=github.url)
    assert "by its version" in caught.value.why
    assert github.log == []


@pytest.mark.parametrize("ready", [True, False])
def test_a_plan_asks_github_when_it_is_told_to(ready: bool, github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", READER)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "demo"\nversion = "1.0.0"\n[project.scripts]\ndemo = "demo:main"\n')
    if not ready:
        github.add_release(TAG, draft=False)
    words = ["plan", "--release", "--repo", "acme/demo", "--api-url", github.url, str(tmp_path)]
    untagged = CliRunner().invoke(coldforge, words)
    assert isinstance(untagged.exception, ConfigurationError)
    assert github.log == []
    done = CliRunner().invoke(coldforge, [*words, "--tag", TAG])
    assert isinstance(done.exception, Refused) is not ready
    assert ready or "published already" in str(done.exception.problems[0])  # type: ignore[union-attr]  # a Refused, as was just seen
    assert writes(github) == []


@pytest.mark.parametrize("ready", [True, False])
def test_doctor_asks_github_when_it_is_told_to(ready: bool, github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/demo")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "demo"\nversion = "1.0.0"\n[project.scripts]\ndemo = "demo:main"\n')
    (tmp_path / "demo.py").write_text("def main(): pass\n")
    if not ready:
        github.add_release(TAG, draft=False)
    found = [check for check in doctor.examine(tmp_path, release=True, api_url=github.url) if check.name == "release"]
    assert [(check.state, check.fix) for check in found] == [
        ("ok", "") if ready else ("missing", "what is published stays so: raise the version")
    ]
    assert writes(github) == []


def test_other_bytes_in_a_draft_are_swapped_when_asked_to(dist: Path, github: FakeGitHub) -> None:
    old = github.add_asset(github.add_release(TAG), DEB, b"built before")
    seen: list[set[str]] = []
    github.on_request = lambda method, _path: seen.append(set(github.contents(TAG))) if method == "DELETE" else None
    go(dist, github, replace=True)
    assert github.contents(TAG) == expected(dist)
    assert seen == [seen[0]]
    assert {DEB, DEB + BESIDE} <= seen[0], "the new one was whole before the old one went"
    assert old.id not in next(iter(github.releases.values())).assets


# Scale.


def test_a_thousand_files_and_no_request_too_many(tmp_path: Path, github: FakeGitHub) -> None:
    make_release(tmp_path, contents={f"file{number:03}.bin": b"%d" % number for number in range(998)})
    github.judged = False
    go(tmp_path, github)
    assert len(github.contents(TAG)) == 1000
    assert github.count("POST") == 1001
    github.log.clear()
    go(tmp_path, github)
    assert github.count("GET") == len(github.log) == 3 + 9, "the tag, the releases, and ten pages of files"


def test_no_more_than_eight_files_go_up_or_come_down_at_once(tmp_path: Path, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    make_release(tmp_path, contents={f"file{number:02}.bin": b"%d" % number for number in range(30)})
    attest(tmp_path)
    answering, lock = FakeGitHub.handle, Lock()
    running, most = Counter[str](), Counter[str]()

    def handle(fake: FakeGitHub, method: str, url: str, *more: Any) -> Any:
        kind = "up" if method == "POST" else "down" if "/releases/assets/" in url else "other"
        with lock:
            running[kind] += 1
            most[kind] = max(most[kind], running[kind])
        time.sleep(0.02)
        try:
            return answering(fake, method, url, *more)
        finally:
            with lock:
                running[kind] -= 1

    github.add_release(TAG)
    monkeypatch.setattr(FakeGitHub, "handle", handle)
    go(tmp_path, github, publish=True)
    assert 1 < most["up"] <= wire.CONNECTIONS
    assert 1 < most["down"] <= wire.CONNECTIONS


def test_what_does_not_wait_for_each_other_runs_side_by_side(dist: Path, github: FakeGitHub) -> None:
    """Each of these requests is answered only when all of its group are there; and there is none besides."""
    number = github.add_release(TAG).id
    api, draft, uploads = "/repos/acme/demo", f"/repos/acme/demo/releases/{number}", f"/uploads/repos/acme/demo/releases/{number}/assets"
    again = [f"GET {path}" for path in (f"{api}/releases", draft, f"{draft}/assets", f"{api}/releases/tags/{TAG}")]
    groups = [
        [f"GET {api}/commits/tags/{TAG}", f"GET {api}/releases"],
        [f"GET {draft}", f"GET {draft}/assets"],
        [f"PATCH {draft}", f"POST {uploads}", f"POST {uploads}", f"GET {draft}"],
        [*again, f"POST {uploads}", f"POST {uploads}"],
    ]
    meetings = [(list(group), Barrier(len(group))) for group in groups]
    alone: list[str] = []

    def meet(method: str, path: str) -> None:
        request = f"{method} {path}"
        group, barrier = next((pair for pair in meetings if request in pair[0]), ([request], Barrier(2)))
        group.remove(request)
        try:
            barrier.wait(timeout=20)
        except BrokenBarrierError:
            alone.append(request)

    github.on_request = meet
    go(dist, github)
    assert alone == []
    assert sorted(github.log) == sorted(request for group in groups for request in group)


def test_a_file_takes_no_memory_however_large(tmp_path: Path, github: FakeGitHub) -> None:
    """Neither when it is uploaded nor when it is downloaded to be published."""
    size = 2**29
    make_sparse(tmp_path, size)
    attest(tmp_path)
    words = ["release", str(tmp_path), "--repo", "acme/demo", "--tag", TAG, "--publish", "--api-url", github.url]
    measured = "import sys; from coldforge.cli import main; code = 0\ntry: main()\nexcept SystemExit as end: code = end.code\n"
    program = measured + "print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0]); sys.exit(code)"
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    (made,) = github.releases.values()
    assert {asset.huge[0] for asset in made.assets.values() if asset.huge} == {size}
    assert not made.draft
    assert int(done.stdout.split()[-1]) < 150_000, "kilobytes"
