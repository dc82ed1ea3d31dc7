"""Reading tables into typed structs, finding every problem on the way instead of the first one only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

S = TypeVar("S", bound=msgspec.Struct)
Keys = tuple[str, ...]
Report = Callable[[Keys, str, str], None]
"""Called with the keys that lead to the problem, what is wrong, and a hint."""


def convert(table: Mapping[str, Any], kind: type[S], report: Report) -> S:
    """The struct that `table` describes. Every problem goes to `report`, and its key keeps the default.

    A struct's `elsewhere` tells of keys that belong into another table, or file, where they stand.
    """
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError:  # which tells the first problem only, so look at every key on its own
        return _walk(table, kind, report, ())


def _walk(table: Mapping[str, Any], kind: type[S], report: Report, path: Keys) -> S:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    hints = get_type_hints(kind, include_extras=True)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key in fields:
            name = fields[key].name
            values.update((name, good) for good in _value(value, hints[name], report, (*path, key)))
        elif kind.__struct_config__.forbid_unknown_fields:
            hint = getattr(kind, "elsewhere", {}).get(str(key)) or _spelling(str(key), fields)
            report((*path, str(key)), f"unknown key {str(key)!r}", hint)
    for key, field in fields.items():
        if field.required and key not in table:
            report(path, f"the key {key!r} is missing", "")
        if field.required:
            values.setdefault(field.name, "")  # never used: there is a problem now
    return kind(**values)


def _spelling(key: str, known: Iterable[str]) -> str:
    kebab = "".join(f"-{c.lower()}" if c.isupper() else c for c in key).replace("_", "-").strip("-")
    return f"write {kebab}: keys are spelled in lower case, with hyphens" if kebab in known else nearest(kebab, known)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint: the known word that was probably meant, else all of them.

    >>> nearest("dep", ["deb", "onefile"])
    'did you mean deb?'
    """
    from difflib import get_close_matches

    words = sorted(known)
    near = get_close_matches(word, words, n=1)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(words)}"


def _value(value: Any, hint: Any, report: Report, path: Keys) -> Iterator[Any]:
    """The converted value, or nothing when there was a problem."""
    bare = _bare(hint)
    if isinstance(value, Mapping) and _is_struct(bare):
        yield _walk(value, bare, report, path)
    elif isinstance(value, Mapping) and get_origin(bare) is Mapping:
        inner = get_args(bare)[1]
        yield {str(key): good for key, item in value.items() for good in _value(item, inner, report, (*path, str(key)))}
    elif isinstance(value, list) and _is_struct(inner := (*get_args(bare), None)[0]) and all(isinstance(item, Mapping) for item in value):
        yield tuple(_walk(item, inner, report, (*path, str(number))) for number, item in enumerate(value))
    else:
        try:
            yield msgspec.convert(value, hint)
        except msgspec.ValidationError:
            report(path, f"{path[-1]!r} must be {expected(hint)}, not {_found(value, hint)}", "")


def _is_struct(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def _bare(hint: Any) -> Any:
    """A type without its annotations, and without the None of an optional one."""
    if hasattr(hint, "__metadata__"):
        return _bare(get_args(hint)[0])
    others = [word for word in get_args(hint) if word is not type(None)]
    return _bare(others[0]) if len(others) == 1 and len(get_args(hint)) == 2 else hint


def expected(hint: Any) -> str:
    """A type in the words of a configuration file.

    >>> expected(tuple[str, ...])
    'a list of texts'
    """
    for meta in getattr(hint, "__metadata__", ()):
        if meta.pattern:
            return f"a text of the right form ({meta.description.rstrip('.')})"
        if meta.ge is not None:
            return f"a whole number from {meta.ge}"
    bare = _bare(hint)
    origin, arguments = get_origin(bare), get_args(bare)
    if origin is Literal:
        return "one of " + ", ".join(repr(word) for word in arguments)
    if origin is tuple:
        return re.sub(r"^a (\w+)", r"a list of \1s", expected(arguments[0]))
    if origin is None or origin is Mapping:
        return {str: "a text", bool: "true or false", int: "a whole number"}.get(bare, "a table")
    return " or ".join(expected(word) for word in arguments)


def _found(value: Any, hint: Any) -> str:
    """What stands there instead, in the same words."""
    bare = _bare(hint)
    if isinstance(value, list) and get_origin(bare) is tuple:
        wrong = next(item for item in value if not _fits(item, get_args(bare)[0]))
        return f"a list that holds {_found(wrong, get_args(bare)[0])}"
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "empty"
    if isinstance(value, (Mapping, list)):
        return "a table" if isinstance(value, Mapping) else "a list"
    return (
        repr(value)
        if isinstance(value, str)
        else f"the {type(value).__name__} {value}".replace("int ", "number ").replace("float ", "number ")
    )


def _fits(value: Any, hint: Any) -> bool:
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError:
        return False
    return True
