"""What GitHub would refuse, found before any build minute is spent: rights, the tag, names, limits, and the time that rates cost.

Source: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from coldforge.errors import ConfigurationError, Problem, Refused
from coldforge.project.source import version_of
from coldforge.records import REPOSITORY, Artifact, SourceRecord
from coldforge.release import notes as texts
from coldforge.release.api import Forge, Release, Rights

if TYPE_CHECKING:
    from coldforge.plan.model import Plan

LARGEST: Final = 2**31 - 1  # bytes; GitHub refuses 2 GiB
# what git takes for the name of a tag, by the rules of its check-ref-format
_TAG: Final = re.compile(r"(?!-)(?!.*(\.\.|@\{|//|/\.|\.lock(/|$)))[^\x00-\x20\x7f~^:?*\[\\/.][^\x00-\x20\x7f~^:?*\[\\]*(?<![/.])")
MOST: Final = 1000
A_MINUTE: Final = 80  # requests that create content
AN_HOUR: Final = 500


def place_of(source: SourceRecord, *, repo: str | None, tag: str | None) -> tuple[str, str]:
    """The repository and the tag of a release: those that are named, else those of the source, or of the job.

    Raises ConfigurationError when nobody says them.
    """
    repository, named = repo or source.repository, tag or source.tag or _tag_of_job()
    if not repository:
        raise ConfigurationError("nobody said where the release belongs", hint="git remote add origin URL, or --repo OWNER/REPO")
    if not re.fullmatch(REPOSITORY, repository):
        what = f"{repository!r} is not OWNER/REPO, as GitHub names a repository"
        raise ConfigurationError(what, hint="Say where it belongs: --repo OWNER/REPO")
    if not named:
        raise ConfigurationError("nobody said which tag the release is for", hint="Build from a tag, or name it: --tag v1.2.3")
    if not _TAG.fullmatch(named):
        raise ConfigurationError(f"git can have no tag {named!r}", hint="Name it like v1.2.3; `man git-check-ref-format` has the rules.")
    return repository, named


def _tag_of_job() -> str:
    return os.environ.get("GITHUB_REF_NAME", "") if os.environ.get("GITHUB_REF_TYPE") == "tag" else ""


def renamed(name: str) -> str:
    """What GitHub makes of a file's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", ".", name).strip(".")


def refused(sizes: Mapping[str, int]) -> Iterator[Problem]:
    """What GitHub would not take of files with these names and sizes (0: not known yet)."""
    taken: dict[str, str] = {}
    for name, size in sizes.items():
        if size > LARGEST:
            yield Problem(what=f"{name} is {size} bytes, GitHub accepts {LARGEST}", hint="split it, or let the program fetch a part of it")
        if renamed(name) != name:
            what = f"GitHub would rename {name} to {renamed(name)}, and no address or checksum would fit any more"
            yield Problem(what=what, hint="choose names of letters, digits, `.`, `_` and `-`")
        other = taken.setdefault(renamed(name).casefold(), name)
        if other is not name:
            yield Problem(what=f"{other} and {name} would be one name where case is ignored", hint="rename one of them")
    if len(sizes) > MOST:
        yield Problem(what=f"{len(sizes)} files, GitHub accepts {MOST}", hint="release fewer formats, or files packed into one")


def minutes(uploads: int) -> int:
    """The minutes that GitHub's limits on creating content make of so many uploads at least; 0 when they are no hindrance.

    >>> minutes(80), minutes(81), minutes(501)
    (0, 1, 60)
    """
    hours, rest = divmod(max(0, uploads - 1), AN_HOUR)
    return 60 * hours + rest // A_MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a forge is asked before anything is built: whether it would take the release of a `plan` (of the folder `project`) as `tag`.

    `writes` tells whether the token is the one to release with, and so must have the right to.
    """

    plan: Plan
    project: Path
    tag: str
    writes: bool

    @property
    def product(self) -> str:
        return self.plan.product.name

    @property
    def version(self) -> str:
        return self.plan.product.version

    @property
    def names(self) -> tuple[str, ...]:
        """Every file of the release."""
        from coldforge.plan.limits import released_names

        return released_names(self.plan.targets)

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """The planned artifacts, as large as they can be: what is told of them becomes no longer than of these."""
        return tuple(
            Artifact(name=made.name, path=made.name, target=target.target, format=made.format, size=LARGEST, sha256="0" * 64)
            for target in self.plan.targets
            for made in target.artifacts
        )


def ask(github: Forge, question: Question) -> tuple[tuple[Problem, ...], list[str]]:
    """What stands in the way of the release, in the plan and in the repository as it is now; and what is good to know beforehand.

    Only reads. Raises Missing for a token that GitHub does not know or a repository that it may not see, Failure or RemoteFailed
    when GitHub does not answer.
    """
    rights, published, length = github.rights(), github.published(question.tag), len(_block(github, question))
    tagged, used_up = github.commit_of(question.tag), False if published else github.attests(question.tag)
    known = [f"{question.tag} in {github.repository}", *notes(github, len(question.names)), *unknown(question.tag, rights, used_up=used_up)]
    if published:
        known.append(f"{question.tag} is published already: a build that gives the same files is success, any other is refused")
    elif not tagged:
        commit = question.plan.source.commit[:12] or "the default branch's newest"
        known.append(f"there is no tag {question.tag} yet: GitHub makes it of commit {commit} when the release is published")
    excess = length + len(texts.of_changelog(question.project, question.version)) - texts.LONGEST
    if excess > 0:
        known.append(f"with its changelog as notes the text is {excess} characters longer than GitHub takes, and they would be cut")
    problems = (
        *refused(dict.fromkeys(question.names, 0)),
        *_of_text(length),
        *_of_repository(github, question, rights),
        *_of_tag(question, tagged, used_up=used_up),
        *_of_releases(github, question, published),
    )
    return problems, known


def check(github: Forge, question: Question) -> list[str]:
    """What is good to know about the release. Raises Refused with all that stands in its way, and what `ask` raises."""
    problems, known = ask(github, question)
    if problems:
        raise Refused(f"{question.tag} cannot be released in {github.repository}", problems=problems, hint="Nothing was built yet.")
    return known


def _block(github: Forge, question: Question) -> str:
    return texts.block(question, repository=github.repository, tag=question.tag, project=question.project)


def _of_text(length: int) -> Iterator[Problem]:
    if length > texts.LONGEST:
        what = f"the table of the files would have {length} characters, and GitHub takes {texts.LONGEST} in a release's text"
        yield Problem(what=what, hint=f"say less of each file in a {texts.TEMPLATE} of your own")


def _of_repository(github: Forge, question: Question, rights: Rights) -> Iterator[Problem]:
    if rights.archived:
        yield Problem(what=f"{github.repository} is archived: nothing can be released there", hint="unarchive it")
    if question.writes and rights.push is False:
        yield Problem(what=f"the token may not write to {github.repository}", hint="it needs `contents: write`")


def _of_tag(question: Question, tagged: str, *, used_up: bool | None) -> Iterator[Problem]:
    tag, commit = question.tag, question.plan.source.commit
    if named := other_version(tag, question.version):
        yield Problem(what=f"{tag} names version {named}, and {question.version} is being built", hint=f"release it as v{question.version}")
    if commit and tagged and tagged != commit:
        what = f"{tag} names {tagged[:12]} there, and {commit[:12]} is being built"
        yield Problem(what=what, hint="build from the tag, or release under a new one")
    # GitHub attests each immutable release, and nothing says that it takes that back when the release is deleted. Without the tag there
    # is nothing to ask about; but a tag that was used up cannot be pushed again either.
    if used_up:
        what = f"{tag} was an immutable release that is deleted, and GitHub lets nobody release under its name again"
        yield Problem(what=what, hint="raise the version")


def other_version(tag: str, version: str) -> str:
    """The version that a tag names when it is another one than `version`; empty when it is this one, or when the tag names none.

    A number behind a hyphen may be that of a packaging, or of a month: it is no other version.

    >>> other_version("v1.3", "1.2.0"), other_version("x-1.2", "1.2.0+cpu"), other_version("v1.2-3", "1.2"), other_version("nightly", "1")
    ('1.3', '', '', '')
    """
    from packaging.version import Version

    named, mine = version_of(tag), version_of(version)
    if named is None or mine is None or re.search(r"\d-\d+$", tag):
        return ""
    return "" if Version(named.public) == Version(mine.public) else str(named)


def _of_releases(github: Forge, question: Question, published: Release | None) -> Iterator[Problem]:
    tag = question.tag
    there = {asset.name for asset in github.assets(published.id)} if published else set()
    if published and (lacking := [name for name in question.names if name not in there]):
        how = "published, and immutable" if published.immutable else "published"
        what = f"{tag} is {how} already, without {lacking[0]}: {published.html_url}"
        yield Problem(what=what, hint="what is published stays so: raise the version")
    drafts = [item.id for item in github.releases() if item.draft and item.tag_name == tag]
    if len(drafts) > 1:
        numbers = ", ".join(map(str, drafts))
        yield Problem(what=f"there are {len(drafts)} drafts for {tag}: {numbers}", hint="delete all but one")


def notes(github: Forge, uploads: int) -> Iterable[str]:
    """What is good to know beforehand."""
    if wait := minutes(uploads):
        yield f"{uploads} uploads take {wait} minutes at least: GitHub takes {A_MINUTE} a minute and {AN_HOUR} an hour"
    immutable = github.immutable()
    if immutable:
        yield "immutable releases are switched on there: what is published can neither be changed nor made again"
    if immutable is None:
        yield "whether immutable releases are switched on there is not known: to ask takes a token with `administration: read`"


def unknown(tag: str, rights: Rights, *, used_up: bool | None) -> Iterable[str]:
    """What GitHub keeps from this token: that nothing was found of it is no answer."""
    if rights.push is not True:
        yield f"whether there are several drafts for {tag} is not known: they are shown only to a token with `contents: write`"
    if used_up is None:
        what = f"whether {tag} was an immutable release that is deleted, and so is used up, is not known"
        yield f"{what}: to ask takes the tag, and a token with `attestations: read`"
