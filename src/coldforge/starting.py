"""`init`: the few files that a project needs of coldforge, each only where it has none of that name."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from coldforge import __version__
from coldforge.errors import ConfigurationError, Problem
from coldforge.host import files
from coldforge.project.check import script
from coldforge.project.discover import entries, how_to_begin, meant
from coldforge.project.source import read_source
from coldforge.recipes import ROOT, find
from coldforge.records import REPOSITORY
from coldforge.report import reporter
from coldforge.report.reporter import Table

PROJECT: Final = "pyproject.toml"
_STEPS: Final = "coldforge plan, coldforge build; then commit these files and push a tag"
_NOXFILE: Final = '''\
"""The sessions of coldforge: `nox -s plan`, `build`, `release`, `verify`."""

from coldforge.sessions import *  # noqa: F403
'''
_RELEASE: Final = """\
# A tag makes one draft release with every installer in it; publish it by hand, or with `publish: true`.
name: release{of}
on: {{ push: {{ tags: ["{tags}"] }} }}
permissions: {{}}
jobs:
  release:
    uses: coldforge/coldforge/.github/workflows/release.yml@{ref}{whole}
    permissions:
      contents: write # to create the draft
      id-token: write # the identity that signs
      attestations: write # the repository's record of what was signed
"""
_CHECKOUT: Final = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0"
# No call of release.yml: GitHub starts that only for a caller that grants all rights of its jobs, and no pull request should have them.
_BUILD: Final = """\
# Builds, packages and tries each target on a runner of its own, without any secret and without a release.
name: build{of}
on: {{ pull_request: {{}} }}
permissions: {{}}
concurrency: {{ group: "build{of}-${{{{ github.ref_name }}}}", cancel-in-progress: true }} # of a pull request the newest commit counts
jobs:
  plan:
    name: plan
    runs-on: ubuntu-24.04
    permissions:
      contents: read # to check out
    outputs:
      matrix: ${{{{ steps.plan.outputs.matrix }}}}
    steps:
      - uses: {checkout}
        with: {{ persist-credentials: false }}
      - uses: coldforge/coldforge@{ref}
        id: plan
        with: {{ session: plan{project} }}
  build: # formats that other programs make need a step before the last that installs these
    name: build ${{{{ matrix.target }}}}
    needs: plan
    strategy:
      fail-fast: false
      matrix: ${{{{ fromJSON(needs.plan.outputs.matrix) }}}}
    runs-on: ${{{{ matrix.runner }}}}
    continue-on-error: ${{{{ !matrix.required }}}}
    permissions:
      contents: read # to check out
    steps:
      - uses: {checkout}
        with: {{ persist-credentials: false }}
      - uses: coldforge/coldforge@{ref}
        with: {{ session: build, target: "${{{{ matrix.target }}}}"{project} }}
"""


def reference() -> str:
    """How a workflow names this coldforge: by its commit where that is the released one, else by its version's tag."""
    ours, tag = read_source(ROOT), f"v{__version__}"
    return f"{ours.commit} # {tag}" if ours.tag == tag else tag


def scaffold(root: Path, *, entry: str = "", ref: str, below: str = "") -> dict[str, str]:
    """What each file would hold, by its path from the project. `entry` is what starts it, where the project does not say so.

    `below` is the project's path in a repository that has others too: GitHub reads workflows at the top only, so that is where they go,
    named after the project's folder, as its tags are.

    Raises ConfigurationError when the project's pyproject.toml cannot be read.
    """
    made = {
        "matrix.yml": _targets(find("matrix.yml").read_text(encoding="utf-8")),
        "noxfile.py": _NOXFILE,
        **_workflows(ref, below),
    }
    return made | ({PROJECT: f"{_text(root).rstrip()}\n\n{script(_name(root), entry)}\n"} if entry else {})


def _workflows(ref: str, below: str) -> dict[str, str]:
    """The workflow for releases and the one for pull requests, by their paths from the project."""
    of, tags, whole, each = "", "v*", "", ""
    if below:
        project = f"project: {json.dumps(below, ensure_ascii=False)}"
        of, tags, whole, each = f"-{Path(below).name}", f"{Path(below).name}-v*", f"\n    with: {{ {project} }}", f", {project}"
    place = "../" * len(Path(below).parts) + ".github/workflows"
    return {
        f"{place}/release{of}.yml": _RELEASE.format(ref=ref, of=of, whole=whole, tags=tags),
        f"{place}/build{of}.yml": _BUILD.format(ref=ref, checkout=_CHECKOUT, of=of, project=each),
    }


def rebuilder(watched: str, *, ref: str) -> dict[str, str]:
    """The one file that a repository needs that builds the releases of `watched` (OWNER/REPO) again, by its path in it.

    Raises ConfigurationError for what is no repository.
    """
    if not re.fullmatch(REPOSITORY, watched):
        raise ConfigurationError(f"{watched!r} is not a repository", hint="Write it as OWNER/REPO.")
    text = find("build/templates/rebuilder/rebuild.yml").read_text(encoding="utf-8")
    commit, _, tag = ref.partition(" # ")
    ours = f"ref: {commit} # {tag or 'this coldforge'}, which"
    return {".github/workflows/rebuild.yml": text.replace("WATCHED: owner/app", f"WATCHED: {watched}").replace("ref: main # which", ours)}


def _targets(matrix: str) -> str:
    """The default matrix, with a word for its new owner."""
    lines = [line for line in matrix.splitlines() if not line.startswith("#")]
    return "\n".join(["# Where the product is built, and what is made there. `coldforge plan` shows what follows from it.", *lines, ""])


def lacks_entry(root: Path) -> bool:
    """Whether nothing in the project's files says what starts it."""
    document = _document(root)
    if "project" not in document and "build-system" in document:  # then the backend tells everything
        return False
    project, own = document.get("project", {}), document.get("tool", {}).get("coldforge", {})
    dynamic = {"scripts", "gui-scripts"} & {*project.get("dynamic", ())}
    return not (
        project.get("scripts") or project.get("gui-scripts") or dynamic or own.get("executables") or own.get("freezer") == "command"
    )


def choices(root: Path) -> tuple[str, tuple[str, ...]]:
    """The entry point that can be meant (empty when that is not clear), and all that were found."""
    name = _name(root)
    return meant(root, name), entries(root, name)


def _name(root: Path) -> str:
    name = _document(root).get("project", {}).get("name")
    if not isinstance(name, str) or not name:
        begun = "project" in _document(root)
        hint = "Add [project] with a name and a version." if begun else how_to_begin(root)
        raise ConfigurationError(f"{root / PROJECT} does not name the project", hint=hint)
    return name


def _text(root: Path) -> str:
    return (root / PROJECT).read_text(encoding="utf-8")


def _document(root: Path) -> dict[str, Any]:
    if not (root / PROJECT).is_file():
        raise ConfigurationError(f"there is no {PROJECT} in {root}", hint=how_to_begin(root))
    try:
        return tomllib.loads(_text(root))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{root / PROJECT} cannot be read", problems=(Problem(what=str(error)),)) from error


def state_of(root: Path, name: str, text: str) -> str:
    """What writing the file would do: `new`, `same`, `added to` (what is there stays), or `differs`."""
    path = root / name
    if not path.is_file():
        return "new"
    there = path.read_text(encoding="utf-8", errors="replace")
    if there == text:
        return "same"
    return "added to" if text.startswith(there.rstrip()) else "differs"


def show(root: Path, made: Mapping[str, str]) -> None:
    """The files as a table, and how those that are there already differ."""
    rows = tuple((name, state_of(root, name, text)) for name, text in sorted(made.items()))
    reporter().table(Table(title=f"coldforge in {root.name}", columns=("file", "state"), rows=rows))
    for name, state in rows:
        if state in ("differs", "added to"):
            there = (root / name).read_text(encoding="utf-8", errors="replace").splitlines()
            for line in difflib.unified_diff(there, made[name].splitlines(), f"{name} (yours)", f"{name} (coldforge's)", lineterm="", n=2):
                reporter().info(line)


def write(root: Path, made: Mapping[str, str], *, force: bool) -> tuple[str, ...]:
    """Write what is new, add to what is only added to, and replace what differs with `force` only; the names that were written."""
    wanted = {"new", "added to", *(["differs"] if force else [])}
    written = tuple(name for name, text in sorted(made.items()) if state_of(root, name, text) in wanted)
    for name in written:
        files.write(root / name, made[name].encode())
    return written


def tell(root: Path, made: Mapping[str, str], written: tuple[str, ...], *, rebuilder: bool = False) -> None:
    """Say what was written, what was left as it is, and what comes next."""
    kept = [name for name, text in sorted(made.items()) if name not in written and state_of(root, name, text) == "differs"]
    reporter().info(f"Written: {', '.join(written)}." if written else "Nothing had to be written.")
    if kept:
        reporter().info(f"Left as it is: {', '.join(kept)}. --force replaces it.")
    steps = "commit it; then tell its address, which policies name" if rebuilder else _STEPS
    reporter().info(f"Next: {steps}.")


def no_entry(root: Path, found: tuple[str, ...]) -> ConfigurationError:
    """Nothing says what starts the project, and it is not clear from its modules."""
    why = f"It could be {' or '.join(found)}." if found else "No module with a usual name has a function with a usual one."
    hint = f"Add to {PROJECT}, for example:\n{script(_name(root), found[0] if found else 'package.module:function')}"
    return ConfigurationError(f"nothing in {root} says what starts the program", why=why, hint=hint)
