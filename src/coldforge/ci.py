"""The action's inputs as a command line: `action.yml` hands them over as COLDFORGE_* variables, and has no logic itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from coldforge.errors import ConfigurationError

SESSIONS: Final = ("plan", "build", "attest", "release", "verify")


def command_line(environment: Mapping[str, str]) -> list[str]:
    """The words that a person would type. Raises ConfigurationError for an unknown session.

    An empty variable is an input that was not given.
    """

    def given(name: str) -> str:
        return environment.get(f"COLDFORGE_{name}", "").strip()

    session = given("SESSION") or "build"
    if session not in SESSIONS:
        raise ConfigurationError(f"there is no session {session!r}", hint=f"The input `session` is one of {', '.join(SESSIONS)}.")
    project, out = given("PROJECT") or ".", given("OUT") or "dist"
    repo = given("REPO") or environment.get("GITHUB_REPOSITORY", "")
    narrowed = [word for name in ("TARGET", "FORMAT") for value in given(name).split() for word in (f"--{name.lower()}", value)]
    tag = ["--tag", given("TAG")] if given("TAG") else []
    words = {
        "plan": [project, *narrowed],
        "build": [project, *narrowed, "--out", out, *_flag("--host", given("HOST"))],
        "attest": [out, *(["--trust-config", given("TRUST_CONFIG")] if given("TRUST_CONFIG") else [])],
        "release": [out, *(["--repo", repo] if repo else []), *tag, *_flag("--publish", given("PUBLISH"))],
        "verify": [out, *(["--repo", repo] if repo else []), *tag, *_trust(given("TRUST_CONFIG"))],
    }
    return [session, *words[session]]


def _flag(option: str, value: str) -> list[str]:
    if value.lower() not in ("", "true", "false"):
        raise ConfigurationError(f"the input for {option} is {value!r}", hint="Write true or false.")
    return [option] if value.lower() == "true" else []


def _trust(config: str) -> list[str]:
    return ["--trusted-root", config] if config else []
