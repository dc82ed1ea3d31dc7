"""One submission to Apple: its bytes are sent once, its decision is waited for with a deadline, and its ticket asked for. What is known is
saved at once, so that another run goes on where this one stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from coldforge.errors import Problem, Refused, RemoteFailed
from coldforge.host import clock
from coldforge.records import Notarization
from coldforge.report import reporter
from coldforge.sign.notary import Issue, Notary, Submission

ACCEPTED, PROGRESS = "Accepted", "In Progress"
_PAUSES: Final = (5.0, 10.0, 15.0)  # seconds between two looks; after these the last
_LONGEST: Final = 30.0
_SHOWN: Final = 30  # findings in an error


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One run: with whom, and until when (by the steady clock)."""

    notary: Notary
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What Apple is asked about: a file, what it is called and what it is; `save` keeps what becomes known of it."""

    name: str
    file: Path
    size: int
    sha256: str
    save: Callable[[Notarization | None], None]


def submit(this: Round, subject: Subject, before: Notarization | None) -> Notarization:
    """See to it that the service has the bytes; what it is known to have is not sent again. What is known of it then."""
    if before and before.sha256 == subject.sha256 and before.is_there and this.notary.status(before.id):
        reporter().info(f"{subject.name}: Apple has it already, as submission {before.id}.")
        return before
    if before is None and (found := _found(this, subject)):
        reporter().info(f"{subject.name}: Apple has it already, as submission {found.id}: an earlier run was interrupted.")
        return _kept(subject, Notarization(id=found.id, size=subject.size, sha256=subject.sha256, is_there=True))
    grant = this.notary.begin(name_of(subject), subject.sha256)
    state = _kept(subject, Notarization(id=grant.id, size=subject.size, sha256=subject.sha256))
    this.notary.upload(subject.file, subject.sha256, grant)
    reporter().info(f"{subject.name} is submitted: {grant.id}")
    return _kept(subject, msgspec.structs.replace(state, is_there=True))


def _kept(subject: Subject, state: Notarization) -> Notarization:
    subject.save(state)
    return state


def name_of(subject: Subject) -> str:
    """What a submission is called: the list of them tells names, and no digests, so that the name has it."""
    return f"{subject.sha256[:32]}-{subject.name}"


def _found(this: Round, subject: Subject) -> Submission | None:
    """A submission of these bytes that was decided, and whose number was lost. One in progress may have no bytes: it is made anew."""
    same = [one for one in this.notary.recent() if one.name == name_of(subject)]
    return next((one for one in same if one.status != PROGRESS), None)


def decide(this: Round, asked: Sequence[tuple[Subject, Notarization]]) -> None:
    """Wait until the service has decided about all. Raises Refused with all that it found, RemoteFailed when the time is over before."""
    refused = [problem for subject, state in asked for problem in _decided(this, subject, state)]
    if refused:
        hint = "Mend what Apple found, build and sign again; then notarize that."
        raise Refused("Apple refuses what was submitted", problems=tuple(refused[:_SHOWN]), hint=hint)


def _decided(this: Round, subject: Subject, state: Notarization) -> list[Problem]:
    """What the service found when it refuses."""
    begun, pauses = clock.now(), list(_PAUSES)
    while True:
        found = this.notary.status(state.id)
        if found is None:
            hint = "Run it again: it is submitted anew."
            subject.save(None)
            raise RemoteFailed(f"Apple does not know the submission {state.id} of {subject.name} any more", hint=hint)
        if found.status != PROGRESS:
            break
        wait = pauses.pop(0) if pauses else _LONGEST
        left = this.until - clock.now()
        if left < wait:
            hint = f"Run `coldforge notarize` again, in an hour or tomorrow: it goes on with submission {state.id}."
            raise RemoteFailed(f"Apple has not decided about {subject.name} yet", why=_often(clock.now() - begun), hint=hint)
        reporter().info(f"{subject.name}: in progress for {clock.now() - begun:.0f} s, {left / 60:.0f} minutes left")
        clock.sleep(wait)
    issues = this.notary.issues(state.id)
    if found.status == ACCEPTED:
        for issue in issues:
            reporter().warn(f"{subject.name}: {issue}")
        return []
    # the next build is another file; this one stays what it is
    return _problems(subject, found, issues)


def _often(seconds: float) -> str:
    return f"This run has waited {seconds / 60:.0f} minutes. Mostly it takes a few; the first time with a new account it may take days."


def _problems(subject: Subject, found: Submission, issues: list[Issue]) -> list[Problem]:
    errors = [issue for issue in issues if issue.severity == "error"] or issues
    return [Problem(what=str(issue)) for issue in errors] or [Problem(what=f"{subject.name}: {found.status}, and the log does not say why")]


def ticket(this: Round, record: str, name: str) -> bytes:
    """The ticket, which is there a moment after the decision."""
    for pause in (0.0, *_PAUSES):
        clock.sleep(pause)
        if found := this.notary.ticket(record):
            return found
    raise RemoteFailed(
        f"Apple accepted {name}, and has no ticket of it yet", hint="Run it again in a few minutes: only this is left to do."
    )
