"""Notarization: what Apple is asked about is submitted once, waited for with a deadline, and its ticket put to the file; a run goes on
where another stopped, by what the manifest says."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from coldforge.errors import BuildFailed, ConfigurationError, Problem, Refused, RemoteFailed
from coldforge.host import clock, files, signed, tickets
from coldforge.records import Artifact, Manifest, Notarization
from coldforge.report import reporter
from coldforge.sign import NothingToSign
from coldforge.sign.notary import Issue, Notary, Submission

ACCEPTED, PROGRESS = "Accepted", "In Progress"
_PAUSES: Final = (5.0, 10.0, 15.0)  # seconds between two looks; after these the last
_LONGEST: Final = 30.0
_SHOWN: Final = 30  # findings in an error


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One run: with whom, until when (by the steady clock), and where what is known goes each time that it is more."""

    notary: Notary
    until: float
    save: Callable[[Artifact], None]


def notarize(dist: Path, manifest: Manifest, notary: Notary, *, seconds: float, save: Callable[[Manifest], None]) -> Manifest:
    """Have Apple accept the signed disk images and packages in `dist`, and put the tickets to them; the manifest of what lies there then.

    All are submitted before any is waited for. `save` gets the manifest whenever there is more to know. What is done already stays.
    Raises NothingToSign when there is nothing to submit, Refused for a file that is not the manifest's or when Apple refuses it,
    RemoteFailed when `seconds` are over before Apple has decided, or it does not answer; running it again goes on.
    """
    wanted = [artifact for artifact in manifest.artifacts if artifact.format in tickets.FORMATS and artifact.target.startswith("macos-")]
    if not wanted:
        hint = "Disk images and packages are notarized, with what is in them: build a dmg or pkg for macOS, and sign it."
        raise NothingToSign("there is nothing that could be notarized", hint=hint)
    known = {artifact.path: artifact for artifact in manifest.artifacts}

    def kept(artifact: Artifact) -> None:
        known[artifact.path] = artifact
        save(_with(manifest, known))

    this = Round(notary=notary, until=clock.now() + seconds, save=kept)
    todo = [artifact for artifact in wanted if not _is_done(dist, artifact)]
    for artifact in todo:
        _submit(this, dist / artifact.path, known[artifact.path])
    refused = [problem for artifact in todo for problem in _decided(this, known[artifact.path])]
    if refused:
        hint = "Mend what Apple found, build and sign again; then notarize that."
        raise Refused("Apple refuses what was submitted", problems=tuple(refused[:_SHOWN]), hint=hint)
    for artifact in todo:
        _staple(this, dist / artifact.path, known[artifact.path])
    return _with(manifest, known)


def _with(manifest: Manifest, known: dict[str, Artifact]) -> Manifest:
    targets = (
        msgspec.structs.replace(record, artifacts=tuple(known[artifact.path] for artifact in record.artifacts))
        for record in manifest.targets
    )
    return msgspec.structs.replace(manifest, targets=tuple(targets))


def _is_done(dist: Path, artifact: Artifact) -> bool:
    """Whether an artifact has its ticket.

    Raises Refused when it is not the file that the manifest lists, ConfigurationError when it is not signed.
    """
    path = dist / artifact.path
    sha256 = "" if path.is_symlink() or not path.is_file() else files.sha256(path)
    state = artifact.notarization
    if sha256 != artifact.sha256:
        if state and state.ticket and sha256 == state.sha256:  # a run ended between the record and the file
            with files.beside(path) as temporary:
                tickets.staple(path, artifact.format, base64.b64decode(state.ticket), temporary)
            return _is_done(dist, artifact)
        raise Refused(f"{artifact.path} is not the file that the manifest lists", hint="Build and sign it again.")
    try:
        with path.open("rb") as stream:
            seen = tickets.FORMATS[artifact.format].read(stream)
    except signed.damage() as error:
        raise Refused(f"the signature of {artifact.path} is bad", why=str(error), hint="Build and sign it again.") from error
    if seen is None or not seen.signer:
        option = "--apple-key" if artifact.format == "dmg" else "--apple-installer-key"
        hint = f"Sign it first: `coldforge sign {option}`. What is not signed by a Developer ID, Apple refuses."
        raise ConfigurationError(f"{artifact.name} is not signed", hint=hint)
    return bool(state and state.ticket)


def _submit(this: Round, path: Path, artifact: Artifact) -> None:
    """See to it that the service has the bytes; what it is known to have is not sent again."""
    before = artifact.notarization
    if before and before.sha256 == artifact.sha256 and before.is_there and this.notary.status(before.id):
        reporter().info(f"{artifact.name}: Apple has it already, as submission {before.id}.")
        return
    if before is None and (found := _found(this, artifact)):
        reporter().info(f"{artifact.name}: Apple has it already, as submission {found.id}: an earlier run was interrupted.")
        state = Notarization(id=found.id, size=artifact.size, sha256=artifact.sha256, is_there=True)
        this.save(msgspec.structs.replace(artifact, notarization=state))
        return
    grant = this.notary.begin(name_of(artifact), artifact.sha256)
    state = Notarization(id=grant.id, size=artifact.size, sha256=artifact.sha256)
    this.save(msgspec.structs.replace(artifact, notarization=state))
    this.notary.upload(path, artifact.sha256, grant)
    this.save(msgspec.structs.replace(artifact, notarization=msgspec.structs.replace(state, is_there=True)))
    reporter().info(f"{artifact.name} is submitted: {grant.id}")


def name_of(artifact: Artifact) -> str:
    """What a submission is called: the list of them tells names, and no digests, so that the name has it."""
    return f"{artifact.sha256[:32]}-{artifact.name}"


def _found(this: Round, artifact: Artifact) -> Submission | None:
    """A submission of these bytes that was decided, and whose number was lost. One in progress may have no bytes: it is made anew."""
    same = [one for one in this.notary.recent() if one.name == name_of(artifact)]
    return next((one for one in same if one.status != PROGRESS), None)


def _decided(this: Round, artifact: Artifact) -> list[Problem]:
    """Wait until the service has decided; what it found when it refuses."""
    state = artifact.notarization
    if state is None:
        raise ValueError("nothing is waited for that was not submitted")
    begun, pauses = clock.now(), list(_PAUSES)
    while True:
        found = this.notary.status(state.id)
        if found is None:
            hint = "Run it again: it is submitted anew."
            this.save(msgspec.structs.replace(artifact, notarization=None))
            raise RemoteFailed(f"Apple does not know the submission {state.id} of {artifact.name} any more", hint=hint)
        if found.status != PROGRESS:
            break
        wait = pauses.pop(0) if pauses else _LONGEST
        left = this.until - clock.now()
        if left < wait:
            hint = f"Run `coldforge notarize` again, in an hour or tomorrow: it goes on with submission {state.id}."
            raise RemoteFailed(f"Apple has not decided about {artifact.name} yet", why=_often(clock.now() - begun), hint=hint)
        reporter().info(f"{artifact.name}: in progress for {clock.now() - begun:.0f} s, {left / 60:.0f} minutes left")
        clock.sleep(wait)
    issues = this.notary.issues(state.id)
    if found.status == ACCEPTED:
        for issue in issues:
            reporter().warn(f"{artifact.name}: {issue}")
        return []
    # the next build is another file; this one stays what it is
    return _problems(artifact, found, issues)


def _often(seconds: float) -> str:
    return f"This run has waited {seconds / 60:.0f} minutes. Mostly it takes a few; the first time with a new account it may take days."


def _problems(artifact: Artifact, found: Submission, issues: list[Issue]) -> list[Problem]:
    errors = [issue for issue in issues if issue.severity == "error"] or issues
    return [Problem(what=str(issue)) for issue in errors] or [
        Problem(what=f"{artifact.name}: {found.status}, and the log does not say why")
    ]


def _staple(this: Round, path: Path, artifact: Artifact) -> None:
    """Put the ticket to a file, and read it back."""
    state = artifact.notarization
    if state is None:
        raise ValueError("nothing is stapled that was not submitted")
    form = tickets.FORMATS[artifact.format]
    with path.open("rb") as stream:
        record = form.record(stream)
    ticket = _ticket(this, record, artifact.name)
    with files.beside(path) as temporary:
        tickets.staple(path, artifact.format, ticket, temporary)
        with temporary.open("rb") as stream:
            if form.ticket(stream) != ticket or form.record(stream) != record:
                raise BuildFailed(f"the ticket of {artifact.name} does not fit into it", hint="Report this; nothing was changed.")
        temporary.chmod(path.stat().st_mode)
        size, sha256 = temporary.stat().st_size, files.sha256(temporary)
        made = msgspec.structs.replace(state, ticket=base64.b64encode(ticket).decode("ascii"))
        # before the file takes its place: what the manifest says of a file without its ticket is known, too
        this.save(msgspec.structs.replace(artifact, size=size, sha256=sha256, notarization=made))
    reporter().info(f"{artifact.name} has its ticket")


def _ticket(this: Round, record: str, name: str) -> bytes:
    """The ticket, which is there a moment after the decision."""
    for pause in (0.0, *_PAUSES):
        clock.sleep(pause)
        if ticket := this.notary.ticket(record):
            return ticket
    raise RemoteFailed(
        f"Apple accepted {name}, and has no ticket of it yet", hint="Run it again in a few minutes: only this is left to do."
    )
