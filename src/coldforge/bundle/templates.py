"""Texts that are made from templates in `build/templates/`; a project's own template of the same name comes first."""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path

from coldforge import recipes
from coldforge.errors import ConfigurationError, Location


def fill(name: str, values: Mapping[str, str], project: Path) -> bytes:
    """The recipe `name` with its `$words` replaced.

    Raises ConfigurationError when it uses a word that there is no value for, or a `$` alone.
    """
    path = recipes.find(name, project)
    try:
        return string.Template(path.read_text(encoding="utf-8")).substitute(values).encode()
    except (KeyError, ValueError) as error:
        hint = f"Known words: {', '.join(f'${word}' for word in sorted(values))}; a $ of its own is written $$."
        raise ConfigurationError(f"the template {name} cannot be filled in: {error}", where=Location(path), hint=hint) from error
