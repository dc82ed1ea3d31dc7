"""in-toto statements with SLSA provenance, as pure functions of the manifest and the signer's token.

The predicate is a superset of what `actions/attest` writes; every value about the workflow but its inputs comes from
the identity token's claims (which the certificate repeats), never from environment variables.
Source: https://slsa.dev/spec/v1.1/provenance, https://actions.github.io/buildtypes/workflow/v1
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from coldforge.errors import ConfigurationError, Refused
from coldforge.predicate import COLDFORGE, CYCLONEDX, PROVENANCE, STATEMENT, is_listed, predicate_of, unsigned
from coldforge.records import GITHUB, TREE, Manifest, Payload, TargetRecord, canonical

WORKFLOW: Final = "https://actions.github.io/buildtypes/workflow/v1"
DESK: Final = "https://github.com/coldforge/coldforge/buildtypes/desk/v1"
TAGS: Final = "refs/tags/"
Claims = Mapping[str, Any]
Input = str | bool | int | float
Inputs = Mapping[str, Input]
NO_INPUTS: Final[Inputs] = {}
Targets = tuple[TargetRecord, ...]


def statement(name: str, sha256: str, manifest: Manifest, claims: Claims, inputs: Inputs = NO_INPUTS) -> bytes:
    """The statement that `name` with this digest came out of the build that `manifest` records, as canonical JSON.

    `inputs` are those of the workflow that it was built by, as that says itself.
    """
    about = _about(name, manifest)
    predicate = {"buildDefinition": _definition(about, manifest, claims, inputs), "runDetails": _details(about, claims)}
    return in_toto({name: sha256}, PROVENANCE, predicate)


def made_statement(manifest: Manifest, record: TargetRecord, payload: Payload) -> bytes:
    """The statement about all artifacts of a target: what they contain, and what was checked and tried of them."""
    predicate = predicate_of(manifest, record, payload.files, payload.singles)
    return in_toto({artifact.name: artifact.sha256 for artifact in record.artifacts}, COLDFORGE, predicate)


def sbom_statement(record: TargetRecord, document: Any) -> bytes:
    """The statement that a bill of materials is that of all artifacts of a target; it is not about itself, nor about signatures."""
    return in_toto({artifact.name: artifact.sha256 for artifact in record.artifacts if is_listed(artifact)}, CYCLONEDX, document)


def in_toto(subjects: Mapping[str, str], about: str, predicate: object) -> bytes:
    """A statement about files, by name with their sha256, as canonical JSON; `about` is the predicate's type."""
    named = [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(subjects.items())]
    return canonical({"_type": STATEMENT, "subject": named, "predicateType": about, "predicate": predicate}).rstrip(b"\n")


def inputs_of(text: str) -> Inputs:
    """The inputs of a workflow, from what GitHub writes for `toJSON(inputs)`. Raises ConfigurationError for anything else."""
    try:
        return msgspec.json.decode(text, type=dict[str, Input])
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        hint = "Write ${{ toJSON(inputs) }}."
        raise ConfigurationError("the workflow's inputs are no JSON object of plain values", why=str(error), hint=hint) from error


def _definition(about: Targets, manifest: Manifest, claims: Claims, inputs: Inputs) -> dict[str, Any]:
    internal: dict[str, Any] = {"coldforge": _coldforge(about, manifest)}
    if is_workflow(claims):
        keys = ("event_name", "repository_id", "repository_owner_id", "runner_environment")
        internal["github"] = {key: claims[key] for key in keys if key in claims}
    return {
        "buildType": WORKFLOW if is_workflow(claims) else DESK,
        "externalParameters": _external(about, claims, inputs),
        "internalParameters": internal,
        "resolvedDependencies": [_source(manifest, claims), *_dependencies(about)],
    }


def is_workflow(claims: Claims) -> bool:
    """Whether the token is that of a GitHub Actions job."""
    return "workflow_ref" in claims and "repository" in claims


def check_source(manifest: Manifest, claims: Claims) -> None:
    """Raises Refused when a workflow's token is for another commit or tag than the files were built from.

    The certificate names the token's commit: a statement signed with it would say that the files came from there.
    """
    if not is_workflow(claims):
        return
    built = manifest.source
    hint = "Build again in this workflow run, or attest in the run that built them."
    if built.commit != claims["sha"]:
        why = f"built from {built.commit or 'no commit'}, the workflow runs for {claims['sha']}"
        raise Refused("the files were not built from the commit that would be named", why=why, hint=hint)
    ref = str(claims["ref"])
    if ref.startswith(TAGS) and built.tag not in ("", ref.removeprefix(TAGS)):  # a shallow checkout may know no tag
        why = f"built as {built.tag}, the workflow runs for {ref.removeprefix(TAGS)}"
        raise Refused("the files were not built from the tag that would be named", why=why, hint=hint)


def _external(about: Targets, claims: Claims, given: Inputs) -> dict[str, Any]:
    """What the outside decided: the workflow, its inputs, and those of the action by the names that they have in action.yml.

    Nothing else may stand here: verifiers refuse parameters that they do not know.
    """
    hosts = [target.target for target in about if target.environment.workshop == "host"]
    inputs = {
        **given,
        "target": [target.target for target in about],
        "format": sorted({artifact.format for target in about for artifact in target.artifacts}),
        "host": bool(hosts),
    }
    if not is_workflow(claims):
        return {"inputs": inputs}
    repository = f"{GITHUB}{claims['repository']}"
    path = str(claims["workflow_ref"]).removeprefix(f"{claims['repository']}/").partition("@")[0]
    return {"workflow": {"ref": claims["ref"], "repository": repository, "path": path}, "inputs": inputs}


def _source(manifest: Manifest, claims: Claims) -> dict[str, Any]:
    """The source comes first: verifiers look there."""
    if is_workflow(claims):
        uri, commit = f"git+{GITHUB}{claims['repository']}@{claims['ref']}", str(claims["sha"])
    else:
        tag = f"@{TAGS}{manifest.source.tag}" if manifest.source.tag else ""
        uri, commit = f"{_repository(manifest.source.repository)}{tag}", manifest.source.commit
    return {"uri": uri, "digest": {"gitCommit": commit}}


def _repository(name: str) -> str:
    """The URI of `owner/repo` on GitHub, of another forge's whole URL, or of a repository that lies nowhere."""
    if not name:
        return "git+local"
    return f"git+{name}" if "://" in name else f"git+{GITHUB}{name}"


def _dependencies(about: Targets) -> list[dict[str, Any]]:
    """Locks, images, interpreter, recipes and the machine's programs of every target that the file is about, by digest.

    Programs and the project's own tools are named by what they say of themselves as well.
    """
    found: list[dict[str, Any]] = []
    for target in about:
        environment = target.environment
        if environment.lock:
            found.append(
                {"name": f"{target.target}/lock", "uri": f"file:{environment.lock}", "digest": {"sha256": environment.lock_sha256}}
            )
        if environment.build_lock:
            digest = {"sha256": environment.build_lock_sha256}
            found.append({"name": f"{target.target}/build-lock", "uri": f"file:{environment.build_lock}", "digest": digest})
        if (interpreter := environment.interpreter) is not None:
            python = {"version": f"{interpreter.implementation} {interpreter.version}"}
            found.append({"name": f"{target.target}/interpreter", "annotations": python, "digest": {"sha256": interpreter.sha256}})
        for line, said in sorted(environment.tools.items()):
            found.append({"name": f"{target.target}/tool", "annotations": {"command": line, "version": said}})
        found += _image(f"{target.target}/image", environment.workshop)
        found += _programs(target)
        for name, sha256 in sorted(environment.recipes.items()):
            found.append({"name": f"{target.target}/recipe", "annotations": {"file": name}, "digest": {"sha256": sha256}})
        found += _bundling(target)
    return found


def _image(name: str, identity: str) -> Iterator[dict[str, Any]]:
    """An image by digest, with that of its recipe behind a `+` if it has one; nothing for the machine itself."""
    image, _, recipe = identity.partition("+")
    if image.startswith("sha256:"):
        more = {"annotations": {"recipe": recipe}} if recipe else {}
        yield {"name": name, "digest": {"sha256": image.removeprefix("sha256:")}, **more}


def _programs(target: TargetRecord) -> Iterator[dict[str, Any]]:
    """Programs of the machine, which are in no image: those that commands started, as they call them, and those that made formats."""
    made = {item for artifact in target.artifacts for item in artifact.programs.items()}
    for program, sha256 in [*sorted(target.environment.programs.items()), *sorted(made)]:
        yield {"name": f"{target.target}/program", "annotations": {"program": program}, "digest": {"sha256": sha256}}


def _bundling(target: TargetRecord) -> Iterator[dict[str, Any]]:
    """The image whose programs made formats, with the digest of its recipe if it has one, and what each format was made by."""
    yield from _image(f"{target.target}/toolbox", target.toolbox.rpartition("@")[2])
    for kind, tool in sorted({(artifact.format, artifact.tool) for artifact in target.artifacts if artifact.tool}):
        yield {"name": f"{target.target}/bundler", "annotations": {"format": kind, "version": tool}}


def _about(name: str, manifest: Manifest) -> Targets:
    """The target that made the file, with that file only; all of them for the manifest and the sums."""
    own = tuple(
        msgspec.structs.replace(target, artifacts=(artifact,))
        for target in manifest.targets
        for artifact in target.artifacts
        if artifact.name == name
    )
    return own or manifest.targets


def _coldforge(about: Targets, manifest: Manifest) -> dict[str, Any]:
    made = [artifact for target in about for artifact in target.artifacts]
    return {
        "version": manifest.coldforge,
        "epoch": manifest.source.epoch,
        "dirty": manifest.source.dirty,
        "plan": {
            "product": manifest.product,
            "version": manifest.version,
            "artifacts": {target.target: [artifact.name for artifact in target.artifacts] for target in about},
        },
        "payloads": {artifact.name: {"alg": "sha256", "digest": artifact.sha256, "unsigned": unsigned(artifact)} for artifact in made},
        "targets": {
            target.target: {
                "freezer": target.freezer,
                "payload": target.payload_digest,
                "floor": target.floor,
                "network": target.environment.network,
                "relaxed": sorted({finding.gate for finding in target.findings if finding.level == "relaxed"}),
            }
            for target in about
        },
    }


def _details(about: Targets, claims: Claims) -> dict[str, Any]:
    details: dict[str, Any] = {"byproducts": [_frozen(target) for target in about]}
    if not is_workflow(claims):
        return {**details, "builder": {"id": f"{DESK}#{claims.get('email') or claims.get('sub', 'unknown')}"}, "metadata": {}}
    run = f"{GITHUB}{claims['repository']}/actions/runs/{claims['run_id']}/attempts/{claims['run_attempt']}"
    return {**details, "builder": {"id": f"{GITHUB}{claims['job_workflow_ref']}"}, "metadata": {"invocationId": run}}


def _frozen(target: TargetRecord) -> dict[str, Any]:
    """The frozen tree, which packages are made of and which is not released itself."""
    what = {"of": "the canonical list of its files", "size": target.payload_size}
    return {"name": f"{target.target}/{TREE}", "digest": {"sha256": target.payload_digest}, "annotations": what}


def same_build(left: bytes, right: bytes) -> bool:
    """Whether two statements say the same but for the attempt of the run that signed them."""
    return bool(_without_run(left) == _without_run(right))


def _without_run(text: bytes) -> Any:
    document = json.loads(text)
    document["predicate"].setdefault("runDetails", {})["metadata"] = {}
    return document
