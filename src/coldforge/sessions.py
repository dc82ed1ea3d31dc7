"""The nox sessions: the same commands as in CI, for a desk.

A noxfile of two lines is enough (the second may add sessions of your own):

    from coldforge.sessions import *
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import nox

__all__ = ["build", "plan", "release", "verify"]


def _coldforge(session: nox.Session, *words: str) -> None:
    """Run coldforge of the Python that runs nox, and say how to repeat that without nox."""
    session.log(f"the same without nox: {shlex.join(['coldforge', *words])}")
    source = str(Path(__file__).resolve().parents[1])
    code = f"import sys; sys.path.insert(0, {source!r}); from coldforge.cli import main; sys.exit(main(sys.argv[1:]))"
    session.run(sys.executable, "-I", "-c", code, *words, external=True, silent=False)


def _targets() -> list[str]:
    """The targets of matrix.yml, for `nox -s "build(linux-x86_64)"`; a broken one is `plan`'s to explain."""
    import yaml

    from coldforge.errors import ConfigurationError
    from coldforge.recipes import find
    from coldforge.target import Target

    try:
        matrix = yaml.safe_load(find("matrix.yml", Path.cwd()).read_text(encoding="utf-8"))
        return sorted(str(Target.parse(name)) for name in matrix["targets"])
    except (OSError, yaml.YAMLError, ConfigurationError, TypeError, KeyError, AttributeError):
        return []


@nox.session(venv_backend="none", default=False)
def plan(session: nox.Session) -> None:
    """Say what would be built."""
    _coldforge(session, "plan", *session.posargs)


@nox.session(venv_backend="none", default=False)
@nox.parametrize("target", [nox.param(name, id=name) for name in _targets()] or [nox.param("", id="all")])
def build(session: nox.Session, target: str) -> None:
    """Freeze and package one target, or with plain `nox -s build` every one that this machine can build."""
    from coldforge.capability import runs
    from coldforge.target import Target, host_target

    if target and not runs(host_target(), Target.parse(target)):
        session.skip(f"{target} cannot be frozen on {host_target()}: it is left to its own runner")
    _coldforge(session, "build", *(["--target", target] if target else []), *session.posargs)


@nox.session(venv_backend="none", default=False)
def release(session: nox.Session) -> None:
    """Attest what `dist/` holds, and create or complete the draft release."""
    _coldforge(session, "attest")
    _coldforge(session, "release", *session.posargs)


@nox.session(venv_backend="none", default=False)
def verify(session: nox.Session) -> None:
    """Check `dist/`, or whatever is named after `--`."""
    _coldforge(session, "verify", *(session.posargs or ["dist"]))
