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
from dataclasses import dataclass
from pathlib import Path

from measure import Cost, cost

ROOT = Path(__file__).resolve().parents[1]
APPLICATIONS = (ROOT / "examples" / "almanac", ROOT / "tests" / "projects" / "compiled")


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
    git = ["git", "-C", str(project), "-c", "user.name=b", "-c", "user.email=b@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "source"]):
        subprocess.run([*git, *words], check=True)
    return project


def change(project: Path) -> None:
    """Change one line of the application's own source."""
    source = max(project.glob("src/*/*.py"))
    source.write_text(source.read_text() + f"\nCHANGED = {len(source.read_text())}\n")


def through_coldforge(project: Path, folder: Path) -> Row:
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); from coldforge.cli import main; sys.exit(main(sys.argv[1:]))"
    argv = [sys.executable, "-I", "-c", code, "build", "--host", "--quiet", "--out", str(folder / "dist"), str(project)]
    env = {"COLDFORGE_CACHE": str(folder / "cache")}
    cold, unchanged = cost(argv, env=env), cost(argv, env=env)
    change(project)
    return Row(cold, unchanged, cost(argv, env=env))


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
    cold, unchanged = cost(argv, env=env), cost(argv, env=env)
    change(project)
    return Row(cold, unchanged, cost(argv, env=env))


def main() -> None:
    """Print one table: ratios of CPU time to the script's or to one's own, and the wall time of a build with nothing to do."""
    columns = "cold", "nothing changed", "nothing changed ÷ own cold", "wall", "one line changed", "one line changed ÷ own cold"
    print(f"| application | {' | '.join(columns)} |\n|---{'|---:' * len(columns)}|")
    for application in APPLICATIONS:
        with tempfile.TemporaryDirectory() as name:
            ours = through_coldforge(copy(application, Path(name) / "a"), Path(name))
            plain = through_script(copy(application, Path(name) / "b"), Path(name))
        pairs = ((ours.cold, plain.cold), (ours.unchanged, plain.unchanged), (ours.one_line, plain.one_line))
        cold, same, line = (mine.cpu / theirs.cpu for mine, theirs in pairs)
        share, part = ours.unchanged.cpu / ours.cold.cpu, ours.one_line.cpu / ours.cold.cpu
        print(
            f"| {application.name} | {cold:.2f} | {same:.3f} | {share:.1%} | {ours.unchanged.wall:.2f} s | {line:.2f} | {part:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
