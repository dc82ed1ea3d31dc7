"""What GitHub would refuse, found before any build minute is spent: rights, the tag, names, limits, and the time that rates cost.

Source: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from coldforge.errors import Problem
from coldforge.release.api import Forge

LARGEST: Final = 2**31 - 1  # bytes; GitHub refuses 2 GiB
MOST: Final = 1000
A_MINUTE: Final = 80  # requests that create content
AN_HOUR: Final = 500


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


def look(github: Forge, tag: str, commit: str) -> Iterator[Problem]:
    """What stands in the way of a release of `tag` from `commit` (empty: not known), in the repository as it is now.

    Only reads. A tag that a deleted immutable release has used up cannot be seen before: GitHub tells when the draft is made,
    which is before anything is uploaded. Raises Missing for a token that GitHub does not know or a repository that it may not see.
    """
    rights = github.rights()
    if rights.archived:
        yield Problem(what=f"{github.repository} is archived: nothing can be released there", hint="unarchive it")
    if rights.push is False:
        yield Problem(what=f"the token may not write to {github.repository}", hint="it needs `contents: write`")
    tagged = github.commit_of(tag)
    if commit and tagged and tagged != commit:
        what = f"{tag} names {tagged[:12]} there, and {commit[:12]} is being built"
        yield Problem(what=what, hint="build from the tag, or release under a new one")
    published = github.published(tag)
    if published:
        how = "published, and immutable" if published.immutable else "published"
        yield Problem(what=f"{tag} is {how} already: {published.html_url}", hint="what is published stays so: raise the version")
    drafts = [item.id for item in github.releases() if item.draft and item.tag_name == tag]
    if len(drafts) > 1:
        numbers = ", ".join(map(str, drafts))
        yield Problem(what=f"there are {len(drafts)} drafts for {tag}: {numbers}", hint="delete all but one")


def notes(github: Forge, uploads: int) -> Iterable[str]:
    """What is good to know beforehand."""
    if wait := minutes(uploads):
        yield f"{uploads} uploads take {wait} minutes at least: GitHub takes {A_MINUTE} a minute and {AN_HOUR} an hour"
    if github.immutable():
        yield "immutable releases are switched on there: what is published can neither be changed nor made again"
