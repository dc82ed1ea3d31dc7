"""Where `build/`, `containers/`, `signing/` and the default `matrix.yml` are.

In a checkout they are the repository's own folders, in a wheel they travel inside the
package. A project may put files of the same names into its own repository to override them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parent
_SHIPPED: Final = _PACKAGE / "_recipes"
ROOT: Final = _SHIPPED if _SHIPPED.is_dir() else _PACKAGE.parents[1]


def find(name: str, project: Path | None = None) -> Path:
    """The recipe file `name` (such as `build/freeze.py`): the project's own if it has one, else ours."""
    if project is not None and (own := project / name).is_file():
        return own
    return ROOT / name
