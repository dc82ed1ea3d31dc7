"""Notarization: Apple is asked about what is signed, and its tickets are put to it; a run goes on where another stopped, by what the
manifest says. An application is asked about before it is packaged, so that it has a ticket of its own wherever it is copied to."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from coldforge.errors import BuildFailed, ConfigurationError, Refused
from coldforge.filetypes import signed, tickets
from coldforge.host import clock, files
from coldforge.records import Artifact, Manifest, Notarization
from coldforge.report import reporter
from coldforge.sign import NothingToSign, submission
from coldforge.sign.notary import Notary
from coldforge.sign.submission import Round, Subject


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

    def about(artifact: Artifact) -> Subject:
        def save_state(state: Notarization | None) -> None:
            kept(msgspec.structs.replace(artifact, notarization=state))

        return Subject(name=artifact.name, file=dist / artifact.path, size=artifact.size, sha256=artifact.sha256, save=save_state)

    this = Round(notary=notary, until=clock.now() + seconds)
    todo = [artifact for artifact in wanted if not _is_done(dist, artifact)]
    asked = [(subject := about(artifact), submission.submit(this, subject, artifact.notarization)) for artifact in todo]
    submission.decide(this, asked)
    for artifact, (subject, state) in zip(todo, asked, strict=True):
        _staple(this, subject.file, artifact, state, kept)
    return _with(manifest, known)


def notarize_applications(applications: Sequence[tuple[Subject, Notarization | None, str]], notary: Notary, *, seconds: float) -> None:
    """Have Apple accept applications: each as a zip, what is known of it, and what its ticket is asked for by. What is done stays.

    Raises as `notarize`.
    """
    this = Round(notary=notary, until=clock.now() + seconds)
    todo = [each for each in applications if not (each[1] and each[1].ticket and each[1].code == each[2])]
    asked = [(subject, submission.submit(this, subject, before)) for subject, before, _ in todo]
    submission.decide(this, asked)
    for (subject, state), (_, _, code) in zip(asked, todo, strict=True):
        ticket = base64.b64encode(submission.ticket(this, code, subject.name)).decode("ascii")
        subject.save(msgspec.structs.replace(state, ticket=ticket, code=code))
        reporter().info(f"{subject.name} has its ticket")


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


def _staple(this: Round, path: Path, artifact: Artifact, state: Notarization, save: Callable[[Artifact], None]) -> None:
    """Put the ticket to a file, and read it back."""
    form = tickets.FORMATS[artifact.format]
    with path.open("rb") as stream:
        record = form.record(stream)
    ticket = submission.ticket(this, record, artifact.name)
    with files.beside(path) as temporary:
        tickets.staple(path, artifact.format, ticket, temporary)
        with temporary.open("rb") as stream:
            if form.ticket(stream) != ticket or form.record(stream) != record:
                raise BuildFailed(f"the ticket of {artifact.name} does not fit into it", hint="Report this; nothing was changed.")
        temporary.chmod(path.stat().st_mode)
        size, sha256 = temporary.stat().st_size, files.sha256(temporary)
        made = msgspec.structs.replace(state, ticket=base64.b64encode(ticket).decode("ascii"))
        # before the file takes its place: what the manifest says of a file without its ticket is known, too
        save(msgspec.structs.replace(artifact, size=size, sha256=sha256, notarization=made))
    reporter().info(f"{artifact.name} has its ticket")
