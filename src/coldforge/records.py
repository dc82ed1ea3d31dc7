"""What was really made: the values that stages and CI jobs hand on to each other.

Everything here is frozen, and reads from and writes to canonical JSON (sorted keys, no
spaces, UTF-8, one trailing newline), so that equal records are equal bytes. Nothing
ever guesses a path: if a manifest does not name a file, the file does not exist.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec

from coldforge.errors import ConfigurationError, Problem

SCHEMA: Final = 1
SUMS: Final = "SHA256SUMS"
MANIFEST: Final = "manifest.json"
INDEX: Final = "payload.json"
ATTESTATIONS: Final = "attestations.jsonl"
REPORT: Final = "report.html"
SBOM: Final = "sbom"  # the format of a bill of materials
TREE: Final = "payload"  # the folder in a target's, of the frozen tree
SINGLES: Final = "onefile"  # the folder in a target's, of one-file programs
CARRIED: Final = "carried"  # the folder in a target's, of what packages bring besides the tree
DETACHED: Final = "signature"  # the format of a signature in a file of its own
SIG: Final = ".sig"  # what the name of such a file has more than that of the other
ADHOC: Final = "ad hoc"  # the key of a signature for macOS that anybody can make
BUNDLE_SUFFIX: Final = ".sigstore.json"
REBUILD_SUFFIX: Final = f".rebuild{BUNDLE_SUFFIX}"  # of the bundle of somebody who built a release again
REBUILD_TYPE: Final = "https://github.com/coldforge/coldforge/rebuild/v1"
GITHUB: Final = "https://github.com/"
REPOSITORY: Final = r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9_.-]+"  # OWNER/REPO, as GitHub names one
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+~-]*")


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="kebab", forbid_unknown_fields=True):
    """The base of every record: immutable, strict, spelled in kebab-case in JSON."""


class Origin(Record, frozen=True, kw_only=True):
    """Where a file of a payload comes from.

    `name` is the distribution (normalised), the system package, or empty for the
    application itself; `version` is that of the distribution or package.
    """

    kind: Literal["application", "distribution", "python", "system", "freezer"]
    name: str = ""
    version: str = ""


class Signature(Record, frozen=True, kw_only=True):
    """A signature that was put into a file, as data: whoever makes the file again can put it back without the key.

    `key` is the fingerprint of the OpenPGP key, the file of the RSA key, or the sha256 of the certificate; `size` and `sha256` are of the
    file before it was signed, `data` is the signature in base64.
    """

    key: str
    size: int
    sha256: str
    data: str


class Notarization(Record, frozen=True, kw_only=True):
    """What Apple was asked about: a submission's `id`, and size and sha256 of what was submitted.

    `is_there` tells that all of it has arrived there; `ticket` is what Apple gave and was put into the file then, in base64. `code` is what
    the ticket of an application is asked for by: another application has another.
    """

    id: str
    size: int
    sha256: str
    is_there: bool = False
    ticket: str = ""
    code: str = ""


class FileEntry(Record, frozen=True, kw_only=True):
    """One file, symlink or empty directory of a payload.

    `path` is relative, with forward slashes. `mode` is normalised (0o755 or 0o644).
    `sha256` is of the content and empty for links and directories; `link` is a symlink's text. Both size and digest are of the file as
    it is packaged; `signature` is what it was before, when it was signed after the freeze.
    """

    path: str
    kind: Literal["executable", "library", "extension", "data", "link", "directory"]
    mode: int = 0o644
    size: int = 0
    sha256: str = ""
    link: str = ""
    origin: Origin
    signature: Signature | None = None


class Component(Record, frozen=True, kw_only=True):
    """One part of a payload: the application, a distribution, Python, a system package, or the freezer with its boot loader.

    `license` is an SPDX expression where the part says it in a way that means one, else the name that it gives, or empty.
    `size` is of its files as they were collected, `archived` of its modules in the archive that every executable carries,
    both in bytes. `requires` names other parts by their metadata; `texts` are its licence texts below `licenses/`.
    """

    kind: Literal["application", "distribution", "python", "system", "freezer"]
    name: str
    version: str = ""
    license: str = ""
    size: int = 0
    archived: int = 0
    requires: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


class Distribution(Record, frozen=True, kw_only=True):
    """One installed Python distribution of the frozen environment. `hashes` are those the lock allows."""

    name: str
    version: str
    hashes: tuple[str, ...] = ()


class Interpreter(Record, frozen=True, kw_only=True):
    """The Python that is frozen: version, build (compiler text) and the sha256 of its library or executable."""

    version: str
    build: str
    sha256: str
    implementation: str = "CPython"


class Environment(Record, frozen=True, kw_only=True):
    """The locked environment of a payload, and where the two phases of the freeze ran.

    `lock` names the file the distributions came from, or `resolved` when there was none
    and they were resolved as of the commit's time (`resolved` then holds the whole lock text).
    `extras` and `groups` of the project's dependencies are those that were chosen.
    `built` tells what was installed to build each distribution that came as source, and the project, by name;
    `build_lock` names the file that says what may be, if there is one.
    What is not frozen from Python has no interpreter, distributions and lock; `tools` is then what
    each tool said of its version, by the command line that it was asked with, and `programs` are those
    of the host that the commands start, as they name them, with the sha256 of each one's file.
    `workshop` is `host` or the container image by digest; `network` tells whether the
    freeze phase was cut off from the network. `image` is the reference that the image was found under, and
    `python` what its interpreter is called in it (both empty on the host); `recipes` are the files that ran
    inside, the project's own or coldforge's, by name with their sha256.
    """

    interpreter: Interpreter | None = None
    distributions: tuple[Distribution, ...] = ()
    freezer_distributions: tuple[Distribution, ...] = ()
    lock: str = ""
    lock_sha256: str = ""
    resolved: str = ""
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    built: Mapping[str, tuple[Distribution, ...]] = msgspec.field(default_factory=dict)
    build_lock: str = ""
    build_lock_sha256: str = ""
    tools: Mapping[str, str] = msgspec.field(default_factory=dict)
    programs: Mapping[str, str] = msgspec.field(default_factory=dict)
    workshop: str
    image: str = ""
    python: str = ""
    recipes: Mapping[str, str] = msgspec.field(default_factory=dict)
    system: str = ""
    glibc: str = ""
    network: Literal["off", "not isolated"] = "off"


class Finding(Record, frozen=True, kw_only=True):
    """What a gate found: its name, whether it stops the build, and the evidence."""

    gate: str
    level: Literal["error", "warning", "relaxed"]
    message: str
    path: str = ""
    reason: str = ""


class Need(Record, frozen=True, kw_only=True):
    """A library that a payload leaves to the system, by soname; `by` is the first file that needs it.

    `required` is what a file is linked with or says to require; what is `recommended` or `suggested` is loaded when it is there.
    A library that is in the payload is named too when it reads files that only its package on the system brings, such as fonts.
    """

    soname: str
    by: str
    priority: Literal["required", "recommended", "suggested"] = "required"


def floor(glibc: str, macos: str) -> str:
    """The one floor that there is, in words.

    >>> floor("glibc-2.28", ""), floor("", "11.0")
    ('glibc-2.28', 'macOS 11.0')
    """
    return f"macOS {macos}" if macos else glibc


class Payload(Record, frozen=True, kw_only=True, omit_defaults=False):
    """The index of a frozen tree: exactly what every package of that target contains.

    `singles` are the one-file executables made in the same freeze (kept beside the tree).
    `sealed` are signatures of code in the application for macOS that is made of the tree, by its path there: they are about all of it.
    `notarization` is what Apple said of that application, which is laid out and submitted as a zip before any package is made of it.
    `key` is the digest of all inputs of the freeze; equal keys mean equal payloads. `gates` are those that were asked, and `findings`
    what some of them found.
    """

    schema: Literal[1] = SCHEMA
    target: str
    freezer: str
    key: str
    files: tuple[FileEntry, ...]
    singles: tuple[FileEntry, ...] = ()
    sealed: Mapping[str, Signature] = msgspec.field(default_factory=dict)
    notarization: Notarization | None = None
    components: tuple[Component, ...] = ()
    environment: Environment
    gates: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    needs: tuple[Need, ...] = ()
    glibc_floor: str = ""
    macos_floor: str = ""

    @property
    def floor(self) -> str:
        """The oldest system that the tree needs, such as `glibc-2.28` or `macOS 11.0`; empty where nothing tells."""
        return floor(self.glibc_floor, self.macos_floor)

    @property
    def digest(self) -> str:
        """sha256 over the canonical list of files: the identity of the tree's content."""
        return digest_of((self.files, self.singles))

    @property
    def required(self) -> tuple[str, ...]:
        """The sonames without which it does not start."""
        return tuple(need.soname for need in self.needs if need.priority == "required")

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(entry.size for entry in self.files)


class Artifact(Record, frozen=True, kw_only=True):
    """One file for users. `path` is relative to `dist/`, and ends with the name.

    `tool` is name and version of what wrote it; `programs` are those of the machine among them, with the sha256 of each one's file, and
    nothing depends on that. `key` is the digest of the bundler's inputs. Size and sha256 are of the file as it is
    released; `signature` is what it was before, when it was signed, and `notarization` before it got Apple's ticket. The format
    `signature` is a detached one, in a file of its own: its key is the fingerprint, its name that of the other one with an ending more.

    Raises ValueError for names and paths that no build makes: a manifest may come from anybody, and files are written beside them.
    """

    name: str
    path: str
    target: str
    format: str
    size: int
    sha256: str
    tool: str = ""
    programs: Mapping[str, str] = msgspec.field(default_factory=dict)
    key: str = ""
    signature: Signature | None = None
    notarization: Notarization | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name in (MANIFEST, SUMS, ATTESTATIONS) or self.name.endswith(BUNDLE_SUFFIX):
            raise ValueError(f"{self.name!r} cannot be the name of an artifact")
        *folders, last = self.path.split("/")
        if last != self.name or not all(map(_NAME.fullmatch, folders)):
            raise ValueError(f"{self.path!r} cannot be the path of the artifact {self.name}")
        if self.format == DETACHED and not self.name.endswith(SIG):
            raise ValueError(f"{self.name!r} cannot be the name of a signature")


class Carried(Record, frozen=True, kw_only=True):
    """A program that a package brings besides the tree, and that is signed before the package is made: an uninstaller, or a plug-in.

    `path` is below `carried/` in the target's folder: the format, and the name. `key` is the digest of what it was made from. Size and
    sha256 are of the file as it lies there; `signature` is what it was before, when it was signed.

    Raises ValueError for paths that no build makes: a manifest may come from anybody.
    """

    path: str
    key: str
    size: int
    sha256: str
    signature: Signature | None = None

    def __post_init__(self) -> None:
        if self.path.count("/") != 1 or not all(map(_NAME.fullmatch, self.path.split("/"))):
            raise ValueError(f"{self.path!r} cannot be the path of a program that a package carries")


class Shown(Record, frozen=True, kw_only=True):
    """A window that a windowed executable really showed. `screenshot` is a file beside the target's manifest."""

    artifact: str
    executable: str
    title: str
    screenshot: str


class Trial(Record, frozen=True, kw_only=True):
    """What was tried in one bare system: `image` as it was found, `system` what it calls itself.

    Every artifact was installed or unpacked, and every one of the commands ended with 0, as a plain user whose home folder is read-only,
    without network. `lacking` are libraries that files are linked with and that were not there, though nothing that was tried needed them.
    """

    image: str
    system: str
    artifacts: tuple[str, ...]
    commands: tuple[str, ...] = ()
    windows: tuple[Shown, ...] = ()
    lacking: tuple[str, ...] = ()


class Smoke(Record, frozen=True, kw_only=True):
    """What was proven in bare systems; `unproven` says what was not, and why."""

    trials: tuple[Trial, ...] = ()
    unproven: tuple[str, ...] = ()


class TargetRecord(Record, frozen=True, kw_only=True):
    """What one target's stages made: the payload by digest, what it needs of its system, the artifacts, and what was proven of them.

    `signed` are the signatures that files of the payload got after the freeze, by path; `notarization` is the payload's; `carried` are
    the programs that its packages bring of their own, as far as they were made before; `gates` and `findings` are the payload's.
    `toolbox` is the image whose programs made formats, with its recipe's digest behind a `+` if it has one; empty: the machine's own.
    """

    target: str
    freezer: str
    payload_digest: str
    payload_size: int
    signed: Mapping[str, Signature] = msgspec.field(default_factory=dict)
    notarization: Notarization | None = None
    carried: tuple[Carried, ...] = ()
    glibc_floor: str = ""
    macos_floor: str = ""
    needs: tuple[Need, ...] = ()
    environment: Environment
    gates: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    toolbox: str = ""
    artifacts: tuple[Artifact, ...] = ()
    smoke: Smoke = Smoke()

    @property
    def floor(self) -> str:
        """The oldest system that the tree needs, such as `glibc-2.28` or `macOS 11.0`; empty where nothing tells."""
        return floor(self.glibc_floor, self.macos_floor)


class SourceRecord(Record, frozen=True, kw_only=True):
    """The source that was built. `path` is the project's folder in the repository, `epoch` in seconds since 1970, UTC.

    `config` is the file in that folder that was the configuration; empty for the usual one.
    """

    commit: str = ""
    tag: str = ""
    repository: str = ""
    path: str = ""
    config: str = ""
    dirty: bool = False
    epoch: int


class Manifest(Record, frozen=True, kw_only=True, omit_defaults=False):
    """The record of a target, or merged, of the whole release."""

    schema: Literal[1] = SCHEMA
    coldforge: str
    product: str
    version: str
    source: SourceRecord
    targets: tuple[TargetRecord, ...] = ()

    def __post_init__(self) -> None:
        names = [artifact.name.casefold() for artifact in self.artifacts]  # many file systems ignore case
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)}: two artifacts have this name")
        if len({target.target for target in self.targets}) < len(self.targets):
            raise ValueError("it has two records of one target")
        for target in self.targets:
            if strange := [a.name for a in target.artifacts if a.target != target.target]:
                raise ValueError(f"{', '.join(strange)}: recorded for {target.target}, and said to be of another target")
            if alone := {a.name.removesuffix(SIG) for a in target.artifacts if a.format == DETACHED} - {a.name for a in target.artifacts}:
                raise ValueError(f"{', '.join(sorted(alone))}: there is a signature of it, and no such artifact")

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """All artifacts of all targets, by name."""
        return tuple(sorted((a for t in self.targets for a in t.artifacts), key=lambda a: a.name))


R = TypeVar("R")


def plain(record: object) -> Any:
    """A record as plain JSON values."""
    return msgspec.to_builtins(record)


def canonical(value: object) -> bytes:
    """Canonical JSON of any record or plain value."""
    plain = msgspec.to_builtins(value)
    return (json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


def digest_of(value: object) -> str:
    """The sha256 of a value's canonical JSON: how keys of caches are made."""
    import hashlib  # here, because OpenSSL is slow to load and planning needs none of it

    return hashlib.sha256(canonical(value)).hexdigest()


def decode(data: bytes, kind: type[R], origin: Path | str) -> R:
    """Read a record. Raises ConfigurationError naming `origin` when it is not one."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"{origin} is not a {kind.__name__.lower()} that this coldforge can read"
        raise ConfigurationError(message, why=str(error), hint="Build again, or use the coldforge version that wrote it.") from error


def read(path: Path, kind: type[R]) -> R:
    """Read a record from a file. Raises ConfigurationError when it is absent or malformed."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path} does not exist", hint="Run `coldforge build` first, or name the folder it wrote to.") from error
    return decode(data, kind, path)


def merge(manifests: Iterable[Manifest]) -> Manifest:
    """One manifest of several targets' manifests. Raises ConfigurationError when they are not of one release."""
    first, *rest = manifests
    problems = tuple(
        Problem(what=f"{_names(other)} was made from {_identity(other)}, {_names(first)} from {_identity(first)}")
        for other in rest
        if _identity(other) != _identity(first)
    )
    if problems:
        raise ConfigurationError("the manifests are not of one release", problems=problems, hint="Build all targets from one commit.")
    records = {record.target: record for manifest in (first, *rest) for record in manifest.targets}
    try:
        return msgspec.structs.replace(first, targets=tuple(records[name] for name in sorted(records)))
    except ValueError as error:
        raise ConfigurationError("the manifests cannot be one release", why=str(error), hint="Build all targets from one plan.") from error


def _names(manifest: Manifest) -> str:
    return ", ".join(record.target for record in manifest.targets)


def _identity(manifest: Manifest) -> tuple[object, ...]:
    return (manifest.product, manifest.version, manifest.source, manifest.coldforge)


def statements_of(target: str, formats: Collection[str]) -> tuple[str, ...]:
    """The names of the statements about all artifacts of a target together: as their bundles are called, without the ending.

    >>> statements_of("linux-x86_64", ["deb", "sbom"])
    ('linux-x86_64.coldforge', 'linux-x86_64.sbom')
    """
    return (f"{target}.coldforge", f"{target}.{SBOM}") if SBOM in formats else (f"{target}.coldforge",)


def all_statements(manifest: Manifest) -> tuple[str, ...]:
    """The names of those statements of a whole release."""
    return tuple(name for t in manifest.targets for name in statements_of(t.target, [artifact.format for artifact in t.artifacts]))


def released_files(manifest: Manifest) -> tuple[str, ...]:
    """The names of all files that a release of this manifest is made of, without the attestations themselves."""
    return (*(artifact.name for artifact in manifest.artifacts), MANIFEST, SUMS)


def sums(digests: Mapping[str, str]) -> bytes:
    """The text of SHA256SUMS, as `sha256sum --check` reads it."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())).encode()


def schema_of(kind: Any) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a record."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(kind)}
