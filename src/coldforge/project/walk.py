"""Reading tables into typed structs, finding every problem on the way instead of the first one only."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

S = TypeVar("S", bound=msgspec.Struct)
Path = tuple[str, ...]
Report = Callable[[Path, str, str], None]
"""Called with the path of keys, what is wrong, and a hint."""


def convert(table: Mapping[str, Any], kind: type[S], report: Report, path: Path = ()) -> S:
    """The struct that `table` describes; every problem goes to `report`, and the key in question keeps its default."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    hints = get_type_hints(kind, include_extras=True)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in fields:
            report((*path, key), f"unknown key {key!r}", _nearest(key, fields))
            continue
        name = fields[key].name
        for converted in _value(value, hints[name], report, (*path, key)):
            values[name] = converted
    for field in fields.values():
        if field.required and field.name not in values:
            if field.encode_name not in table:
                report(path, f"the key {field.encode_name!r} is missing", "")
            return kind.__new__(kind)  # never used: a report was made
    return kind(**values)


def _nearest(key: str, known: Mapping[str, object]) -> str:
    kebab = "".join(f"-{c.lower()}" if c.isupper() else c for c in key).replace("_", "-").strip("-")
    if kebab in known:
        return f"write {kebab!r}: keys are spelled with hyphens"
    near = difflib.get_close_matches(kebab, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"


def _value(value: Any, hint: Any, report: Report, path: Path) -> Iterator[Any]:
    """The converted value, or nothing when there was a problem."""
    struct = _struct_of(hint)
    if struct is not None and isinstance(value, Mapping):
        yield convert(value, struct, report, path)
        return
    inner = _struct_in_mapping(hint)
    if inner is not None and isinstance(value, Mapping):
        yield {key: convert(item, inner, report, (*path, key)) for key, item in value.items() if _is_table(item, report, (*path, key))}
        return
    try:
        yield msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        report(path, _words(str(error), path[-1]), "")


def _is_table(value: Any, report: Report, path: Path) -> bool:
    if isinstance(value, Mapping):
        return True
    report(path, f"{path[-1]!r} must be a table, not {type(value).__name__}", "")
    return False


def _struct_of(hint: Any) -> type[msgspec.Struct] | None:
    bare = get_args(hint)[0] if get_origin(hint) is not None and hasattr(hint, "__metadata__") else hint
    return bare if isinstance(bare, type) and issubclass(bare, msgspec.Struct) else None


def _struct_in_mapping(hint: Any) -> type[msgspec.Struct] | None:
    bare = get_args(hint)[0] if hasattr(hint, "__metadata__") else hint
    arguments = get_args(bare)
    return _struct_of(arguments[1]) if len(arguments) == 2 else None


def _words(message: str, key: str) -> str:
    """msgspec's sentence in the words of a configuration file."""
    for theirs, ours in (
        ("`array`", "a list"),
        ("`str`", "text"),
        ("`int`", "a whole number"),
        ("`bool`", "true or false"),
        ("`object`", "a table"),
    ):
        message = message.replace(theirs, ours)
    return f"{key!r}: {message[:1].lower()}{message[1:]}"
