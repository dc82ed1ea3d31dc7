"""Where in a file a key stands. Used only once there is a problem to report, so clarity beats speed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from coldforge.errors import Location

Keys = tuple[str, ...]
# tomllib tells no lines; these are the tokens of https://toml.io/en/v1.0.0 as far as keys need them.
_MARK: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|\#[^\n]*|[\w+-]+|[\[\]{}=.,\n]', re.DOTALL
)


def find(path: Path, keys: Keys) -> Location:
    """The line of a key, or of the nearest table that holds it. The file must be readable TOML or YAML."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".yml", ".yaml"):
        return _in_yaml(path, text, keys)
    lines = toml_lines(text)
    known = (lines[keys[:length]] for length in range(len(keys), 0, -1) if keys[:length] in lines)
    return Location(path, next(known, None))


@dataclass(kw_only=True)
class _Cursor:
    """Where the reader is: the table in force, the open brackets (each with the keys of what it holds), the key being read."""

    table: Keys = ()
    brackets: list[tuple[str, Keys]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    reading: str = "key"  # or "header", "list header" or "value"
    current: Keys = ()
    counts: dict[Keys, int] = field(default_factory=dict)
    numbers: set[Keys] = field(default_factory=set)

    def base(self) -> Keys:
        return self.brackets[-1][1] if self.brackets else self.table

    def numbered(self, keys: Keys) -> Keys:
        """The keys of the next table of a list."""
        self.counts[keys] = self.counts.get(keys, -1) + 1
        numbered = (*keys, str(self.counts[keys]))
        self.numbers.add(numbered)
        return numbered


def toml_lines(text: str) -> dict[Keys, int]:
    """The line (from 1) on which every table and key of a TOML text stands first.

    Keys of a table within a list are there twice: with its number (from 0) after the list's key, and without.
    """
    lines: dict[Keys, int] = {}
    cursor, line = _Cursor(), 1
    for mark in _MARK.findall(text):
        if cursor.reading == "value":
            _value(cursor, mark)
            if mark == "{" and (item := cursor.brackets[-1][1]) in cursor.numbers:
                lines.setdefault(item, line)
        elif (keys := _key(cursor, mark)) is not None:
            lines.setdefault(keys, line)
            lines.setdefault(tuple(key for n, key in enumerate(keys) if keys[: n + 1] not in cursor.numbers), line)
        if mark == "\n" and not cursor.brackets:
            cursor.reading, cursor.words = "key", []
        line += mark.count("\n")
    return lines


def _key(cursor: _Cursor, mark: str) -> Keys | None:
    """Take one mark of a header or key; the keys when they are complete."""
    if mark == "[":
        cursor.reading, cursor.words = "list header" if cursor.reading == "header" else "header", []
    elif mark == "]" and cursor.reading != "key":
        keys = tuple(cursor.words)
        cursor.table, cursor.reading = cursor.numbered(keys) if cursor.reading == "list header" else keys, "value"
        return cursor.table
    elif mark == "=":
        cursor.current, cursor.reading = (*cursor.base(), *cursor.words), "value"
        return cursor.current
    elif mark == "}" and cursor.brackets:
        cursor.brackets.pop()
        cursor.reading = "value"
    elif mark not in ".,\n" and not mark.startswith("#"):
        cursor.words.append(mark.strip("\"'"))
    return None


def _value(cursor: _Cursor, mark: str) -> None:
    """Take one mark of a value: only brackets matter, and commas between the keys of an inline table."""
    if mark in ("[", "{"):
        in_list = mark == "{" and cursor.brackets and cursor.brackets[-1][0] == "["
        cursor.brackets.append((mark, cursor.numbered(cursor.brackets[-1][1]) if in_list else cursor.current))
    elif mark in ("]", "}") and cursor.brackets:
        cursor.current = cursor.brackets.pop()[1]
    if mark == "{" or (mark == "," and cursor.brackets and cursor.brackets[-1][0] == "{"):
        cursor.reading, cursor.words = "key", []


def _in_yaml(path: Path, text: str, keys: Keys) -> Location:
    import yaml

    node, mark = yaml.compose(text, Loader=yaml.SafeLoader), None
    for key in keys:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        match = next(((k, v) for k, v in pairs if str(k.value) == key), None)
        if match is None:
            break
        mark, node = match[0].start_mark, match[1]
    return Location(path, mark.line + 1, mark.column + 1) if mark else Location(path)
