"""Two applications through coldforge and through the script one would write by hand, in one run, as ratios.

Both freeze on this host with the same interpreter and share uv's cache of downloaded wheels;
nothing else is warm at the start. `plain.sh` has no notion of "nothing changed": it does all again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from measure import Cost, cost

ROOT = Path(__file__).resolve().parents[1]
APPLICATIONS = (ROOT / "examples" / "almanac", ROOT / "tests" / "projects" / "compiled")
CHANGES = 3  # changed lines, of which the median counts: one takes seconds, in which a busy machine does much else
# What is frozen on this host may have libraries of it, which is refused for what is to be shipped.
GATES = '\n[tool.coldforge.gates]\nsystem-library = "it is measured, and goes nowhere"\n'


@dataclass(frozen=True, slots=True)
class Row:
    """What one side needed for one application."""

    cold: Cost
    unchanged: Cost
    one_line: Cost


def copy(application: Path, folder: Path) -> Path:
    """The application in a repository of its own, with one commit."""
    project = folder / application.name
    shutil.copytree(application, project, ignore=shutil.ignore_patterns("dist", "__pycache__", ".venv"))
    with (project / "pyproject.toml").open("a") as text:
        text.write(GATES)
    git = ["git", "-C", str(project), "-c", "user.name=b", "-c", "user.email=b@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "source"]):
        subprocess.run([*git, *words], check=True)
    return project


def change(project: Path) -> None:
    """Change one line of the application's own source."""
    source = max(project.glob("src/*/*.py"))
    source.write_text(source.read_text() + f"\nCHANGED = {len(source.read_text())}\n")


def changed(argv: Sequence[str | Path], project: Path, *, env: Mapping[str, str], times: int = 1) -> Cost:
    """The median of several builds, each with one more line changed."""
    found = []
    for _ in range(times):
        change(project)
        found.append(cost(argv, env=env))
    return Cost(median(each.cpu for each in found), median(each.wall for each in found), max(each.memory for each in found))


def through_coldforge(project: Path, folder: Path) -> Row:
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); from coldforge.cli import main; sys.exit(main(sys.argv[1:]))"
    argv = [sys.executable, "-I", "-c", code, "build", "--host", "--quiet", "--out", str(folder / "dist"), str(project)]
    env = {"COLDFORGE_CACHE": str(folder / "cache")}
    return Row(cost(argv, env=env), cost(argv, env=env), changed(argv, project, env=env, times=CHANGES))


def through_script(project: Path, folder: Path) -> Row:
    data = tomllib.loads((project / "pyproject.toml").read_text())
    name, entry = next(iter(data["project"]["scripts"].items()))
    module, function = entry.split(":")
    argv = [ROOT / "benchmarks" / "plain.sh", project, folder / "plain", name, module, function]
    env = {
        "PYTHON": sys.executable,
        "FREEZER_LOCK": str(ROOT / "build" / "requirements" / "pyinstaller.txt"),
        "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]),
    }
    return Row(cost(argv, env=env), cost(argv, env=env), changed(argv, project, env=env))


def main() -> None:
    """Print one table: ratios of CPU time to the script's or to one's own, and the wall time of a build with nothing to do."""
    same = "nothing changed", "nothing changed ÷ own cold", "wall"
    line = "one line changed", "one line changed ÷ own cold", "wall ÷ own cold"
    columns = "cold", *same, *line
    print(f"| application | {' | '.join(columns)} |\n|---{'|---:' * len(columns)}|")
    for application in APPLICATIONS:
        with tempfile.TemporaryDirectory() as name:
            ours = through_coldforge(copy(application, Path(name) / "a"), Path(name))
            plain = through_script(copy(application, Path(name) / "b"), Path(name))
        pairs = ((ours.cold, plain.cold), (ours.unchanged, plain.unchanged), (ours.one_line, plain.one_line))
        cold, unchanged, changes = (mine.cpu / theirs.cpu for mine, theirs in pairs)
        cells = (
            f"{cold:.2f}",
            f"{unchanged:.3f}",
            f"{ours.unchanged.cpu / ours.cold.cpu:.1%}",
            f"{ours.unchanged.wall:.2f} s",
            f"{changes:.2f}",
            f"{ours.one_line.cpu / ours.cold.cpu:.2f}",
            f"{ours.one_line.wall / ours.cold.wall:.2f}",
        )
        print(f"| {application.name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
