"""Whatever happens to whichever request, and wherever the process is killed: running again ends in exactly the planned release.

One connection makes the requests come in one order, so that a schedule is known by its name: the situation, what happens, and to
which request. To see one again: -k the test's name, with the number of the request that its failure tells.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Final

import pytest

from coldforge.errors import ColdforgeError
from coldforge.host import clock
from coldforge.release import wire
from coldforge.release.draft import Wanted, release
from coldforge.release.goal import make_goal
from coldforge.release.reconcile import BESIDE
from support.fake_github import MISFORTUNES, SLOW, WRITER, FakeGitHub, StoredRelease
from support.releases import attest, expected, make_release

pytestmark = pytest.mark.integration
TAG: Final = "v1.0.0"
DEB: Final = "demo_1.0.0_amd64.deb"
WANTED: Final = Wanted(repo="acme/demo", tag=TAG)
# These end a run, because nothing says that trying again would help: the message says what to do, and the next run goes on.
ENDING: Final = {
    "401", "403", "404", "409", "asset exists", "tag exists", "too many", "too large", "immutable", "burnt", "restricted", "no tag",
    "killed before", "killed after",
}  # fmt: skip
# These can put something there after a run's last look: the run after it sees and clears it.
LATE: Final = {"slow", "rival"}
SEEDS: Final = 100
CONNECTIONS: Final = wire.CONNECTIONS


class Killed(BaseException):
    """The process ends here: nothing of coldforge catches it."""


@pytest.fixture(scope="module")
def server() -> Iterator[FakeGitHub]:
    with FakeGitHub() as fake:
        fake.judged = False  # the same requests are judged in test_release.py
        yield fake


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """For drafts two artifacts, what describes them, and one attestation: six files. What is published is attested whole: eight files."""
    some = tmp_path_factory.mktemp("faults") / "dist"
    make_release(some)
    attest(some)
    for bundle in some.glob("*.sigstore.json"):
        if bundle.name != f"{DEB}.sigstore.json":
            bundle.unlink()
    whole = tmp_path_factory.mktemp("published") / "dist"
    make_release(whole, contents={DEB: b"package of 1.0.0"})
    attest(whole)
    return {name: some if situation.wanted == WANTED else whole for name, situation in SITUATIONS.items()}


@pytest.fixture(autouse=True)
def _still(server: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection, and a clock that takes no time to wait; a client that was killed waits for nothing."""
    monkeypatch.setenv("GITHUB_TOKEN", WRITER)
    monkeypatch.setattr(wire, "CONNECTIONS", 1)
    waited = 0.0

    def sleep(seconds: float) -> None:
        nonlocal waited
        waited += seconds
        if server.dead:
            raise Killed
        server.up()

    monkeypatch.setattr(clock, "sleep", sleep)
    monkeypatch.setattr(clock, "now", lambda: waited)


# What is there before.


def nothing(server: FakeGitHub, dist: Path) -> None:
    """No release, and no tag."""
    del server, dist


def stopped(server: FakeGitHub, dist: Path) -> StoredRelease:
    """A draft as a run leaves it that is stopped in the middle: a file, half a file, and a file that somebody added."""
    state = make_goal(dist, WANTED).state()
    draft = server.add_release(TAG)
    draft.name, draft.body, draft.target = state["name"], state["body"], state["target_commitish"]
    server.add_asset(draft, DEB, expected(dist)[DEB])
    server.add_asset(draft, "manifest.json", b"", state="starter")
    server.add_asset(draft, "poster.png", b"art")
    return draft


def older(server: FakeGitHub, dist: Path) -> None:
    """A whole draft with manifest and attestations of a run before, whose exchange was stopped: of the one late, of the other early."""
    draft = stopped(server, dist)
    draft.assets.clear()
    for name, data in expected(dist).items():
        renewed = name in ("manifest.json", "attestations.jsonl")
        server.add_asset(draft, name, b"older" if renewed else data)
    server.add_asset(draft, f"manifest.json{BESIDE}", expected(dist)["manifest.json"])
    server.add_asset(draft, f"attestations.jsonl{BESIDE}", b"", state="starter")


def whole(server: FakeGitHub, dist: Path) -> StoredRelease:
    """A whole draft."""
    draft = stopped(server, dist)
    draft.assets.clear()
    for name, data in expected(dist).items():
        server.add_asset(draft, name, data)
    return draft


def nearly(server: FakeGitHub, dist: Path) -> None:
    """A draft without one of its files."""
    draft = whole(server, dist)
    del draft.assets[next(number for number, asset in draft.assets.items() if asset.name == DEB)]


def tried(server: FakeGitHub, dist: Path) -> None:
    """A published pre-release."""
    release = whole(server, dist)
    release.draft, release.prerelease = False, True


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is there `before`, and what is `wanted` then."""

    before: Callable[[FakeGitHub, Path], object]
    wanted: Wanted = WANTED


SITUATIONS: Final[dict[str, Situation]] = {
    "nothing": Situation(before=nothing),
    "stopped": Situation(before=stopped),
    "older": Situation(before=older),
    "to publish": Situation(before=whole, wanted=replace(WANTED, publish=True)),
    "to try": Situation(before=nearly, wanted=replace(WANTED, publish=True, prerelease=True)),
    "to promote": Situation(before=tried, wanted=replace(WANTED, promote=True)),
}


def begin(server: FakeGitHub, dist: Path, situation: str, script: dict[int, str]) -> None:
    server.releases.clear()
    server.uploads.clear()
    server.violations.clear()
    server.tags = {TAG: "a" * 40}
    server.list_lag = server.asset_lag = 0
    (dist / "release.json").unlink(missing_ok=True)
    SITUATIONS[situation].before(server, dist)
    server.log.clear()
    server.script = script
    server.rival = lambda: rival(server, dist)
    files = expected(dist)
    server.on_request = lambda _method, _path: look(server, files)


def look(server: FakeGitHub, files: dict[str, bytes]) -> None:
    """What is published is whole, at any time."""
    server.violations += [f"release {made.id}" for made in list(server.releases.values()) if not made.draft and held(made) != files]


def held(made: StoredRelease) -> dict[str, bytes]:
    return {asset.name: asset.data for asset in made.assets.values() if asset.state == "uploaded"}


def rival(server: FakeGitHub, dist: Path) -> None:
    """Another run of the same release makes its draft."""
    state = make_goal(dist, WANTED).state()
    draft = server.add_release(TAG)
    draft.name, draft.body, draft.target = state["name"], state["body"], state["target_commitish"]


def go(server: FakeGitHub, dist: Path, situation: str) -> None:
    release(dist, SITUATIONS[situation].wanted, api_url=server.url)


def play(server: FakeGitHub, dist: Path, situation: str, script: dict[int, str]) -> None:
    """A run with misfortunes, and the runs after it without: each ends well, or with a message; the last one ends well."""
    begin(server, dist, situation, dict(script))
    ended: list[BaseException] = []
    try:
        go(server, dist, situation)
    except (ColdforgeError, Killed) as error:
        ended.append(error)
    if ended and not ENDING & set(script.values()):
        raise ended[0]
    server.script, server.dead, server.list_lag, server.asset_lag = {}, False, 0, 0
    server.up()
    if "slow" in script.values():
        time.sleep(SLOW)  # until the server has done what nobody waited for any more
    if ended or LATE & set(script.values()):
        go(server, dist, situation)
    check(server, dist, situation, late="slow" in script.values())


def check(server: FakeGitHub, dist: Path, situation: str, *, late: bool) -> None:
    """Exactly the planned release; nothing sent twice that had arrived; and nothing left to do."""
    added = {"poster.png": b"art"} if situation == "stopped" else {}
    wanted, releases = SITUATIONS[situation].wanted, list(server.releases.values())
    final = [made for made in releases if not made.draft] if wanted.publish or wanted.promote else releases
    (made,) = final
    assert held(made) == {**expected(dist), **added}
    assert {asset.state for asset in made.assets.values()} == {"uploaded"}
    assert (made.tag, made.draft, made.body.count("coldforge:begin")) == (TAG, not (wanted.publish or wanted.promote), 1)
    assert (made.prerelease, made.latest) == (wanted.prerelease, "false" if wanted.prerelease else "true")
    assert not any(other.assets for other in releases if other is not made), "what a rival began beside a published release is empty"
    assert server.violations == [], "it was published before it was whole"
    sent = [(number, name.removesuffix(BESIDE)) for number, name, arrived in server.uploads if arrived]
    # an upload that lands long after its request was given up, and after a look that did not show it, is one more that nobody could know of
    assert late or len(sent) == len(set(sent)), "a file that had arrived was sent again"
    server.log.clear()
    go(server, dist, situation)
    assert len(server.log) == 3
    assert server.count("GET") == 3


def requests_of(server: FakeGitHub, dist: Path, situation: str) -> int:
    """How many requests a run takes to which nothing happens."""
    begin(server, dist, situation, {})
    go(server, dist, situation)
    return len(server.log)


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("misfortune", MISFORTUNES)
def test_whatever_happens_to_whichever_request(
    misfortune: str, situation: str, server: FakeGitHub, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    if misfortune == "slow":
        monkeypatch.setattr(wire, "TIMEOUTS", (1, SLOW / 2))
        monkeypatch.setattr("coldforge.release.api.UPLOAD_TIMEOUTS", (1, SLOW / 2))
    dist = folders[situation]
    for number in range(1, requests_of(server, dist, situation) + 1):
        try:
            play(server, dist, situation, {number: misfortune})
        except (AssertionError, ColdforgeError) as error:
            error.add_note(f"request {number}: {misfortune}")
            raise


@pytest.mark.parametrize("start", range(0, SEEDS, 50))
def test_several_misfortunes_in_one_run(start: int, server: FakeGitHub, folders: dict[str, Path]) -> None:
    kinds = sorted(set(MISFORTUNES) - {"slow"})
    for seed in range(start, start + 50):
        chosen = random.Random(seed)
        script = {chosen.randint(1, 30): chosen.choice(kinds) for _ in range(chosen.randint(2, 4))}
        situation = chosen.choice(sorted(SITUATIONS))
        try:
            play(server, folders[situation], situation, script)
        except (AssertionError, ColdforgeError) as error:
            error.add_note(f"seed {seed}, {situation}: {script}")
            raise


def test_with_eight_connections_too(server: FakeGitHub, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "CONNECTIONS", CONNECTIONS)
    for misfortune, number in product(("cut after", "starter", "garbled", "rate"), range(7, 15)):
        play(server, folders["older"], "older", {number: misfortune})


def test_there_are_two_thousand_schedules(server: FakeGitHub, folders: dict[str, Path]) -> None:
    single = sum(requests_of(server, folders[situation], situation) for situation in SITUATIONS) * len(MISFORTUNES)
    assert single + SEEDS >= 2000
