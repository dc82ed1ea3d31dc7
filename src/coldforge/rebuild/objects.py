"""The first difference of two code objects: by function, and by name, constant or byte code in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from coldforge.filetypes.marshalled import Code, Group

BRIEF: Final = 8  # items of a tuple that are shown
ORDER: Final = "order"  # the last step to a set whose items are written in another order
VISITS: Final = 1_000_000  # objects that are looked at; shared ones may be met any number of times


@dataclass(frozen=True, slots=True)
class Found:
    """The first difference of two objects: the functions and the part that lead to it, and both values, shortened."""

    where: tuple[str, ...]
    released: str
    rebuilt: str


def difference(released: Any, rebuilt: Any) -> Found | None:
    """The first difference of two objects that `loads` made; code by its functions, parts and constants."""
    left = [VISITS]
    return _differs(released, rebuilt, (), left)


def _differs(one: Any, other: Any, where: tuple[str, ...], left: list[int]) -> Found | None:
    left[0] -= 1
    if left[0] < 0:
        raise ValueError("it has more objects than are looked at")
    if isinstance(one, Code) and isinstance(other, Code):
        return _code(one, other, where, left)
    if isinstance(one, Group) and isinstance(other, Group) and one.kind == other.kind:
        texts = [list(map(brief, group.items)) for group in (one, other)]
        if texts[0] != texts[1] and sorted(texts[0]) == sorted(texts[1]):
            return Found((*where, one.kind, ORDER), ", ".join(texts[0]), ", ".join(texts[1]))
        return _items(one.items, other.items, where, left)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return _items(one, other, where, left)
    return None if type(one) is type(other) and _same(one, other) else Found(where, brief(one), brief(other))


def _same(one: Any, other: Any) -> bool:
    """Whether two leaves are the same; zero and minus zero are not, what is no number is itself."""
    return repr(one) == repr(other) if isinstance(one, float | complex) else bool(one == other)


def _items(one: tuple[Any, ...], other: tuple[Any, ...], where: tuple[str, ...], left: list[int]) -> Found | None:
    for number, (x, y) in enumerate(zip(one, other, strict=False)):
        if found := _differs(x, y, (*where, f"item {number}"), left):
            return found
    return None if len(one) == len(other) else Found(where, f"{len(one)} items", f"{len(other)} items")


def _code(one: Code, other: Code, where: tuple[str, ...], left: list[int]) -> Found | None:
    """Names and constants explain more than the byte code that uses them: they come first."""
    here = (*where, one.name)
    for part in ("filename", "name", "names", "localsplusnames"):
        if found := _differs(one.parts[part], other.parts[part], (*here, part), left):
            return found
    return _constants(one, other, here, left) or next(
        (found for part in one.parts if part != "consts" and (found := _differs(one.parts[part], other.parts[part], (*here, part), left))),
        None,
    )


def _constants(one: Code, other: Code, here: tuple[str, ...], left: list[int]) -> Found | None:
    ours, theirs = (code.parts["consts"] if isinstance(code.parts["consts"], tuple) else () for code in (one, other))
    for number, (x, y) in enumerate(zip(ours, theirs, strict=False)):
        nested = isinstance(x, Code) and isinstance(y, Code)
        if found := _differs(x, y, here if nested else (*here, f"constant {number}"), left):
            return found
    return None if len(ours) == len(theirs) else Found((*here, "constants"), f"{len(ours)} of them", f"{len(theirs)} of them")


def brief(value: object, level: int = 0) -> str:
    """A value as text of a bounded length, however it is nested."""
    if isinstance(value, Code):
        return f"<code {value.name[:100]}>"
    if isinstance(value, Group):
        return f"{value.kind}({brief(value.items, level)})"
    if isinstance(value, tuple):
        shown = [brief(item, level + 1) for item in value[:BRIEF]] if level < 2 else ["…"]
        return f"({', '.join(shown)}{', …' if len(value) > BRIEF else ''})"
    if isinstance(value, str | bytes):
        return repr(value[:400])
    return repr(value)
