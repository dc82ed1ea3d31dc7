"""The sign stage: packages get the signatures of their formats. It reads a manifest and files; no code of the project runs here."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from coldforge.errors import BuildFailed, ConfigurationError, Problem, Refused
from coldforge.filetypes import authenticode, developer, msix, signed, spans, tickets
from coldforge.host import files, programs, zsyncmake
from coldforge.records import DETACHED, SIG, Artifact, Manifest, Signature, TargetRecord
from coldforge.report import reporter
from coldforge.sign import NothingToSign, apk
from coldforge.sign.keys import Keys

OPENPGP: Final = ("deb", "rpm", "arch", "appimage")
RSA: Final = ("apk",)
PROGRAMS: Final = ("nsis", "msi", "msix", "onefile")
IMAGES: Final = ("dmg",)
PACKAGES: Final = ("pkg",)
_ALL: Final = (*OPENPGP, *RSA, *PROGRAMS, *IMAGES, *PACKAGES)
_KINDS: Final = {
    OPENPGP: "an OpenPGP key",
    RSA: "an RSA key",
    PROGRAMS: "a key for Authenticode",
    IMAGES: "a Developer ID Application",
    PACKAGES: "a Developer ID Installer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    dist: Path
    epoch: int
    keys: Keys
    written: ExitStack
    """Holds what is written until all is: a wrong passphrase in the middle leaves everything as it was."""
    places: dict[Path, Path] = field(default_factory=dict)
    """Where each signed file lies until then, by where it will lie."""


def sign(dist: Path, manifest: Manifest, keys: Keys, *, save: Callable[[Manifest], None]) -> None:
    """Sign what the keys can sign in `dist`. Signing again with the same keys changes nothing.

    `save` gets the manifest of what is signed before the files take their places: a run that was killed meanwhile is ended by the next
    one, which puts the recorded signatures to what has none yet.
    Raises Refused when a file is not what the manifest says, NothingToSign, Missing from the keys.
    """
    able = (*(OPENPGP if keys.openpgp else ()), *(RSA if keys.rsa else ()), *(PROGRAMS if keys.programs else ()))
    able += (*(() if keys.apple.is_adhoc else IMAGES), *(() if keys.installer.is_adhoc else PACKAGES))
    wanted = [artifact for artifact in manifest.artifacts if _form(artifact) in able]
    _check(dist, wanted)
    if not wanted:
        needed = f"OpenPGP signs {', '.join(OPENPGP)}; RSA signs {', '.join(RSA)}; Authenticode signs {', '.join(PROGRAMS)} for Windows."
        needed += f" A Developer ID Application signs {', '.join(IMAGES)} for macOS, a Developer ID Installer {', '.join(PACKAGES)}."
        hint = f"{needed} Give --openpgp-key, --rsa-key, --authenticode-key, --apple-key or --apple-installer-key."
        raise NothingToSign("there is nothing that the given keys could sign", hint=hint)
    if any(_is_about_signed(artifact, able) for artifact in manifest.artifacts):
        programs.needed(zsyncmake.PROGRAM)  # before the keys are used
    for artifact in manifest.artifacts:
        if _form(artifact) in _ALL and _form(artifact) not in able:
            kind = _KINDS[next(forms for forms in _KINDS if _form(artifact) in forms)]
            reporter().info(f"{artifact.name} is not signed: that takes {kind}.")
    with ExitStack() as written:
        work = _Work(dist=dist, epoch=manifest.source.epoch, keys=keys, written=written)
        save(msgspec.structs.replace(manifest, targets=tuple(_target(work, record, able) for record in manifest.targets)))


def _form(artifact: Artifact) -> str:
    """The format of an artifact that can be signed, empty for others: of programs in one file only those for Windows are."""
    return "" if artifact.format == "onefile" and not artifact.name.endswith(".exe") else artifact.format


def _check(dist: Path, wanted: list[Artifact]) -> None:
    """Raises Refused for files that are not those of the manifest: a signature would say that they are ours."""
    problems = []
    for artifact in wanted:
        path = dist / artifact.path
        if path.is_symlink() or not path.is_file():
            problems.append(Problem(what=f"{artifact.path} is not here"))
        elif not _is_listed(path, artifact):
            problems.append(Problem(what=f"{artifact.path} is not the file that the manifest lists"))
    if problems:
        raise Refused("nothing is signed that is not as it was built", problems=tuple(problems), hint="Build again.")


def _is_listed(path: Path, artifact: Artifact) -> bool:
    """Whether a file is what the manifest lists, or lacks no more than a signature or a ticket of it."""
    before = artifact.signature or artifact
    if files.sha256(path) in (artifact.sha256, before.sha256):
        return True
    return artifact.format not in PROGRAMS and _plain(path) == before.sha256


def _plain(path: Path) -> str:
    """The digest of a file without signatures: what was built."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            for piece in spans.pieces(stream, signed.unsigned(stream).spans):
                digest.update(piece)
    except signed.damage():
        return ""
    return digest.hexdigest()


def _target(work: _Work, record: TargetRecord, able: tuple[str, ...]) -> TargetRecord:
    made: dict[str, Artifact] = {artifact.name: artifact for artifact in record.artifacts}
    for artifact in record.artifacts:
        if _form(artifact) in able:
            made |= {one.name: one for one in _signed(work, artifact)}
            reporter().detail(f"{artifact.name} is signed")
    made |= {artifact.name: _about(work, artifact) for artifact in record.artifacts if _is_about_signed(artifact, able)}
    return msgspec.structs.replace(record, artifacts=tuple(made[name] for name in sorted(made)))


def _is_about_signed(artifact: Artifact, able: tuple[str, ...]) -> bool:
    """Whether an artifact tells of the bytes of an AppImage, which get a signature now."""
    return artifact.format == zsyncmake.FORMAT and "appimage" in able


def _about(work: _Work, artifact: Artifact) -> Artifact:
    """The sums of an AppImage, made again from the signed one."""
    name = zsyncmake.origin(artifact.name)
    path = work.dist / artifact.path
    temporary = work.written.enter_context(files.beside(path))
    zsyncmake.write(work.places[path.with_name(name)], name, work.epoch, temporary)
    ours = {programs.version(zsyncmake.PROGRAM): programs.sha256(zsyncmake.PROGRAM)}
    size, sha256 = temporary.stat().st_size, files.sha256(temporary)
    return msgspec.structs.replace(artifact, size=size, sha256=sha256, programs={**artifact.programs, **ours})


def _signed(work: _Work, artifact: Artifact) -> Iterator[Artifact]:
    if artifact.format not in signed.FORMATS:
        yield _beside(work, artifact)
        return
    if artifact.format in (*PROGRAMS, *IMAGES, *PACKAGES):
        yield _program(work, artifact) if artifact.format in PROGRAMS else _apples(work, artifact)
        return
    path = work.dist / artifact.path
    try:
        with files.scratch("sign") as folder:
            temporary = work.written.enter_context(files.beside(path))
            plain, about = folder / "plain", folder / "about"
            with path.open("rb") as stream, plain.open("wb") as out:
                spans.copied(stream, signed.unsigned(stream).spans, out)
            with plain.open("rb") as stream, about.open("wb") as out:
                spans.copied(stream, signed.what_is_signed(plain, artifact.format), out)
            signature = _made(work, about, artifact.format)
            signed.put(plain, artifact.format, signature, temporary)
            temporary.chmod(path.stat().st_mode)
            work.places[path] = temporary
            key = work.keys.rsa.file if artifact.format in RSA and work.keys.rsa else _fingerprint(work)
            record = Signature(
                key=key, size=plain.stat().st_size, sha256=files.sha256(plain), data=base64.b64encode(signature).decode("ascii")
            )
            whole = msgspec.structs.replace(artifact, size=temporary.stat().st_size, sha256=files.sha256(temporary), signature=record)
    except signed.damage() as error:
        message = f"{artifact.name} is no {artifact.format} that could be signed"
        raise ConfigurationError(message, why=f"{type(error).__name__}: {error}") from error
    yield whole


def _program(work: _Work, artifact: Artifact) -> Artifact:
    """An artifact with an Authenticode signature; itself when it has the one that the key would make.

    What the tool wrote is not released: only the signature in it is taken, and put into what was built.
    """
    path, key = _settled(work, artifact), work.keys.programs
    if key is None:
        raise ValueError("nothing is signed without a key")
    if (found := _signature_of(path, artifact)) and not artifact.signature:
        reporter().info(f"{artifact.name} is left as it is: {found.signer} has signed it.")
        return artifact
    if artifact.signature and (reason := key.fits(found)):
        message = f"{artifact.name} has another signature already: {reason}"
        raise ConfigurationError(message, hint="`coldforge bundle --clean` makes it anew, without one.")
    if artifact.signature:
        return artifact
    signature = key.signature(path, name=artifact.name, epoch=work.epoch)
    temporary = work.written.enter_context(files.beside(path))
    try:
        signed.put(path, artifact.format, signature, temporary)
        seen = _seen(temporary)
    except signed.damage() as error:
        raise BuildFailed(f"the signature that was made of {artifact.name} is none of it", why=str(error)) from error
    reason = key.fits(seen)
    if seen is None or reason:
        raise BuildFailed(f"the signature that was made of {artifact.name} is not what is asked for: {reason}")
    if artifact.format == "msix":
        _check_publisher(temporary, artifact, seen)
    record = Signature(key=seen.certificate, size=artifact.size, sha256=artifact.sha256, data=base64.b64encode(signature).decode("ascii"))
    return msgspec.structs.replace(artifact, size=temporary.stat().st_size, sha256=files.sha256(temporary), signature=record)


def _settled(work: _Work, artifact: Artifact) -> Path:
    """Where an artifact lies: with the signature that is recorded of it, if a run ended between the record and the file."""
    path, signature = work.dist / artifact.path, artifact.signature
    if signature is None or files.sha256(path) != signature.sha256:
        return path
    temporary = work.written.enter_context(files.beside(path))
    with suppress(*signed.damage()):
        signed.put(path, artifact.format, base64.b64decode(signature.data), temporary)
    if files.sha256(temporary) != artifact.sha256:
        message = f"the signature that the manifest has of {artifact.name} is none of it"
        raise Refused(message, hint="`coldforge bundle --clean` makes it anew, without one.")
    return temporary


def _check_publisher(path: Path, artifact: Artifact, seen: authenticode.Seen) -> None:
    """Raises ConfigurationError for an app package of somebody else than the signer: Windows installs none."""
    with path.open("rb") as stream:
        publisher = msix.publisher(stream)
    if not authenticode.is_subject(publisher, seen.signer):
        why = f"It is of {publisher!r}, the certificate of {seen.signer!r}: Windows would not install it."
        hint = "Set `msix-publisher` in [tool.coldforge.windows] to the certificate's subject, and build again."
        raise ConfigurationError(f"{artifact.name} is not of whoever signs it", why=why, hint=hint)


def _apples(work: _Work, artifact: Artifact) -> Artifact:
    """A disk image or a package for macOS with a signature; itself when it has the one that the key would make."""
    path, form = _settled(work, artifact), tickets.FORMATS[artifact.format]
    key = (work.keys.apple if artifact.format in IMAGES else work.keys.installer).since(work.epoch)

    def seen_in(file: Path) -> developer.By | None:
        with file.open("rb") as stream:
            return form.read(stream)

    if artifact.signature:
        if reason := key.made(seen_in(path)):
            message = f"{artifact.name} has another signature already: {reason}"
            raise ConfigurationError(message, hint="`coldforge bundle --clean` makes it anew, without one.")
        return artifact
    name = artifact.name.removesuffix(".dmg")
    signature = key.image_signature(path, name) if artifact.format in IMAGES else key.package_signature(path)
    temporary = work.written.enter_context(files.beside(path))
    try:
        signed.put(path, artifact.format, signature, temporary)
        seen = seen_in(temporary)
    except signed.damage() as error:
        raise BuildFailed(f"the signature that was made of {artifact.name} is none of it", why=str(error)) from error
    if seen is None or (reason := key.made(seen)):
        raise BuildFailed(f"the signature that was made of {artifact.name} is not what is asked for: {reason}")
    if _plain(temporary) != artifact.sha256:
        raise BuildFailed(f"what signed {artifact.name} changed more of it than a signature does", hint="Report this; nothing was changed.")
    record = Signature(key=seen.certificate, size=artifact.size, sha256=artifact.sha256, data=base64.b64encode(signature).decode("ascii"))
    return msgspec.structs.replace(artifact, size=temporary.stat().st_size, sha256=files.sha256(temporary), signature=record)


def _signature_of(path: Path, artifact: Artifact) -> authenticode.Seen | None:
    """The signature that a file has already. Raises ConfigurationError for one that cannot have any, or has a bad one."""
    try:
        return _seen(path)
    except signed.damage() as error:
        raise ConfigurationError(f"{artifact.name} is no {artifact.format} that could be signed", why=str(error)) from error


def _seen(path: Path) -> authenticode.Seen | None:
    with path.open("rb") as stream:
        return authenticode.read(stream)


def _made(work: _Work, about: Path, form: str) -> bytes:
    if form in RSA and work.keys.rsa:
        return apk.signature(about.read_bytes(), work.keys.rsa, work.epoch)
    if form == "appimage" and work.keys.openpgp:  # what is embedded are texts, and the key is among them
        return work.keys.openpgp.detached(about, epoch=work.epoch, armor=True) + work.keys.openpgp.public()
    return _openpgp(work, about)


def _openpgp(work: _Work, path: Path) -> bytes:
    if work.keys.openpgp is None:
        raise ValueError("nothing is signed without a key")
    return work.keys.openpgp.detached(path, epoch=work.epoch)


def _fingerprint(work: _Work) -> str:
    return work.keys.openpgp.primary if work.keys.openpgp else ""


def _beside(work: _Work, artifact: Artifact) -> Artifact:
    """A signature in a file of its own, which is released like any other."""
    name = f"{artifact.name}{SIG}"
    path = (work.dist / artifact.path).with_name(name)
    temporary = work.written.enter_context(files.beside(path))
    temporary.write_bytes(_openpgp(work, work.dist / artifact.path))
    return Artifact(
        name=name,
        path=f"{artifact.path}{SIG}",
        target=artifact.target,
        format=DETACHED,
        size=temporary.stat().st_size,
        sha256=files.sha256(temporary),
        key=_fingerprint(work),
    )
