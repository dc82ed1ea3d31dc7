# /// script
# dependencies = ["nox>=2025.2"]
# ///
"""This repository's own checks, and its releases through coldforge's sessions.

`bin/test` makes the environment and runs lint, tests, docs and integration. With a nox of your own,
`nox -s lint` makes it too, from the same hash-locked requirements.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "src"))

from coldforge.sessions import *  # noqa: E402, F403  # the sessions that users get, for this repository's own releases

nox.needs_version = ">=2025.2"
nox.options.sessions = ["lint", "tests", "docs"]
LOCK = "build/requirements/dev.txt"
REBUILDER = "build/templates/rebuilder/rebuild.yml"  # a workflow for others
PYTHON_FILES = ("src", "tests", "build", "benchmarks", "docs", "noxfile.py", "bin/coldforge", "bin/test")


def prepare(session: nox.Session) -> None:
    """Install the locked requirements, unless the session runs in an environment that has them."""
    if session.virtualenv.venv_backend != "none":
        session.install("--require-hashes", "-r", LOCK)
    session.env["PYTHONPATH"] = str(ROOT / "src")


def run(session: nox.Session, program: str, *words: str) -> None:
    """Run a program of the environment: the session's own, or the one that nox runs in."""
    own = session.virtualenv.venv_backend != "none"
    session.run(program if own else str(Path(sys.executable).with_name(program)), *words, external=not own)


def python(session: nox.Session, *words: str) -> None:
    """Run a module of the environment."""
    run(session, "python", "-m", *words)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff, mypy, the rules between the rooms, workflows and action, spelling."""
    prepare(session)
    python(session, "ruff", "format", "--check", *PYTHON_FILES)
    python(session, "ruff", "check", *PYTHON_FILES)
    python(session, "mypy")
    run(session, "lint-imports")
    run(session, "zizmor", "--offline", "--quiet", "--persona", "pedantic", ".", REBUILDER)
    workflows = [*sorted(str(path) for path in Path(".github/workflows").glob("*.yml")), REBUILDER]
    run(session, "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    run(session, "check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml")
    run(session, "codespell")


@nox.session
def tests(session: nox.Session) -> None:
    """The unit tests, and the examples in docstrings: no process, no connection."""
    prepare(session)
    python(session, "pytest", "--doctest-modules", "src", "tests/unit", *session.posargs)


@nox.session
def integration(session: nox.Session) -> None:
    """The integration tests: real engines, packages, signatures. Absent tools are skipped unless COLDFORGE_REQUIRE names them.

    Files run side by side, the tests of one after the other: they share what was built for them.
    """
    prepare(session)
    workers = min(os.cpu_count() or 1, 4)
    python(session, "pytest", "tests/integration", "-n", str(workers), "--dist", "loadfile", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The reference is what the code says, and every link of the documentation leads somewhere."""
    prepare(session)
    run(session, "python", "docs/generate.py", "--check")
    run(session, "mkdocs", "build", "--strict", "--quiet", "--site-dir", session.create_tmp())


@nox.session(default=False)
def benchmarks(session: nox.Session) -> None:
    """coldforge beside what it replaces, as ratios."""
    prepare(session)
    run(session, "python", "benchmarks/start.py")
    run(session, "python", "benchmarks/applications.py")
    run(session, "python", "benchmarks/packages.py")
    run(session, "python", "benchmarks/installers.py")
    run(session, "python", "benchmarks/verification.py")
    run(session, "python", "benchmarks/releases.py")


@nox.session(default=False)
def pins(session: nox.Session) -> None:
    """Lock all requirements anew, with hashes."""
    prepare(session)
    compile_ = ["pip", "compile", "--quiet", "--upgrade", "--generate-hashes", "--universal", "--no-header", "--no-annotate"]
    folder = "build/requirements"
    jobs = (["pyproject.toml", "-o", f"{folder}/run.txt"], ["pyproject.toml", "--group", "dev", "-o", f"{folder}/dev.txt"],
            [f"{folder}/pyinstaller.in", "-o", f"{folder}/pyinstaller.txt"])  # fmt: skip
    for job in jobs:
        run(session, "uv", *compile_, "--python-version", "3.11", *job)
