"""What it costs to start the CLI, in bare interpreter starts."""

from __future__ import annotations

import sys
from pathlib import Path

from measure import median_cpu

ROOT = Path(__file__).resolve().parents[1]
SOURCE = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); from coldforge.cli import main; sys.exit(main(sys.argv[1:]))"


def main() -> None:
    """Print one row a command."""
    bare = median_cpu([sys.executable, "-I", "-c", "pass"])
    commands = {
        "--version": ["--version"],
        "--help": ["--help"],
        "plan": ["plan", str(ROOT / "examples" / "almanac")],
        "plan --json": ["plan", "--json", str(ROOT / "examples" / "almanac")],
    }
    print(f"| command | CPU, in bare interpreter starts ({bare * 1000:.0f} ms) |\n|---|---:|")
    for name, words in commands.items():
        print(f"| `coldforge {name}` | {median_cpu([sys.executable, '-I', '-c', SOURCE, *words]) / bare:.1f} |")


if __name__ == "__main__":
    main()
