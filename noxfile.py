# /// script
# dependencies = ["nox>=2025.2"]
# ///
"""This repository's own checks, and its releases through coldforge's sessions.

`bin/test` makes the environment and runs lint, tests, docs and integration. With a nox of your own,
`nox -s lint` makes it too, from the same hash-locked requirements.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "src"))

from coldforge.sessions import *  # noqa: E402, F403  # the sessions that users get, for this repository's own releases

nox.needs_version = ">=2025.2"
nox.options.sessions = ["lint", "tests", "docs"]
LOCK = "build/requirements/dev.txt"
PYTHON_FILES = ("src", "tests", "build", "benchmarks", "docs", "noxfile.py", "bin/coldforge", "bin/test")


def prepare(session: nox.Session) -> None:
    """Install the locked requirements, unless the session runs in an environment that has them."""
    if session.virtualenv.venv_backend != "none":
        session.install("--require-hashes", "-r", LOCK)
    session.env["PYTHONPATH"] = str(ROOT / "src")
    scripts = Path(sys.executable).parent
    session.env["PATH"] = f"{scripts}:{session.env.get('PATH') or __import__('os').environ['PATH']}"


def python(session: nox.Session, *words: str) -> None:
    """Run a module of the environment."""
    session.run("python" if session.virtualenv.venv_backend != "none" else sys.executable, "-m", *words, external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff, mypy, the rules between the rooms, workflows and action, spelling."""
    prepare(session)
    python(session, "ruff", "format", "--check", *PYTHON_FILES)
    python(session, "ruff", "check", *PYTHON_FILES)
    python(session, "mypy")
    session.run("lint-imports", external=True)
    session.run("zizmor", "--offline", "--quiet", "--persona", "pedantic", ".", external=True)
    workflows = sorted(str(path) for path in Path(".github/workflows").glob("*.yml"))
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows, external=True)
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml", external=True)
    session.run("codespell", external=True)


@nox.session
def tests(session: nox.Session) -> None:
    """The unit tests: no process, no connection."""
    prepare(session)
    python(session, "pytest", "tests/unit", *session.posargs)


@nox.session
def integration(session: nox.Session) -> None:
    """The integration tests: real engines, packages, signatures. Absent tools are skipped unless COLDFORGE_REQUIRE names them."""
    prepare(session)
    python(session, "pytest", "tests/integration", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The reference is what the code says, and every link of the documentation leads somewhere."""
    prepare(session)
    session.run(sys.executable, "docs/generate.py", "--check", external=True)
    session.run("mkdocs", "build", "--strict", "--quiet", "--site-dir", session.create_tmp(), external=True)


@nox.session(default=False)
def benchmarks(session: nox.Session) -> None:
    """coldforge beside what it replaces, as ratios."""
    prepare(session)
    session.run(sys.executable, "benchmarks/start.py", external=True)
    session.run(sys.executable, "benchmarks/applications.py", external=True)


@nox.session(default=False)
def pins(session: nox.Session) -> None:
    """Lock all requirements anew, with hashes."""
    prepare(session)
    compile_ = ["uv", "pip", "compile", "--quiet", "--upgrade", "--generate-hashes", "--universal", "--no-header", "--no-annotate"]
    folder = "build/requirements"
    jobs = (["pyproject.toml", "-o", f"{folder}/run.txt"], ["pyproject.toml", "--group", "dev", "-o", f"{folder}/dev.txt"],
            [f"{folder}/pyinstaller.in", "-o", f"{folder}/pyinstaller.txt"])  # fmt: skip
    for job in jobs:
        session.run(*compile_, "--python-version", "3.11", *job, external=True)
