"""The action's inputs as a command line: `action.yml` hands them over as COLDFORGE_* variables, and has no logic itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from coldforge.errors import ConfigurationError

SESSIONS: Final = ("plan", "build", "sign", "attest", "release", "verify")


def command_line(environment: Mapping[str, str]) -> list[str]:
    """The words that a person would type. Raises ConfigurationError for an unknown session.

    An empty variable is an input that was not given. What is no option comes last, behind `--`: an input called
    `--help` is a folder of that name, and no step that is green without having done anything.
    """

    def given(name: str) -> str:
        return environment.get(f"COLDFORGE_{name}", "").strip()

    session = given("SESSION") or "build"
    if session not in SESSIONS:
        raise ConfigurationError(f"there is no session {session!r}", hint=f"The input `session` is one of {', '.join(SESSIONS)}.")
    project, out = given("PROJECT") or ".", given("OUT") or "dist"
    repo = given("REPO") or environment.get("GITHUB_REPOSITORY", "")
    narrowed = [word for name in ("TARGET", "FORMAT") for value in given(name).split() for word in (f"--{name.lower()}", value)]
    here, trust = _option("--repo", repo), given("TRUST_CONFIG")
    options = {
        "plan": narrowed,
        "build": [*narrowed, "--out", out, *_flag("--host", given("HOST"))],
        "sign": [],  # its keys are secrets of the job, and come by the environment
        "attest": _option("--trust-config", trust),
        "release": [*here, *_option("--tag", given("TAG")), *_flag("--publish", given("PUBLISH"))],
        "verify": [*here, *_option("--tag", given("TAG") or _built_tag(environment, repo)), *_option("--trusted-root", trust)],
    }
    return [session, *options[session], "--", project if session in ("plan", "build") else out]


def _built_tag(environment: Mapping[str, str], repo: str) -> str:
    """The tag that the workflow runs for; empty for a branch, and for the release of another repository."""
    own = repo.casefold() == environment.get("GITHUB_REPOSITORY", "").casefold()
    return environment.get("GITHUB_REF_NAME", "") if own and environment.get("GITHUB_REF_TYPE") == "tag" else ""


def _option(option: str, value: str) -> list[str]:
    return [option, value] if value else []


def _flag(option: str, value: str) -> list[str]:
    if value.lower() not in ("", "true", "false"):
        raise ConfigurationError(f"the input for {option} is {value!r}", hint="Write true or false.")
    return [option] if value.lower() == "true" else []
