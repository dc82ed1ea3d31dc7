"""The action's inputs as command lines: `action.yml` hands them over as COLDFORGE_* variables, and has no logic itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from coldforge.errors import ConfigurationError
from coldforge.target import KNOWN

SESSIONS: Final = ("plan", "build", "freeze", "bundle", "smoke", "sign", "notarize", "attest", "release", "verify")
_OF_A_PROJECT: Final = ("plan", "build", "freeze", "bundle", "smoke")
# What a session leaves for later jobs: one part a target where jobs are one a target, with the trees only where something still packs them.
_HANDED_ON: Final = {"freeze": "", "bundle": "bundle", "smoke": "smoke", "sign": "bundle", "notarize": "bundle", "attest": "attest"}
_PROOF: Final = "smoke-"


def command_lines(environment: Mapping[str, str]) -> list[list[str]]:
    """What a person would type, line by line: take what earlier jobs handed over, do the session, hand on what it made.

    Raises ConfigurationError for an unknown session, and for digests that nobody can read. What is no option comes
    last, behind `--`: an input called `--help` is a folder of that name, and no step that is green without having done anything.
    """

    def given(name: str) -> str:
        return environment.get(f"COLDFORGE_{name}", "").strip()

    session = given("SESSION") or "build"
    if session not in SESSIONS:
        raise ConfigurationError(f"there is no session {session!r}", hint=f"The input `session` is one of {', '.join(SESSIONS)}.")
    project, out, parts = given("PROJECT") or ".", given("OUT") or "dist", given("PARTS")
    repo = given("REPO") or environment.get("GITHUB_REPOSITORY", "")
    tag = given("TAG") or _built_tag(environment, repo)
    digests = _digests(given("DIGESTS"))
    targets = [word for value in given("TARGET").split() for word in ("--target", value)]
    chosen = [*targets, *_option("--config", given("CONFIG"))]
    narrowed = [*chosen, *(word for value in given("FORMAT").split() for word in ("--format", value))]
    here, trust, host = _option("--repo", repo), given("TRUST_CONFIG"), _flag("--host", given("HOST"))
    notes = [*_option("--notes-from", given("NOTES_FROM")), *_option("--notes-mode", given("NOTES_MODE"))]
    forgiving = ["--forgiving"] if parts else []  # jobs that hand on parts make one release, which tells what it is without
    options = {
        "plan": [*narrowed, *(["--release", *here, *_option("--tag", given("TAG"))] if _flag("--release", given("RELEASE")) else [])],
        "build": [*narrowed, "--out", out, *host],
        "freeze": [*chosen, "--out", out, *host],
        "bundle": [*narrowed, *(["--frozen"] if given("DIGESTS") else []), "--out", out],  # also when every optional target failed
        "smoke": [*chosen, "--out", out],
        "sign": forgiving,  # its keys are secrets of the job, and come by the environment
        "notarize": forgiving,
        "attest": [*_flag("--tried", given("TRIED")), *_option("--inputs", given("INPUTS")), *_option("--trust-config", trust)],
        "release": [
            *here,
            *_option("--tag", given("TAG")),
            *notes,
            *_flag("--replace", given("REPLACE")),
            *_flag("--publish", given("PUBLISH")),
        ],
        "verify": [*here, *_option("--tag", tag), *_option("--trusted-root", trust)],
    }
    line = [session, *options[session], "--", project if session in _OF_A_PROJECT else out]
    if session == "verify" and _flag("--release", given("RELEASE")):
        line = ["verify", *_option("--trusted-root", trust), "--", _release_of(repo, tag)]
    signs = session == "bundle" and _flag("--payload", given("SIGN_PAYLOAD"))
    # an installer's plug-ins are signed before the uninstaller is made that has them in it, and that before its installer
    rounds = [
        ["bundle", "--carried", *options["bundle"], "--", project],
        ["sign", "--payload", *forgiving, "--project", project, "--", out],
    ] * 2
    asks = session == "bundle" and _flag("--payload", given("NOTARIZE_PAYLOAD"))
    accepted = [["notarize", "--payload", *forgiving, "--project", project, "--", out]] if asks else []
    programs = [*(rounds if signs else []), *accepted]
    return [*_taken(digests, parts, out), *programs, line, *_handed_on(session, given("TARGET").split(), parts, out)]


def _taken(digests: Mapping[str, str], parts: str, out: str) -> list[list[str]]:
    """One `unpack` for each part that an earlier job handed over."""
    return [
        [
            "unpack",
            "--sha256",
            digest,
            "--out",
            out,
            *_option("--target", _target(name.removeprefix(_PROOF))),
            *(["--only-smoke"] if name.startswith(_PROOF) else []),
            "--",
            f"{parts or '.'}/{name}.tar",
        ]
        for name, digest in digests.items()
    ]


def _target(name: str) -> str:
    """The target that a part is named after, and may speak for; empty for one that is of several."""
    return name if name in KNOWN else ""


def _digests(text: str) -> dict[str, str]:
    """The outputs of earlier jobs, `toJSON(needs.JOB.outputs)`, one after the other; what a target left empty was not made."""
    found: dict[str, str] = {}
    decoder = json.JSONDecoder()
    try:
        while text:
            outputs, end = decoder.raw_decode(text)
            found |= {name: digest for name, digest in outputs.items() if digest}
            text = text[end:].lstrip()
    except (ValueError, AttributeError) as error:
        raise ConfigurationError(
            "the input `digests` is not JSON", why=str(error), hint="Write ${{ toJSON(needs.JOB.outputs) }}."
        ) from error
    return found


def _handed_on(session: str, targets: Sequence[str], parts: str, out: str) -> list[list[str]]:
    """The `pack` that a session ends with, if it makes anything that jobs after it need."""
    if not parts or session not in _HANDED_ON:
        return []
    name = "-".join(filter(None, (_HANDED_ON[session], *targets)))
    only = [word for target in targets for word in ("--target", target)]
    return [["pack", *only, "--to", f"{parts}/{name or session}.tar", *([] if session == "freeze" else ["--no-trees"]), "--", out]]


def _built_tag(environment: Mapping[str, str], repo: str) -> str:
    """The tag that the workflow runs for; empty for a branch, and for the release of another repository."""
    own = repo.casefold() == environment.get("GITHUB_REPOSITORY", "").casefold()
    return environment.get("GITHUB_REF_NAME", "") if own and environment.get("GITHUB_REF_TYPE") == "tag" else ""


def _release_of(repo: str, tag: str) -> str:
    """A release by the name that `verify` downloads it by. Raises ConfigurationError when nothing says which it is."""
    if not repo or not tag:
        why = "The workflow does not run for a tag of this repository." if repo else "Nothing names its repository."
        raise ConfigurationError("no release to verify is named", why=why, hint="Give the inputs `repo` and `tag`.")
    return f"{repo}@{tag}"


def _option(option: str, value: str) -> list[str]:
    return [option, value] if value else []


def _flag(option: str, value: str) -> list[str]:
    if value.lower() not in ("", "true", "false"):
        raise ConfigurationError(f"the input for {option} is {value!r}", hint="Write true or false.")
    return [option] if value.lower() == "true" else []
