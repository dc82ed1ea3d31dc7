"""The recorded commit, checked out afresh: from the repository that the manifest names, or from one that is given."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from coldforge.errors import ConfigurationError, Missing
from coldforge.host import files
from coldforge.host.run import Completed, run
from coldforge.project.source import OTHER_REPOSITORY
from coldforge.records import GITHUB, REPOSITORY, SourceRecord

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_URL: Final = re.compile(r"https://[A-Za-z0-9][\w.-]*(:\d+)?(/[\w.~+@%-]+)+", re.ASCII)
_OTHER: Final = "--source FOLDER|URL names a repository that has the commit."
# Nothing of a user's configuration may change what is checked out, and no program be started for it: neither a hook, nor a filter
# that a commit's own .gitattributes ask for (_UNFILTERED). How repositories are reached stays theirs.
_AS_COMMITTED: Final = (
    "-c", "core.autocrlf=false", "-c", "core.eol=lf", "-c", "core.symlinks=true", "-c", f"core.hooksPath={os.devnull}",
)  # fmt: skip

# What git takes for a clone's info/attributes, which come before all others; submodules are clones as well.
_UNFILTERED: Final = b"* -filter\n"


def check(source: SourceRecord, what: str) -> None:
    """Raises ConfigurationError when nobody else has the source that a manifest is about; `what` is its product and version."""
    why = ""
    if not source.commit:
        why = "The manifest names no commit: the source was in no repository."
    elif not _COMMIT.fullmatch(source.commit):
        why = f"What the manifest calls the commit is none: {source.commit[:80]!r}."
    elif source.dirty:
        why = f"The source had changes that are not in the commit {source.commit[:12]}."
    if why:
        raise ConfigurationError(f"{what} cannot be rebuilt", why=why, hint="Commit everything, then build and release.")


def origin_of(source: SourceRecord, given: str) -> str:
    """Where the source is fetched from: what was given, else the repository that the manifest names.

    A manifest may come from anybody: nothing but plain https addresses are taken from it. Raises ConfigurationError.
    """
    if given:
        return _top(Path(given)) if Path(given).is_dir() else given
    named = source.repository
    if re.fullmatch(REPOSITORY, named):
        return GITHUB + named
    if is_plain(named):
        return named
    message = "the manifest names no repository that the source could be fetched from"
    raise ConfigurationError(message, why=f"It says {named[:200]!r}." if named else "", hint=_OTHER)


def is_plain(address: str) -> bool:
    """Whether an address is one of https without a name or password in it."""
    return _URL.fullmatch(address) is not None


def _top(folder: Path) -> str:
    """The repository that a folder is in; itself when it is a bare one."""
    done = _git("-C", str(folder), "rev-parse", "--show-toplevel")
    return str(folder.resolve()) if done.code or not done.output else done.output


def fetch(origin: str, source: SourceRecord, folder: Path) -> Path:
    """Check the recorded commit out into `folder`; the project's folder in it. Tags come too: versions may be made of them.

    Files are as they are committed: what git LFS keeps elsewhere stays a pointer. Raises Missing when the repository cannot be reached
    or does not have the commit.
    """
    with files.scratch("git") as template:
        files.write(template / "info" / "attributes", _UNFILTERED)
        _check_out(origin, source.commit, folder, template)
    return _project(folder, source.path)


def _check_out(origin: str, commit: str, folder: Path, template: Path) -> None:
    done = _git(*_AS_COMMITTED, "clone", "--quiet", "--no-checkout", "--", origin, str(folder), template=template)
    if done.code:
        raise Missing(f"the source cannot be fetched from {origin}", why=done.output[-800:], hint=_OTHER)
    if _git("-C", str(folder), "cat-file", "-e", f"{commit}^{{commit}}").code:
        _git("-C", str(folder), "fetch", "--quiet", "origin", commit)  # of no branch and no tag, but perhaps still there
    done = _git(*_AS_COMMITTED, "-C", str(folder), "checkout", "--quiet", "--detach", commit)
    if done.code:
        hint = f"It was never pushed, or the history was rewritten. {_OTHER}"
        raise Missing(f"{origin} has no commit {commit}", why=done.output[-800:], hint=hint)
    if (found := _git("-C", str(folder), "rev-parse", "HEAD").output) != commit:
        raise Missing(f"{origin} gives another commit than {commit}", why=f"It is {found[:80]!r}.", hint=_OTHER)
    if (folder / ".gitmodules").is_file():
        done = _git(*_AS_COMMITTED, "-C", str(folder), "submodule", "--quiet", "update", "--init", "--recursive", template=template)
        if done.code:
            raise Missing("a submodule of the source cannot be fetched", why=done.output[-800:])


def _project(folder: Path, path: str) -> Path:
    project = folder / path
    if not project.resolve().is_relative_to(folder.resolve()) or not project.is_dir():
        raise ConfigurationError(f"the commit has no folder {path[:200]!r}, which the manifest says the project is in")
    return project


def _git(*words: str, template: Path | None = None) -> Completed:
    """Run git, whose new clones begin with what is in `template`."""
    given = {"GIT_TEMPLATE_DIR": str(template)} if template else {}  # before any configuration, and for submodules too
    return run(["git", *words], env=_environment(os.environ) | given, check=False, quiet=True)


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in own.items() if name not in OTHER_REPOSITORY}
    return {**kept, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
