"""What a verifier demands, and whether a signer's certificate meets it. Comparisons are exact, or anchored at both ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from coldforge.errors import ConfigurationError, Location
from coldforge.project.config import Section
from coldforge.project.read import Findings, read_toml
from coldforge.records import Record

GITHUB_ISSUER: Final = "https://token.actions.githubusercontent.com"
OWN_WORKFLOW: Final = "coldforge/coldforge/.github/workflows/release.yml"
GITHUB: Final = "https://github.com/"


class Policy(Section, frozen=True, kw_only=True):
    """A policy file. A workflow's repository or an identity must be named; everything else narrows that further."""

    repository: Annotated[str, Meta(description="`owner/repo` whose workflow must have signed.", pattern=r"^([\w.-]+/[\w.-]+)?$")] = ""
    workflows: Annotated[
        tuple[str, ...],
        Meta(description="Workflow files that may sign, `owner/repo/.github/workflows/FILE.yml`, optionally `@ref`."),
    ] = ()
    workflow_digest: Annotated[str, Meta(description="Commit of the signing workflow file.")] = ""
    ref: Annotated[str, Meta(description="Git ref that was built, such as refs/tags/v1.2.0.")] = ""
    commit: Annotated[str, Meta(description="Commit that was built.")] = ""
    trigger: Annotated[str, Meta(description="Event that started the workflow, such as push.")] = ""
    runner: Annotated[str, Meta(description="Kind of runner: github-hosted, self-hosted, or empty for either.")] = "github-hosted"
    identity: Annotated[str, Meta(description="The certificate's name exactly: a workflow's URL or an e-mail address.")] = ""
    issuer: Annotated[str, Meta(description="Who vouched for the signer; with a repository, GitHub Actions.")] = ""


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


class Mismatch(Record, frozen=True, kw_only=True):
    """One demand that is not met."""

    what: str
    expected: str
    got: str


def load_policy(path: Path) -> Policy:
    """Read a policy file. Raises ConfigurationError with every problem."""
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
    if policy.repository:
        own = f"{policy.repository}/.github/workflows/"
        implied = policy.workflows or (own, OWN_WORKFLOW)
        return msgspec.structs.replace(policy, workflows=implied, issuer=policy.issuer or GITHUB_ISSUER)
    if policy.identity and policy.issuer:
        return msgspec.structs.replace(policy, runner="")
    hint = "Name `repository`, or `identity` together with `issuer`."
    raise ConfigurationError("the policy does not say who must have signed", where=where, hint=hint)


def choose(path: Path | None, *, repository: str | None, tag: str | None, identity: str | None, issuer: str | None) -> Policy | None:
    """The policy of a command line; None when it says nothing about who must have signed.

    Options narrow the file's policy and never widen it. Raises ConfigurationError on contradictions.
    """
    if path is None and not repository and not identity:
        if tag or issuer:
            raise ConfigurationError("--tag and --certificate-oidc-issuer need --repo or --certificate-identity")
        return None
    given = {"repository": repository, "ref": f"refs/tags/{tag}" if tag else None, "identity": identity, "issuer": issuer}
    base = load_policy(path) if path else Policy()
    changes = {key: value for key, value in given.items() if value}
    for key, value in changes.items():
        if getattr(base, key) not in ("", value):
            raise ConfigurationError(f"the policy demands {key} {getattr(base, key)!r}, the command line {value!r}")
    return _completed(msgspec.structs.replace(base, **changes), None)


def mismatches(policy: Policy, signer: Signer) -> Iterator[Mismatch]:
    """Every demand that the signer does not meet."""
    exact = {
        "issuer": (policy.issuer, signer.issuer),
        "identity": (policy.identity, signer.identity),
        "repository": (GITHUB + policy.repository if policy.repository else "", signer.repository),
        "ref": (policy.ref, signer.ref),
        "commit": (policy.commit, signer.commit),
        "workflow-digest": (policy.workflow_digest, signer.workflow_digest),
        "trigger": (policy.trigger, signer.trigger),
        "runner": (policy.runner, signer.runner),
    }
    for what, (expected, got) in exact.items():
        if expected and expected != got:
            yield Mismatch(what=what, expected=expected, got=got or "nothing")
    if policy.workflows and not any(_is_workflow(wanted, signer.workflow) for wanted in policy.workflows):
        yield Mismatch(what="workflow", expected=" or ".join(policy.workflows), got=signer.workflow or "nothing")


def _is_workflow(wanted: str, url: str) -> bool:
    """Whether a signer's workflow URL is the wanted file: with its ref when one is given, any file when it ends with `/`.

    `release.yml` never matches `release.yml.attacker.yml`: what follows must be `@` and a ref.
    """
    path, _, ref = url.removeprefix(GITHUB).partition("@")
    if not url.startswith(GITHUB) or not ref:
        return False
    if wanted.endswith("/"):
        name = path.removeprefix(wanted)
        return path.startswith(wanted) and bool(name) and "/" not in name
    wanted_path, _, wanted_ref = wanted.partition("@")
    return path == wanted_path and wanted_ref in ("", ref)
