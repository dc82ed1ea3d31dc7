"""Reading a project's files into tables, each of which knows its place; problems are collected, not raised."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from coldforge.errors import Location, Problem
from coldforge.project.walk import Keys, convert

S = TypeVar("S", bound=Struct)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The problems found so far: the only thing that grows while a project is read."""

    problems: list[Problem] = field(default_factory=list)

    def add(self, what: str, where: Location | None = None, hint: str = "") -> None:
        """Keep one more problem."""
        self.problems.append(Problem(what=what, where=where, hint=hint))


@dataclass(frozen=True, kw_only=True)
class Part:
    """A table of a file: what it says, and the keys that lead to it."""

    file: Path
    keys: Keys = ()
    content: Mapping[str, Any] = field(default_factory=dict)

    def where(self, *keys: str) -> Location:
        """The place of a key in this table."""
        from coldforge.project import locate

        return locate.find(self.file, (*self.keys, *keys))

    def part(self, *keys: str, findings: Findings) -> Part:
        """A table within this one; empty when there is none."""
        content: Any = self.content
        for number, key in enumerate(keys, start=1):
            content = content.get(key, {})
            if not isinstance(content, Mapping):
                findings.add(f"[{'.'.join(keys[:number])}] must be a table", self.where(*keys[:number]))
                content = {}
        return Part(file=self.file, keys=(*self.keys, *keys), content=content)

    def typed(self, kind: type[S], findings: Findings) -> S:
        """The struct that this table describes."""
        return convert(self.content, kind, lambda keys, what, hint: findings.add(what, self.where(*keys), hint))


def read_toml(path: Path, findings: Findings) -> Part | None:
    """The whole of a TOML file; None when it is not one."""
    text = _text(path, findings)
    if text is None:
        return None
    try:
        return Part(file=path, content=tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        where = Location(path, int(place[1]), int(place[2])) if place else Location(path, text.count("\n") + 1)
        findings.add(f"not valid TOML: {re.sub(r' *[(]at .*', '', str(error))}", where)
        return None


def read_yaml(path: Path, findings: Findings) -> Part | None:
    """The whole of a YAML file that holds a mapping; None when it is not one."""
    import yaml

    text = _text(path, findings)
    if text is None:
        return None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        node = loader.get_single_node()
        content = loader.construct_document(node) if node else None
        repeated = tuple(_repeated(node))  # which YAML forbids, and its readers do not notice
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = Location(path, mark.line + 1, mark.column + 1) if mark else Location(path)
        line = "".join(text.split("\n")[mark.line : mark.line + 1]) if mark else ""
        hint = "indent with spaces: YAML takes no tabs" if line.lstrip(" ").startswith("\t") else ""
        findings.add(f"not valid YAML: {getattr(error, 'problem', None) or error}", where, hint)
        return None
    except RecursionError:
        findings.add("an alias in it stands for something that it lies in itself", Location(path))
        return None
    except ValueError as error:  # a date or number that is none, of which PyYAML lets Python's own error through
        findings.add(f"not valid YAML: {error}", Location(path), "put a text that looks like a date or a number into quotes")
        return None
    finally:
        loader.dispose()
    for key in repeated:
        findings.add(f"the key {key.value!r} is there twice", Location(path, key.start_mark.line + 1, key.start_mark.column + 1))
    if not isinstance(content, Mapping):
        findings.add("it must be a mapping with the key 'targets'", Location(path, 1))
        return None
    return Part(file=path, content=content)


def _repeated(node: Any) -> Iterator[Any]:
    """The nodes of keys that their mapping has already."""
    if getattr(node, "id", "") != "mapping":
        return
    seen: set[str] = set()
    for key, value in node.value:
        if str(key.value) in seen:
            yield key
        seen.add(str(key.value))
        yield from _repeated(value)


def _text(path: Path, findings: Findings) -> str | None:
    data = path.read_bytes()
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        findings.add("not UTF-8 text", Location(path, data.count(b"\n", 0, error.start) + 1))
        return None
