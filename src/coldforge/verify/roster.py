"""Who counts as a rebuilder: the roster of a policy, and whether a signer is one of its names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from coldforge.project.section import Section
from coldforge.records import GITHUB, REPOSITORY

if TYPE_CHECKING:
    from coldforge.verify.policy import Signer


class Rebuilder(Section, frozen=True, kw_only=True):
    """Somebody whose rebuilds count: by `identity` and `issuer`, or by `key`."""

    identity: Annotated[
        str,
        Meta(
            description="The certificate's name: an e-mail address, or the URL of a workflow with `@ref`. `*` stands for anything but `/`."
        ),
    ] = ""
    issuer: Annotated[str, Meta(description="Who vouched for the name. `*` stands for anything but `/`.")] = ""
    repository: Annotated[
        str,
        Meta(
            description="`owner/repo` that the workflow ran for; needed when its file is another repository's, which anybody may use.",
            pattern=f"^({REPOSITORY})?$",
        ),
    ] = ""
    key: Annotated[str, Meta(description="Public key (PEM) of a rebuilder who has no certificate, instead of the names above.")] = ""

    @property
    def problem(self) -> str:
        """What is wrong with the entry; empty for nothing."""
        named = self.identity or self.issuer or self.repository
        if self.key:
            return "a key is given together with names" if named else ""
        return "" if self.identity and self.issuer else "neither `identity` together with `issuer`, nor a `key`"


def problem(roster: Mapping[str, Rebuilder], k: int) -> str:
    """What is wrong with a roster of which `k` must agree; empty for nothing."""
    for name, entry in roster.items():
        if entry.problem:
            return f"rebuilder {name}: {entry.problem}"
        if twin := next(
            (other for other, its in roster.items() if other != name and (its == entry or _owner(its) == _owner(entry) != "")), ""
        ):
            return f"{name} and {twin} are the same rebuilder, who counts once: keep one of them, `*` in its names may stand for both"
    if k > len(roster):
        return f"{k} rebuilders must agree, and the roster has {len(roster)}"
    return ""


def _owner(entry: Rebuilder) -> str:
    """Who owns the repository that an entry names by itself, or by its workflow; empty when it names none, or those of many owners."""
    named = entry.repository or (entry.identity if entry.identity.startswith(GITHUB) else "")
    owner = owner_of(named)
    return "" if "*" in owner else owner


def owner_of(repository: str) -> str:
    """Who owns a repository (`owner/repo` on GitHub, or a whole address): the first name after the host, whatever groups are below it."""
    url = repository if "://" in repository or not repository else GITHUB + repository
    return folded("/".join(url.split("/")[:4]))


def name_of(signer: Signer, roster: Mapping[str, Rebuilder]) -> str:
    """The name of a signer with a certificate: the first that fits, so that nobody has two; empty for a stranger."""
    return next((name for name, entry in roster.items() if not entry.key and _is(entry, signer)), "")


def _is(entry: Rebuilder, signer: Signer) -> bool:
    if not (like(entry.identity, signer.identity) and like(entry.issuer, signer.issuer)):
        return False
    if entry.repository:
        return folded(GITHUB + entry.repository) == folded(signer.repository)
    # the name of a certificate is that of the workflow's file, which other repositories than its own may run
    return not signer.repository or folded(signer.workflow).startswith(f"{folded(signer.repository)}/")


def like(pattern: str, text: str) -> bool:
    """Whether a text is what a pattern says, from its first to its last character; `*` stands for anything but `/`."""
    return bool(re.fullmatch("[^/]*".join(map(re.escape, pattern.split("*"))), text))


def folded(repository: str) -> str:
    """A repository's name, or its URL, for comparing: GitHub ignores the case of ASCII letters, and its names have no others."""
    return repository.lower() if repository.isascii() else repository
