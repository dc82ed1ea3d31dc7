"""Releasing against a fake GitHub whose every answer is checked by GitHub's own description, and by GitHub's own client."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from coldforge.errors import ConfigurationError, Missing, Refused, RemoteFailed
from coldforge.records import MANIFEST, SUMS
from coldforge.release.download import download_release
from coldforge.release.draft import ReleaseRecord, release
from support import openapi
from support.fake_github import READER, WRITER, FakeGitHub, Fault
from support.releases import make_release
from support.require import tool

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


def expected(dist: Path) -> dict[str, bytes]:
    paths = [*(dist / "linux-x86_64").glob("demo*"), dist / MANIFEST, dist / SUMS]
    return {path.name: path.read_bytes() for path in paths}


def go(dist: Path, github: FakeGitHub, **options: object) -> ReleaseRecord:
    return release(dist, repo="acme/demo", tag=TAG, api_url=github.url, **options)  # type: ignore[arg-type]  # passed through


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


@pytest.mark.parametrize("after", [1, 2, 3, 4, 5, 6, 7, 8])
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


def test_publishing_is_asked_for_and_a_backport_is_not_the_latest(dist: Path, github: FakeGitHub) -> None:
    github.add_release("v2.0.0", draft=False)
    record = go(dist, github, publish=True)
    made = github.releases[record.id]
    assert (made.draft, made.latest, made.tag) == (False, "false", TAG)
    github.log.clear()
    assert go(dist, github).id == record.id
    assert {line.partition(" ")[0] for line in github.log} == {"GET"}


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
    with pytest.raises(ConfigurationError, match="where"):
        release(dist, repo="nonsense", tag=TAG, api_url=github.url)


def test_a_release_is_downloaded_whole(dist: Path, github: FakeGitHub, tmp_path: Path) -> None:
    go(dist, github, publish=True)
    folder = tmp_path / "downloads"
    download_release("acme/demo", TAG, folder, api_url=github.url)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == expected(dist)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_breaks_is_taken_up_where_it_broke(ranges: bool, dist: Path, github: FakeGitHub, tmp_path: Path) -> None:
    go(dist, github, publish=True)
    github.ranges = ranges
    github.faults = [Fault("cut within", method="GET", path="/releases/assets/", times=3)]
    folder = tmp_path / "downloads"
    download_release("acme/demo", TAG, folder, api_url=github.url)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == expected(dist)


@pytest.mark.parametrize("name", ["../evil", "DEMO_1.0.0_AMD64.deb", "a\\b"])
def test_a_name_that_cannot_be_trusted_is_refused(name: str, dist: Path, github: FakeGitHub, tmp_path: Path) -> None:
    go(dist, github)
    (draft,) = github.releases.values()
    github.add_asset(draft, name, b"x")
    with pytest.raises(Refused, match="cannot be trusted"):
        download_release("acme/demo", TAG, tmp_path / "downloads", api_url=github.url)


# GitHub's own client sees in our fake what it would see at GitHub.


def gh(github: FakeGitHub, *words: str, check: bool = True) -> str:
    program = tool("gh", "apt-get install gh")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
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


def test_githubs_own_client_sees_what_we_released(dist: Path, github: FakeGitHub, tmp_path: Path) -> None:
    go(dist, github, publish=True)
    shown = gh(github, "release", "view", TAG, "-R", "github.localhost/acme/demo", "--json", "assets,tagName,isDraft")
    assert DEB in shown
    assert '"isDraft":false' in shown
    gh(github, "release", "download", TAG, "-R", "github.localhost/acme/demo", "-D", str(tmp_path / "gh"))
    assert {path.name: path.read_bytes() for path in (tmp_path / "gh").iterdir()} == expected(dist)


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
