"""Uploading to one loopback server that answers as GitHub does: coldforge, GitHub's own client, and plain requests beside each other.

    chrt -f 1 python benchmarks/releases.py        # needs gh; chrt keeps out what else the machine does

Prints wall time and ratios for many small files without and with latency, and the memory that a file of 2 GiB takes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from measure import cost  # noqa: E402  # beside this file

from support.fake_github import WRITER, FakeGitHub, StoredRelease  # noqa: E402
from support.releases import make_release, make_sparse  # noqa: E402

PLAIN = ROOT / "benchmarks" / "plain_uploads.py"
TAG = "v1.0.0"
COUNTS, SIZE, LATENCIES, TIMES = 200, 100_000, (0.0, 0.1), 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of uploading: its name, and what does it."""

    name: str
    run: Callable[[Path, FakeGitHub, StoredRelease], None]


def by_coldforge(dist: Path, github: FakeGitHub, draft: StoredRelease) -> None:
    del draft
    environment = {"PYTHONPATH": str(ROOT / "src"), "GITHUB_TOKEN": WRITER}
    cost(
        [sys.executable, "-m", "coldforge", "release", dist, "--repo", "acme/demo", "--tag", TAG, "--api-url", github.url], env=environment
    )


def by_gh(dist: Path, github: FakeGitHub, draft: StoredRelease) -> None:
    del draft
    environment = {"GH_HOST": "github.localhost", "GH_TOKEN": WRITER, "GH_ENTERPRISE_TOKEN": WRITER, "HTTP_PROXY": github.url}
    cost(["gh", "release", "upload", TAG, *files(dist), "-R", "github.localhost/acme/demo"], env=environment)


def by_requests(dist: Path, github: FakeGitHub, draft: StoredRelease) -> None:
    """The same work as one would write it by hand: find the draft, upload with a pool of connections, look whether all is there."""
    del draft
    cost([sys.executable, PLAIN, f"{github.url}/repos/acme/demo", TAG, WRITER, *files(dist)])


def by_posts(dist: Path, github: FakeGitHub, draft: StoredRelease) -> None:
    """The uploads and nothing else, to an address that somebody knows: no client that finds the draft can be below this."""
    url = f"{github.url}/uploads/repos/acme/demo/releases/{draft.id}/assets"
    cost([sys.executable, PLAIN, "--blind", url, WRITER, *files(dist)])


def files(dist: Path) -> list[Path]:
    return [*sorted((dist / "linux-x86_64").glob("file*")), dist / "SHA256SUMS", dist / "manifest.json"]


WAYS = (
    Way(name="coldforge", run=by_coldforge),
    Way(name="gh", run=by_gh),
    Way(name="requests", run=by_requests),
    Way(name="posts alone", run=by_posts),
)


def once(dist: Path, way: Way, latency: float) -> float:
    """Seconds of wall time of one run into an empty draft."""
    with FakeGitHub() as github:
        github.judged = False
        github.on_request = lambda _method, _path: time.sleep(latency)
        draft = github.add_release(TAG)
        (dist / "release.json").unlink(missing_ok=True)
        start = time.perf_counter()
        way.run(dist, github, draft)
        seconds = time.perf_counter() - start
        if len(draft.assets) != len(files(dist)):
            raise SystemExit(f"{way.name} left {len(draft.assets)} files")
    return seconds


def many() -> None:
    """The median of several runs of each, taken in turns, so that what else the machine does meets all; and how far ratios spread."""
    with tempfile.TemporaryDirectory() as folder:
        dist = Path(folder)
        make_release(dist, contents={f"file{number:03}.bin": (number % 256).to_bytes(1) * SIZE for number in range(COUNTS)})
        print(f"{COUNTS} files of {SIZE // 1000} kB, seconds of wall time (÷ coldforge's of the same turn)")
        for latency in LATENCIES:
            runs = [{way.name: once(dist, way, latency) for way in WAYS} for _ in range(TIMES)]
            print(f"  latency {latency * 1000:.0f} ms: {', '.join(shown(way.name, runs) for way in WAYS)}")


def shown(name: str, runs: Sequence[Mapping[str, float]]) -> str:
    """The median time of one way, and of its ratio in each turn, with the least and the largest of these."""
    ratios = sorted(run[name] / run["coldforge"] for run in runs)
    return f"{name} {median(run[name] for run in runs):.2f} ({median(ratios):.2f}, {ratios[0]:.2f} to {ratios[-1]:.2f})"


def huge() -> None:
    """The largest file that GitHub takes, of zeros without blocks on the disk; what takes it does not keep it."""
    with tempfile.TemporaryDirectory() as folder, FakeGitHub() as github:
        dist = Path(folder)
        environment = {"PYTHONPATH": str(ROOT / "src"), "GITHUB_TOKEN": WRITER}
        github.judged, memory = False, {}
        for size in (1, 2**31 - 1):
            make_sparse(dist, size)
            github.releases.clear()
            (dist / "release.json").unlink(missing_ok=True)
            words: list[str | Path] = ["release", dist, "--repo", "acme/demo", "--tag", TAG, "--api-url", github.url]
            memory[size] = cost([sys.executable, "-m", "coldforge", *words], env=environment).memory
        print("most memory, MB: " + ", ".join(f"{size} bytes {used / 1e6:.0f}" for size, used in memory.items()))


if __name__ == "__main__":
    huge()  # first: what a process held counts for the ones that it starts
    many()
