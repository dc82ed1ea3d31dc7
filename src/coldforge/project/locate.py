"""Where in a file a key stands. Used only once there is a problem to report, so clarity beats speed."""

from __future__ import annotations

import re
from pathlib import Path

from coldforge.errors import Location

_HEADER = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


def in_toml(path: Path, keys: tuple[str, ...]) -> Location:
    """The line of a key (or, failing that, of the nearest table that holds it) in a TOML file."""
    lines = _toml_keys(path.read_text(encoding="utf-8"))
    for length in range(len(keys), 0, -1):
        if keys[:length] in lines:
            return Location(path, lines[keys[:length]])
    return Location(path)


def _toml_keys(text: str) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _parts(header[1])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            dotted = (*table, *_parts(key[1]))
            found.setdefault(dotted, number)
            # `{ lock = "x", pythn = "3" }`: keys of an inline table stand on the line of their table
            for inner in re.findall(r"[{,]\s*([A-Za-z0-9_-]+)\s*=", line[key.end() :]):
                found.setdefault((*dotted, inner), number)
    return found


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def in_yaml(path: Path, keys: tuple[str, ...]) -> Location:
    """The line and column of a key (or of the nearest mapping that holds it) in a YAML file."""
    import yaml

    node, mark = yaml.compose(path.read_text(encoding="utf-8")), None
    for key in keys:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        match = next(((k, v) for k, v in pairs if k.value == key), None)
        if match is None:
            break
        mark, node = match[0].start_mark, match[1]
    return Location(path, mark.line + 1, mark.column + 1) if mark else Location(path)
