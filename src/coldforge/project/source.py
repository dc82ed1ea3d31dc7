"""The source that is built: commit, tag, repository, and whether it differs from the commit."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from coldforge.errors import ConfigurationError, Missing
from coldforge.host.clock import epoch
from coldforge.host.run import run
from coldforge.records import SourceRecord

if TYPE_CHECKING:
    from packaging.version import Version

_HEAD: Final = re.compile(r"^([0-9a-f]{40,64}) (\d+)$\n?(.*)", re.MULTILINE)
_STATUS: Final = re.compile(r"^([ MADRCUT?!]{2}) (.*)$", re.MULTILINE)
_URL: Final = re.compile(r"^(?:[a-z+]+://)?(?:[^@/]*@)?(?P<host>[^/:]+)(?::\d+)?[:/]/*(?P<path>.+?)(?:\.git)?/*$")
# Set in git's hooks, where they name another repository than the one at the project's root.
OTHER_REPOSITORY: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


def read_source(root: Path) -> SourceRecord:
    """What git says about the folder `root`.

    Everything but the epoch is empty without git, without a repository or a commit, and when the folder is no part of it.
    Raises ConfigurationError when git refuses to read a repository of somebody else.
    """
    head = _HEAD.search(
        _git(root, "log", "-1", "--no-show-signature", "--decorate=full", "--decorate-refs=refs/tags/*", "--format=%H %ct%n%D")
    )
    # short, not porcelain: only its paths are relative to the root
    status = _STATUS.findall(_git(root, "status", "--short", "--untracked-files=normal", "--ignored=matching", "--", ".")) if head else []
    if head is None or any(state in ("??", "!!") and path.startswith(("./", "../")) for state, path in status):
        return SourceRecord(epoch=epoch(None))
    return SourceRecord(
        commit=head[1],
        tag=newest_tag(_tags(head[3])),
        repository=repository_of(_git(root, "config", "--get", "remote.origin.url")),
        path=_git(root, "rev-parse", "--show-prefix").strip("/"),
        dirty=any(state != "!!" and not (state == "??" and _is_made(root, path)) for state, path in status),
        epoch=epoch(int(head[2])),
    )


def below(root: Path) -> str:
    """Where the folder is in its repository, also when nothing of it is committed yet; empty at the top, and where git ignores it."""
    return "" if _git(root, "check-ignore", ".") else _git(root, "rev-parse", "--show-prefix").strip().strip("/")


def is_shallow(root: Path) -> bool:
    """Whether git has only the newest commits of the repository at `root`, so that tags of earlier ones are not known."""
    return _git(root, "rev-parse", "--is-shallow-repository").strip() == "true"


def _is_made(root: Path, path: str) -> bool:
    """Whether an untracked folder is what coldforge itself left here."""
    return path == "dist/" or is_output(root / path)


def is_output(folder: Path) -> bool:
    """Whether a folder is one that a build writes to, by what every build puts there first."""
    return (folder / ".lock").is_file() and (folder / "plan.json").is_file()


def _git(root: Path, *words: str) -> str:
    """What a git command prints; nothing when it says no (no repository, no commit, no such key) or is not installed."""
    own = {name: value for name, value in os.environ.items() if name not in OTHER_REPOSITORY}
    options = ("--no-optional-locks", "-c", "status.relativePaths=true", "-c", "color.status=false")
    try:
        done = run(["git", *options, "-C", root, *words], env={**own, "LC_ALL": "C"}, check=False, quiet=True)
    except Missing:
        return ""
    if "dubious ownership" in done.output:
        message = f"git refuses to read {root}: the folder belongs to another user"
        raise ConfigurationError(message, hint=f"If you trust it: git config --global --add safe.directory {root}")
    return "" if done.code else done.output


def _tags(decoration: str) -> list[str]:
    prefix = "tag: refs/tags/"
    return [ref.removeprefix(prefix) for ref in decoration.split(", ") if ref.startswith(prefix)]


def newest_tag(tags: list[str]) -> str:
    """The tag of the highest version (`v1.2.3`, `demo-1.2.3`, `demo/v1.2.3`); one that is no version only when all are none."""
    if len(tags) < 2:
        return "".join(tags)
    from packaging.version import Version

    def rank(tag: str) -> tuple[bool, Version, str]:
        version = version_of(tag)
        return (version is not None, version or Version("0"), tag)

    return max(tags, key=rank)


def version_of(tag: str) -> Version | None:
    """The version that a tag names, without a `v` and a product's name in front of it; None when it names none."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(re.split(r"[/@]|-(?=v?\d)", tag, maxsplit=1)[-1] if not tag[:1].isdigit() else tag)
    except InvalidVersion:
        return None


def previous_tag(tag: str, tags: Iterable[str]) -> str:
    """Of `tags` the one of the highest version below that of `tag`, under the same name; empty when there is none.

    A final version follows on the final one before it, whatever candidates came between.
    """
    mine = version_of(tag)
    if mine is None:
        return ""
    known = {other: version for other in tags if _name_in(other) == _name_in(tag) and (version := version_of(other)) is not None}
    lower = {other: version for other, version in known.items() if version < mine and (mine.is_prerelease or not version.is_prerelease)}
    return max(lower, key=lower.__getitem__, default="")


def _name_in(tag: str) -> str:
    """What stands in front of the version: one repository may have tags of several products."""
    return "" if tag[:1].isdigit() else "".join(re.split(r"([/@]|-(?=v?\d))", tag, maxsplit=1)[:-1])


def changes(root: Path, source: SourceRecord, tag: str) -> tuple[tuple[str, str], ...]:
    """Short name and first line of each commit since the version before `tag`, the newest first; merges say nothing of their own.

    Raises ConfigurationError when git, in `root`, does not know the commit that was built, or not all that came before it.
    """
    if not source.commit or not _git(root, "rev-parse", "--verify", "--quiet", f"{source.commit}^{{commit}}"):
        what = f"git does not know {source.commit[:12]} here" if source.commit else "the manifest names no commit"
        hint = "Run it in the repository that the files were built from, or take the notes from elsewhere: --notes-from, --notes FILE."
        raise ConfigurationError(f"there are no notes from commits: {what}", hint=hint)
    if is_shallow(root):
        hint = "Run `git fetch --unshallow --tags`; for actions/checkout say `fetch-depth: 0`."
        raise ConfigurationError("there are no notes from commits: the history was not fetched whole", hint=hint)
    since = previous_tag(tag, _git(root, "tag", "--merged", source.commit).split())
    range_ = f"refs/tags/{since}..{source.commit}" if since else source.commit
    place = [f":(top,literal){source.path}"] if source.path else []
    log = _git(root, "log", "--no-show-signature", "--no-merges", "--encoding=UTF-8", "--format=%h %s", range_, "--", *place)
    return tuple((line.partition(" ")[0], line.partition(" ")[2]) for line in log.splitlines())


def repository_of(url: str) -> str:
    """`owner/name` for a repository on GitHub, an https URL without credentials for other hosts, empty for local paths.

    >>> repository_of("https://user:secret@github.com/acme/demo.git")
    'acme/demo'
    """
    match = _URL.match(url.strip())
    if match is None or url.strip().startswith(("/", ".", "~", "file:")):
        return ""
    return match["path"] if match["host"].lower() == "github.com" else f"https://{match['host']}/{match['path']}"
