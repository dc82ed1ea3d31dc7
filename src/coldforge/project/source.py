"""The source that is built: commit, tag, repository, and whether it differs from the commit."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from coldforge.errors import ConfigurationError
from coldforge.host.clock import epoch
from coldforge.host.run import run
from coldforge.records import SourceRecord

_REMOTE = re.compile(r"^(?:[a-z+]+://)?(?:[^@/]+@)?(?P<host>[^/:]+)(?::\d+)?[:/](?P<path>.+?)(?:\.git)?/?$")


def read_source(root: Path) -> SourceRecord:
    """What git says about the project at `root`; without git or a commit everything but the epoch stays empty."""
    head = _git(root, "log", "-1", "--format=%H %ct%n%D", "--decorate=full") if shutil.which("git") else None
    if not head:
        return SourceRecord(epoch=epoch(None))
    first, _, refs = head.partition("\n")
    commit, time = first.split()
    return SourceRecord(
        commit=commit,
        tag=newest_tag(re.findall(r"tag: refs/tags/([^,\s]+)", refs)),
        repository=repository_of(_git(root, "config", "--get", "remote.origin.url") or ""),
        dirty=bool(_git(root, "status", "--porcelain", "--", ".", ":(exclude,glob)**/dist/**")),
        epoch=epoch(int(time)),
    )


def newest_tag(tags: list[str]) -> str:
    """The tag of the highest version; tags that are no version come first in order, so last in choice."""
    from packaging.version import InvalidVersion, Version

    def rank(tag: str) -> tuple[bool, Version, str]:
        try:
            return (True, Version(tag.rpartition("/")[2].rpartition("@")[2]), tag)
        except InvalidVersion:
            return (False, Version("0"), tag)

    return max(tags, key=rank) if tags else ""


def repository_of(url: str) -> str:
    """`owner/repo` for a forge's URL, without credentials; empty for local paths."""
    match = _REMOTE.match(url.strip())
    if not match or url.startswith(("/", ".", "file:")):
        return ""
    return match["path"].strip("/") if match["path"].count("/") >= 1 else ""


def _git(root: Path, *words: str) -> str | None:
    """Output of a git command, or None when it says no (no repository, no commit, no such key)."""
    done = run(["git", "-C", root, *words], check=False)
    if done.code and "dubious ownership" in done.output:
        message = f"git refuses to read {root}: the folder belongs to another user"
        raise ConfigurationError(message, hint=f"git config --global --add safe.directory {root}")
    return done.output.strip() if done.code == 0 else None
