"""What a verifier demands, and whether a signer's certificate meets it. Comparisons are exact, or anchored at both ends."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from coldforge.errors import ConfigurationError, Location
from coldforge.project.section import Section
from coldforge.project.walk import nearest
from coldforge.records import GITHUB, REPOSITORY, Record
from coldforge.target import Target
from coldforge.verify import roster
from coldforge.verify.roster import Rebuilder, folded, like

GITHUB_ISSUER: Final = "https://token.actions.githubusercontent.com"
OWN_WORKFLOW: Final = "coldforge/coldforge/.github/workflows/release.yml"
OWN_RELEASED: Final = f"{OWN_WORKFLOW}@refs/tags/v*"
OWN_PINNED: Final = f"{OWN_WORKFLOW}@*"  # by a commit, as `init` writes it: every ref has a `/`, for which `*` does not stand
HOSTED: Final = "github-hosted"
RELEASE_WORKFLOW: Final = ".github/workflows/release.yml"
TAGS: Final = "refs/tags/"
# What follows `@` in a workflow's URL. A file's name may have an `@`, and so may a tag: a second `@refs/` would leave it open which.
_AT: Final = re.compile(r"refs/(?!.*@refs/).+|[0-9a-f]{40}|[0-9a-f]{64}", re.DOTALL)
# A whole commit; `$` alone would let a newline follow, and such a commit is nobody's.
_COMMIT: Final = r"^([0-9a-f]{40}|[0-9a-f]{64})$(?!\n)"
_COMMIT_IF_ANY: Final = r"^([0-9a-f]{40}|[0-9a-f]{64})?$(?!\n)"
# What only a certificate tells.
_NAMES: Final = ("workflows", "workflow_digest", "trigger", "runner", "level", "identity", "issuer")


Kind = Literal["coldforge", "sbom"]
"""The statements beside provenance that can be demanded, by what they are about."""


class Policy(Section, frozen=True, kw_only=True):
    """A policy file. A workflow's repository or an identity must be named; everything else narrows that further."""

    repository: Annotated[
        str,
        Meta(
            description="`owner/repo` whose workflow must have signed; with a `key`, or an e-mail address as `identity`, the one that "
            "they say to have built.",
            pattern=f"^({REPOSITORY})?$",
        ),
    ] = ""
    workflows: Annotated[
        tuple[str, ...],
        Meta(
            description="Workflow files that may sign, `owner/repo/.github/workflows/FILE.yml`, optionally `@ref`; "
            "with a repository, its `release.yml`, or coldforge's own at a tag of a version or at a commit. "
            "In the file's name and the ref, `*` stands for anything but `/`."
        ),
    ] = ()
    workflow_digest: Annotated[str, Meta(description="Commit of the signing workflow file, whole.", pattern=_COMMIT_IF_ANY)] = ""
    ref: Annotated[
        str,
        Meta(description="Git ref that was built, such as `refs/tags/v1.2.0` or `refs/tags/v*`; with a workflow and no `commit`, any tag."),
    ] = ""
    commit: Annotated[str, Meta(description="Commit that was built, whole.", pattern=_COMMIT_IF_ANY)] = ""
    trigger: Annotated[str, Meta(description="Event that started the workflow, such as push.")] = ""
    runner: Annotated[
        str | None,
        Meta(
            description='Kind of runner: github-hosted, self-hosted, or `""` for either. Where nothing is said, github-hosted is demanded '
            "of a repository's workflow, and nothing of other signers."
        ),
    ] = None
    level: Annotated[
        int,
        Meta(
            description="Least SLSA build level, as far as the certificate shows it: 2 is GitHub's own runners, 3 is "
            "coldforge's reusable workflow on them, which keeps the signing identity away from what is built: at a tag of a version, "
            "or at the commit that `workflow-digest` names.",
            ge=0,
            le=3,
        ),
    ] = 0
    revoked: Annotated[
        tuple[Annotated[str, Meta(pattern=_COMMIT, description="A whole commit, in lower case.")], ...],
        Meta(
            description="Commits that are not accepted any more: of the source, or of the signing workflow file. What was signed stays "
            "signed for ever, so this is how a bad release, or a workflow that could be misused, is taken back."
        ),
    ] = ()
    signed: Annotated[
        dict[str, tuple[str, ...]],
        Meta(description="For formats, such as deb, the keys of which one must have signed each package, as the manifest names them."),
    ] = msgspec.field(default_factory=dict)
    predicates: Annotated[
        tuple[Kind, ...],
        Meta(
            description="What must be attested of every artifact beside provenance: `coldforge` (contents, gates, smoke tests), `sbom` "
            "(CycloneDX). The first is demanded of every release in any case, the second where the manifest lists a bill of materials."
        ),
    ] = ()
    identity: Annotated[str, Meta(description="The certificate's name exactly: a workflow's URL or an e-mail address.")] = ""
    issuer: Annotated[str, Meta(description="Who vouched for the signer; with a repository, GitHub Actions.")] = ""
    key: Annotated[
        str,
        Meta(
            description="Public key (PEM) of a signer who has no certificate, instead of an `identity`, workflows and what "
            "a certificate tells of them."
        ),
    ] = ""
    code_signer: Annotated[
        str,
        Meta(
            description="Whom programs and installers for Windows must be signed as besides (Authenticode): common name or subject. "
            "It is about each `.exe`, `.msi` and `.msix`; programs in a `.zip` are not looked into. "
            "`code-root` tells who vouches for that name."
        ),
    ] = ""
    code_root: Annotated[
        str,
        Meta(
            description="The certificates (PEM) to one of which the certificates of `code-signer` and of the timestamp must lead: of the "
            "authorities that issued them, or the signer's own. It is needed, as anybody can make a certificate with any name."
        ),
    ] = ""
    apple_team: Annotated[
        str,
        Meta(
            description="Whose signature disk images and packages for macOS must have besides: the ten characters that Apple knows the "
            "team by. It must be of a Developer ID that leads to Apple's root."
        ),
    ] = ""
    apple_root: Annotated[
        str,
        Meta(
            description="The certificate (PEM) that `apple-team` must lead to in the place of Apple's: for those who sign with their own."
        ),
    ] = ""
    k: Annotated[
        int,
        Meta(
            description="How many of the rebuilders below must have arrived at each artifact by themselves. The publisher never counts.",
            ge=0,
        ),
    ] = 0
    unrebuilt: Annotated[
        tuple[str, ...],
        Meta(
            description="Targets, such as `macos-aarch64`, that nobody can build again: `k` is not demanded of their artifacts. Every "
            "verdict tells it."
        ),
    ] = ()
    rebuilders: Annotated[
        Mapping[str, Rebuilder], Meta(description="The rebuilders whose word counts, by the names that a verdict calls them.")
    ] = msgspec.field(default_factory=dict)

    @property
    def is_of_a_person(self) -> bool:
        """Whether it demands a key, or somebody with an e-mail address: their certificates tell of no source, so their statements must."""
        return bool(self.key) or bool(self.identity and "://" not in self.identity)


class Signer(Record, frozen=True, kw_only=True):
    """Who signed, as the certificate says it. Fields that it does not have are empty."""

    identity: str = ""
    issuer: str = ""
    repository: str = ""
    ref: str = ""
    commit: str = ""
    workflow: str = ""
    workflow_digest: str = ""
    trigger: str = ""
    runner: str = ""
    key: str = ""  # the fingerprint of the public key, for who has no certificate


class Mismatch(Record, frozen=True, kw_only=True):
    """One demand that is not met."""

    what: str
    expected: str
    got: str


def load_policy(path: Path) -> Policy:
    """Read a policy file. Raises ConfigurationError with every problem."""
    from coldforge.project.read import Findings, read_toml

    if not path.is_file():
        raise ConfigurationError(f"there is no policy file {path}")
    findings = Findings()
    part = read_toml(path, findings)
    policy = part.typed(Policy, findings) if part else Policy()
    if findings.problems:
        raise ConfigurationError(f"the policy {path.name} cannot be used", problems=tuple(findings.problems))
    return _completed(policy, Location(path))


def _completed(policy: Policy, where: Location | None) -> Policy:
    """The policy with what its repository implies. Raises ConfigurationError when it would let anybody through."""
    if policy.key and (named := [field for field in _NAMES if getattr(policy, field)]):
        why = f"it is demanded together with {', '.join(name.replace('_', '-') for name in named)}"
        raise ConfigurationError("a key alone says nothing about workflows and names", where=where, why=why, hint="Leave one of them out.")
    if why := roster.problem(policy.rebuilders, policy.k):
        raise ConfigurationError("the policy's rebuilders cannot be counted", where=where, why=why)
    for key, text in {"code-root": policy.code_root, "apple-root": policy.apple_root}.items():
        _check_root(key, text, where)
    if policy.code_signer and not policy.code_root:
        why = "Anybody can make a certificate with that name, so that only what issued it tells whose it is."
        hint = "Give the issuing authority's certificate as `code-root`, in PEM, or the signer's own."
        raise ConfigurationError("the policy has a code-signer and no code-root", where=where, why=why, hint=hint)
    _check_signed(policy.signed, where)
    try:
        targets = tuple(str(Target.parse(name)) for name in policy.unrebuilt)
    except ConfigurationError as error:
        raise ConfigurationError("the policy's `unrebuilt` is about no target", where=where, why=error.what, hint=error.hint) from error
    policy = msgspec.structs.replace(policy, unrebuilt=targets)
    if policy.repository and not policy.is_of_a_person:
        return msgspec.structs.replace(
            policy,
            workflows=policy.workflows or (f"{policy.repository}/{RELEASE_WORKFLOW}", OWN_RELEASED, OWN_PINNED),
            issuer=policy.issuer or GITHUB_ISSUER,
            runner=HOSTED if policy.runner is None else policy.runner,
        )
    if policy.key or (policy.identity and policy.issuer):
        return policy
    hint = "Name `repository`, or `identity` together with `issuer`, or give a `key`."
    raise ConfigurationError("the policy does not say who must have signed", where=where, hint=hint)


def _check_signed(signed: Mapping[str, Collection[str]], where: Location | None) -> None:
    """Raises ConfigurationError for a demand on packages that would never be made: of no format that there is, or with no key."""
    if not signed:
        return
    from coldforge.plan.formats import FORMATS  # which knows all of a project's configuration

    for form, keys in signed.items():
        if form not in FORMATS:
            raise ConfigurationError(
                f"the policy's `signed` is about {form!r}, which is no format", where=where, hint=nearest(form, FORMATS)
            )
        if not keys:
            hint = "Name those that may sign, as the manifest does, or leave the format out."
            raise ConfigurationError(f"the policy's `signed` names no key for {form}", where=where, hint=hint)


def _check_root(key: str, text: str, where: Location | None) -> None:
    """Raises ConfigurationError for a root that is no certificate."""
    if not text:
        return
    from cryptography.x509 import load_pem_x509_certificates

    try:
        load_pem_x509_certificates(text.encode())
    except ValueError as error:
        hint = "It is the text of a file that begins with -----BEGIN CERTIFICATE-----."
        why = str(error).split("\n", 1)[0]
        raise ConfigurationError(f"the policy's {key} is no certificate", where=where, why=why, hint=hint) from error


def choose(
    path: Path | None, *, repository: str | None, tag: str | None, identity: str | None, issuer: str | None, key: Path | None = None
) -> Policy | None:
    """The policy of a command line; None when it says nothing about who must have signed.

    Options narrow the file's policy and never widen it. Raises ConfigurationError on contradictions.
    """
    if path is None and not repository and not identity and key is None:
        if tag or issuer:
            raise ConfigurationError("--tag and --certificate-oidc-issuer need --repo or --certificate-identity")
        return None
    if repository and not re.fullmatch(REPOSITORY, repository):
        raise ConfigurationError(f"{repository!r} is not a repository", hint="Write it as OWNER/REPO.")
    pem = _pem(key) if key else None
    given = {"repository": repository, "ref": f"{TAGS}{tag}" if tag else None, "identity": identity, "issuer": issuer, "key": pem}
    base = load_policy(path) if path else Policy()
    changes = {name: value for name, value in given.items() if value}
    for name, value in changes.items():
        said = getattr(base, name)
        same = folded(said) == folded(value) if name == "repository" else like(said, value) if name == "ref" else said == value
        if said and not same:
            raise ConfigurationError(f"the policy demands {name} {said!r}, the command line {value!r}")
    return _completed(msgspec.structs.replace(base, **changes), None)


def _pem(key: Path) -> str:
    try:
        return key.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the key {key} cannot be read", why=str(error)) from error


def mismatches(policy: Policy, signer: Signer) -> Iterator[Mismatch]:
    """Every demand that the signer does not meet."""
    if policy.key or signer.key:  # a bundle with a key verifies with the policy's own, or not at all
        if not policy.key or not signer.key:
            yield Mismatch(what="key", expected="the policy's key" if policy.key else "a certificate", got=signer.key or signer.identity)
        return
    exact = {
        "issuer": (policy.issuer, signer.issuer),
        "identity": (policy.identity, signer.identity),
        "commit": ("" if policy.is_of_a_person else policy.commit, signer.commit),
        "workflow-digest": (policy.workflow_digest, signer.workflow_digest),
        "trigger": (policy.trigger, signer.trigger),
        "runner": (policy.runner, signer.runner),
    }
    for what, (expected, got) in exact.items():
        if expected and expected != got:
            yield Mismatch(what=what, expected=expected, got=got or "nothing")
    yield from _revoked(policy, signer)
    if not policy.is_of_a_person:
        yield from _foreign(policy, signer)
    if (level := slsa_level(signer, policy.workflow_digest)) < policy.level:
        yield Mismatch(what="level", expected=f"SLSA build level {policy.level}", got=str(level))
    if policy.workflows and not any(_is_workflow(wanted, signer.workflow) for wanted in policy.workflows):
        yield Mismatch(what="workflow", expected=" or ".join(policy.workflows), got=signer.workflow or "nothing")


def unlike(policy: Policy, *, repository: str, ref: str, commit: str) -> Iterator[Mismatch]:
    """Every demand on the source that is not met by what a person says to have built: whole address, ref and commit, or empty.

    Of a workflow's source its certificate speaks (see `mismatches`), and what it says itself counts for nothing.
    """
    if not policy.is_of_a_person:
        return
    if policy.repository and folded(GITHUB + policy.repository) != folded(repository):
        yield Mismatch(what="repository", expected=GITHUB + policy.repository, got=repository or "nothing")
    if policy.ref and not like(policy.ref, ref):
        yield Mismatch(what="ref", expected=policy.ref, got=ref or "nothing")
    if policy.commit and policy.commit != commit:
        yield Mismatch(what="commit", expected=policy.commit, got=commit or "nothing")


def _foreign(policy: Policy, signer: Signer) -> Iterator[Mismatch]:
    """Whether it is another repository's release, or of another ref."""
    if policy.ref and not like(policy.ref, signer.ref):
        yield Mismatch(what="ref", expected=policy.ref, got=signer.ref or "nothing")
    if policy.repository:
        if folded(GITHUB + policy.repository) != folded(signer.repository):
            yield Mismatch(what="repository", expected=GITHUB + policy.repository, got=signer.repository or "nothing")
        # anybody who may push a branch, or open a pull request, can run a workflow there; tags are for those who may release
        if not (policy.ref or policy.commit or signer.ref.startswith(TAGS)):
            yield Mismatch(what="ref", expected=f"{TAGS}…", got=signer.ref or "nothing")
    # a certificate has the name of the workflow's file, which other repositories than its own may run
    elif signer.repository and not folded(signer.workflow).startswith(f"{folded(signer.repository)}/"):
        yield Mismatch(what="repository", expected="the workflow's own, or one that the policy names", got=signer.repository)


def _revoked(policy: Policy, signer: Signer) -> Iterator[Mismatch]:
    for what, commit in (("commit", signer.commit), ("workflow-digest", signer.workflow_digest)):
        if commit and commit in policy.revoked:
            yield Mismatch(what=what, expected="one that is not revoked", got=commit)


def slsa_level(signer: Signer, known: str = "") -> int:
    """The SLSA build level that a certificate shows (https://slsa.dev/spec/v1.1/levels).

    1: there is provenance. 2: a hosted platform made and signed it. 3: what is built could not reach the identity that signed; the
    only workflow of which that is known here is coldforge's own, which attests in another job than it builds in: as it was released, or at
    the commit that is `known` to be good. What stands at another commit, a branch or a pull request could be anybody's: GitHub finds the
    commits of every fork under the name of the repository that was forked.
    """
    if signer.issuer != GITHUB_ISSUER or signer.runner != HOSTED:
        return 1
    good = (OWN_RELEASED, f"{OWN_WORKFLOW}@{known}") if known else (OWN_RELEASED,)
    return 3 if any(_is_workflow(wanted, signer.workflow) for wanted in good) else 2


def _split(path: str) -> tuple[str, str]:
    """`owner/repo/FILE` as the repository, for comparing, and the file in it, of which case counts."""
    owner, _, rest = path.partition("/")
    repository, _, file = rest.partition("/")
    return folded(f"{owner}/{repository}"), file


def _is_workflow(wanted: str, url: str) -> bool:
    """Whether a signer's workflow URL is the wanted file: with its ref when one is given, any file when it ends with `/`.

    `release.yml` never matches `release.yml.attacker.yml`, nor `release.yml@attacker.yml`: what follows must be `@` and a ref, or a commit.
    """
    path, _, ref = url.removeprefix(GITHUB).partition("@")
    if not url.startswith(GITHUB) or not _AT.fullmatch(ref):
        return False
    wanted_path, _, wanted_ref = wanted.partition("@")
    (repository, file), (wanted_repository, wanted_file) = _split(path), _split(wanted_path)
    if repository != wanted_repository or (wanted_ref and not like(wanted_ref, ref)):
        return False
    if wanted_file.endswith("/"):
        name = file.removeprefix(wanted_file)
        return file.startswith(wanted_file) and bool(name) and "/" not in name
    return like(wanted_file, file)


def implied_by(signer: Signer, signed: Mapping[str, tuple[str, ...]], predicates: tuple[Kind, ...] = ()) -> Policy:
    """The strictest policy that this signer meets and their next release will meet as well. Raises ConfigurationError for a bare key."""
    if signer.key:
        raise ConfigurationError("a key names nobody", hint="Write a policy with `key`, the publisher's public key in PEM form.")
    if not signer.repository:
        return Policy(identity=signer.identity, issuer=signer.issuer, signed=dict(signed), predicates=predicates)
    return Policy(
        repository=signer.repository.removeprefix(GITHUB),
        workflows=(_next_workflow(signer),),
        ref=ref_of_the_next(signer.ref),
        trigger=signer.trigger,
        runner=signer.runner,
        issuer=signer.issuer,
        level=slsa_level(signer),
        signed=dict(signed),
        predicates=predicates,
    )


def _next_workflow(signer: Signer) -> str:
    """The workflow that must sign the next release. One of another repository at no other kind of ref: what stands on a branch of it, or
    in a pull request, could be anybody's. That of its own is as good as the ref that is built, which is demanded in any case."""
    path, _, ref = signer.workflow.removeprefix(GITHUB).partition("@")
    if folded(signer.workflow).startswith(f"{folded(signer.repository)}/"):
        return path
    if ref.startswith(TAGS):
        return f"{path}@{TAGS}{_before_version(ref.removeprefix(TAGS))}*"
    return f"{path}@{ref}" if "/" in ref else f"{path}@*"


def ref_of_the_next(ref: str) -> str:
    """The ref of a release, with any version for a tag's."""
    return f"{TAGS}{_before_version(ref.removeprefix(TAGS))}*" if ref.startswith(TAGS) else ref


def _before_version(tag: str) -> str:
    """A tag up to its version."""
    return re.split("[0-9]", tag, maxsplit=1)[0]


def as_toml(policy: Policy, remarks: Iterable[str] = ()) -> str:
    """A policy file; what is left at its default is not in it. Each of the `remarks` is one line for whoever reads it."""
    import tomlkit

    fields = msgspec.to_builtins(policy)
    usual = msgspec.to_builtins(Policy())
    document = tomlkit.document()
    document.add(
        tomlkit.comment("What `coldforge verify --policy` demands. It was written from a release: look whether that is who you mean.")
    )
    for remark in remarks:
        document.add(tomlkit.comment(remark))
    for name, value in sorted(fields.items(), key=lambda item: isinstance(item[1], dict)):  # tables come last
        if value != usual[name]:
            document.add(name, _stated(value) if name == "rebuilders" else value)
    return tomlkit.dumps(document)


def _stated(roster: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """A roster without what its entries do not say."""
    return {name: {key: value for key, value in entry.items() if value} for name, entry in roster.items()}
