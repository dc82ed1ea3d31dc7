"""in-toto statements with SLSA provenance, as pure functions of the manifest and the signer's token.

The predicate is a superset of what `actions/attest` writes; every value about the workflow comes from
the identity token's claims (which the certificate repeats), never from environment variables.
Source: https://slsa.dev/spec/v1.1/provenance, https://actions.github.io/buildtypes/workflow/v1
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from coldforge.records import Manifest, TargetRecord, canonical

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PROVENANCE: Final = "https://slsa.dev/provenance/v1"
WORKFLOW: Final = "https://actions.github.io/buildtypes/workflow/v1"
DESK: Final = "https://github.com/coldforge/coldforge/buildtypes/desk/v1"
GITHUB: Final = "https://github.com"
Claims = Mapping[str, Any]


def statement(name: str, sha256: str, manifest: Manifest, claims: Claims) -> bytes:
    """The statement that `name` with this digest came out of the build that `manifest` records, as canonical JSON."""
    predicate = {"buildDefinition": _definition(name, manifest, claims), "runDetails": _details(claims)}
    document = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": sha256}}],
        "predicateType": PROVENANCE,
        "predicate": predicate,
    }
    return canonical(document).rstrip(b"\n")


def _definition(name: str, manifest: Manifest, claims: Claims) -> dict[str, Any]:
    internal: dict[str, Any] = {"coldforge": _coldforge(name, manifest)}
    if is_workflow(claims):
        keys = ("event_name", "repository_id", "repository_owner_id", "runner_environment")
        internal["github"] = {key: claims[key] for key in keys if key in claims}
    return {
        "buildType": WORKFLOW if is_workflow(claims) else DESK,
        "externalParameters": _external(manifest, claims),
        "internalParameters": internal,
        "resolvedDependencies": [_source(manifest, claims), *_dependencies(name, manifest)],
    }


def is_workflow(claims: Claims) -> bool:
    """Whether the token is that of a GitHub Actions job."""
    return "workflow_ref" in claims and "repository" in claims


def _external(manifest: Manifest, claims: Claims) -> dict[str, Any]:
    product = {"name": manifest.product, "version": manifest.version}
    if not is_workflow(claims):
        return {"product": product}
    repository = f"{GITHUB}/{claims['repository']}"
    path = str(claims["workflow_ref"]).removeprefix(f"{claims['repository']}/").partition("@")[0]
    return {"workflow": {"ref": claims["ref"], "repository": repository, "path": path}, "product": product}


def _source(manifest: Manifest, claims: Claims) -> dict[str, Any]:
    """The source comes first: verifiers look there."""
    if is_workflow(claims):
        uri, commit = f"git+{GITHUB}/{claims['repository']}@{claims['ref']}", str(claims["sha"])
    else:
        uri, commit = _repository(manifest.source.repository), manifest.source.commit
    return {"uri": uri, "digest": {"gitCommit": commit}}


def _repository(name: str) -> str:
    """The URI of `owner/repo` on GitHub, of another forge's whole URL, or of a repository that lies nowhere."""
    if not name:
        return "git+local"
    return f"git+{name}" if "://" in name else f"git+{GITHUB}/{name}"


def _dependencies(name: str, manifest: Manifest) -> list[dict[str, Any]]:
    """Lock, image and interpreter of every target that the file is about, by digest."""
    found = []
    for target in _about(name, manifest):
        environment = target.environment
        found.append({"name": f"{target.target}/lock", "uri": f"file:{environment.lock}", "digest": {"sha256": environment.lock_sha256}})
        interpreter = environment.interpreter
        python = f"{interpreter.implementation} {interpreter.version}"
        found.append({"name": f"{target.target}/interpreter", "annotations": {"version": python}, "digest": {"sha256": interpreter.sha256}})
        if environment.workshop.startswith("sha256:"):
            found.append({"name": f"{target.target}/image", "digest": {"sha256": environment.workshop.removeprefix("sha256:")}})
    return found


def _about(name: str, manifest: Manifest) -> tuple[TargetRecord, ...]:
    """The target that made the file; all of them for the manifest and the sums."""
    own = tuple(target for target in manifest.targets if name in {artifact.name for artifact in target.artifacts})
    return own or manifest.targets


def _coldforge(name: str, manifest: Manifest) -> dict[str, Any]:
    return {
        "version": manifest.coldforge,
        "epoch": manifest.source.epoch,
        "dirty": manifest.source.dirty,
        "targets": {
            target.target: {
                "freezer": target.freezer,
                "payload": target.payload_digest,
                "floor": target.glibc_floor,
                "network": target.environment.network,
                "relaxed": sorted({finding.gate for finding in target.findings if finding.level == "relaxed"}),
            }
            for target in _about(name, manifest)
        },
    }


def _details(claims: Claims) -> dict[str, Any]:
    if not is_workflow(claims):
        return {"builder": {"id": f"{DESK}#{claims.get('email') or claims.get('sub', 'unknown')}"}, "metadata": {}}
    run = f"{GITHUB}/{claims['repository']}/actions/runs/{claims['run_id']}/attempts/{claims['run_attempt']}"
    return {"builder": {"id": f"{GITHUB}/{claims['job_workflow_ref']}"}, "metadata": {"invocationId": run}}


def same_build(left: bytes, right: bytes) -> bool:
    """Whether two statements say the same but for the attempt of the run that signed them."""
    return bool(_without_run(left) == _without_run(right))


def _without_run(text: bytes) -> Any:
    document = json.loads(text)
    document["predicate"]["runDetails"]["metadata"] = {}
    return document
