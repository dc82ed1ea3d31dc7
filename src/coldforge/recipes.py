"""Where `build/`, `containers/`, `signing/` and the default `matrix.yml` are.

In a checkout they are the repository's own folders, in a wheel they travel inside the
package. A project may put files of the same names into its own repository to override them.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from coldforge.errors import ConfigurationError, Location

_PACKAGE: Final = Path(__file__).resolve().parent
_SHIPPED: Final = _PACKAGE / "_recipes"
ROOT: Final = _SHIPPED if _SHIPPED.is_dir() else _PACKAGE.parents[1]


def find(name: str, project: Path | None = None) -> Path:
    """The recipe file `name` (such as `build/freeze.py`): the project's own if it has one, else ours."""
    if project is not None and (own := project / name).is_file():
        return own
    return ROOT / name


def fill(name: str, values: Mapping[str, str], project: Path) -> bytes:
    """The template `name` (such as `build/templates/deb/manual.1`) with its `$words` replaced; the project's own comes first.

    Raises ConfigurationError when it uses a word that there is no value for, or a `$` alone, or is no text.
    """
    path = find(name, project)
    try:
        return string.Template(path.read_text(encoding="utf-8")).substitute(values).encode()
    except (KeyError, ValueError) as error:
        hint = f"Known words: {', '.join(f'${word}' for word in sorted(values))}; a $ of its own is written $$."
        raise ConfigurationError(f"the template {name} cannot be filled in: {error}", where=Location(path), hint=hint) from error
