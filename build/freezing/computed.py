"""Modules that a module imports by a name that it computes, as far as its source tells: `import_module(f"{__package__}.{kind}")`.

The answer is a pattern of module names for each such place. What is left open stands for one part of a name, never for more.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

IMPORTING = frozenset({"import_module", "__import__", "import_string", "resolve_name"})
LISTING = {"iter_modules": r"\.[^.]+", "walk_packages": r"(\.[^.]+)+"}
"""Functions that list the modules of a package, with what follows its name in theirs."""

OPEN = None  # a part that the source does not tell
FOLLOWED = 3  # names that stand for names: a loop of them ends
MOST = 100  # texts that an expression may be: with more of them it tells nothing
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[srd]|\{[^{}]*\}")
Form = tuple[str | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A module: its name, the package that its relative names begin in, its tree, what its own names stand for."""

    module: str
    package: str
    tree: ast.Module
    assigned: dict[str, list[ast.expr]]
    imported: dict[str, str]


def patterns(text: str, module: str, package: str) -> set[str]:
    """Regular expressions for the names of modules that the source of a module may import."""
    source = parsed(text, module, package)
    found: set[str] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
            if name in IMPORTING:
                found |= {expression(form) for form in asked_for(node, source) if anchored(form)}
            elif name in LISTING:
                found |= {re.escape(listed) + LISTING[name] for listed in packages(node.args[0], source)}
        if isinstance(node, ast.JoinedStr | ast.BinOp | ast.Call):
            found |= {expression(form) for form in forms(node, source) if OPEN in form and anchored(form)}
    return found


def parsed(text: str, module: str, package: str) -> Source:
    """The source with a table of what its names are assigned, anywhere in it, and of what they import."""
    tree = ast.parse(text)
    assigned: dict[str, list[ast.expr]] = {}
    imported: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    assigned.setdefault(target.id, []).append(node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            assigned.setdefault(node.target.id, []).append(node.value)
        elif isinstance(node, ast.Import):
            imported.update((alias.asname or alias.name.partition(".")[0], alias.name if alias.asname else "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolved("." * node.level + (node.module or ""), package).rstrip(".")
            imported.update((alias.asname or alias.name, f"{base}.{alias.name}".strip(".")) for alias in node.names)
    imported = {name: value or name for name, value in imported.items()}
    return Source(module=module, package=package, tree=tree, assigned=assigned, imported=imported)


def asked_for(call: ast.Call, source: Source) -> Iterator[Form]:
    """The forms of the first argument of an import, relative ones completed with the package that they are relative to."""
    given = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "package")]
    bases = [form[0] for node in given for form in forms(node, source) if len(form) == 1 and form[0]] or [source.package]
    for form in forms(call.args[0], source):
        if form and form[0] and form[0].startswith("."):
            yield from (joined((resolved(form[0], base), *form[1:])) for base in bases)
        else:
            yield form


def forms(node: ast.expr, source: Source, followed: int = FOLLOWED) -> list[Form]:
    """What texts an expression may be: each a row of known pieces and open ones."""
    if text := known(node, source):
        return [(text,)]
    if isinstance(node, ast.Name) and followed and node.id in source.assigned:
        return list(dict.fromkeys(form for value in source.assigned[node.id] for form in forms(value, source, followed - 1)))
    parts = pieces(node)
    return combined([forms(part, source, followed) for part in parts]) if parts else [(OPEN,)]


def known(node: ast.expr, source: Source) -> str:
    """The text that an expression is, or the name of a module that it asks for; empty where it tells neither."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id="__name__") | ast.Attribute(value=ast.Name(id="__spec__"), attr="name"):
            return source.module
        case ast.Name(id="__package__") | ast.Attribute(value=ast.Name(id="__spec__"), attr="parent"):
            return source.package
        case ast.Attribute(value=value, attr="__name__" | "__package__"):
            return dotted_name(value, source)
    return ""


def pieces(node: ast.expr) -> list[ast.expr]:
    """The expressions whose texts follow each other in the text of one; none where it is not put together."""
    match node:
        case ast.JoinedStr(values=values):
            return [value.value if isinstance(value, ast.FormattedValue) else value for value in values]
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return [left, right]
        case (
            ast.BinOp(op=ast.Mod(), left=ast.Constant(value=str(text)), right=ast.Tuple(elts=values))
            | ast.Call(func=ast.Attribute(attr="format", value=ast.Constant(value=str(text))), args=values)
        ):
            return filled(text, values)
        case ast.BinOp(op=ast.Mod(), left=ast.Constant(value=str(text)), right=value):
            return filled(text, [value])
        case ast.Call(func=ast.Attribute(attr="join", value=ast.Constant(value=".")), args=[ast.Tuple(elts=parts) | ast.List(elts=parts)]):
            return [piece for part in parts for piece in (ast.Constant("."), part)][1:]
    return []


def filled(text: str, values: Sequence[ast.expr]) -> list[ast.expr]:
    """The pieces of a text with places for values, taken in order; a place without a value stays open."""
    texts = PLACEHOLDER.split(text)
    places = [ast.Constant(""), *values, *[ast.Constant(None)] * len(texts)]
    found = [piece for place, after in zip(places, texts, strict=False) for piece in (place, ast.Constant(after))]
    return [piece for piece in found if not (isinstance(piece, ast.Constant) and piece.value == "")]


def combined(rows: Sequence[Sequence[Form]]) -> list[Form]:
    """Every form that is one of each row, one after the other."""
    if prod(map(len, rows)) > MOST:
        return [(OPEN,)]
    return [joined(tuple(piece for form in choice for piece in form)) for choice in product(*rows)]


def joined(form: Form) -> Form:
    """The form with known pieces that follow each other as one."""
    made: list[str | None] = []
    for piece in form:
        if piece is not OPEN and made and made[-1] is not OPEN:
            made[-1] += piece
        elif piece != "":
            made.append(piece)
    return tuple(made)


def anchored(form: Form) -> bool:
    """Whether a form begins with the name of a package, or is a whole name."""
    return bool(form) and form[0] is not OPEN and bool(re.match(r"[^\W\d]\w*(\.|$)" if len(form) == 1 else r"[^\W\d]\w*\.", form[0]))


def expression(form: Form) -> str:
    """A form as a regular expression; `module:name` names the module."""
    return "".join("[^.]+" if piece is OPEN else re.escape(piece.partition(":")[0]) for piece in form)


def packages(node: ast.expr, source: Source) -> Iterator[str]:
    """The packages whose folders an expression names: by `__path__`, or by `__file__` with the name of a folder beside it."""
    nodes = [node, *(value for name in ast.walk(node) if isinstance(name, ast.Name) for value in source.assigned.get(name.id, ()))]
    for part in (part for one in nodes for part in ast.walk(one)):
        if isinstance(part, ast.Name) and part.id in ("__path__", "__file__"):
            beside = [text.value for one in nodes for text in ast.walk(one) if isinstance(text, ast.Constant)]
            yield from (f"{source.package}.{text}" for text in beside if isinstance(text, str) and text.isidentifier())
            yield source.package
        elif isinstance(part, ast.Attribute) and part.attr in ("__path__", "__file__") and (name := dotted_name(part.value, source)):
            yield name


def dotted_name(node: ast.expr, source: Source) -> str:
    """The module that an expression is, by what was imported; empty when it was not."""
    if isinstance(node, ast.Name):
        return source.imported.get(node.id, "")
    if isinstance(node, ast.Attribute) and (base := dotted_name(node.value, source)):
        return f"{base}.{node.attr}"
    return ""


def resolved(name: str, package: str) -> str:
    """A name; one that begins with dots, in the package that it is relative to.

    >>> resolved(".main", "a.b"), resolved("..main", "a.b"), resolved(".", "a.b"), resolved("json", "a.b")
    ('a.b.main', 'a.main', 'a.b.', 'json')
    """
    level = len(name) - len(name.lstrip("."))
    parts = package.split(".")
    return f"{'.'.join(parts[: len(parts) - level + 1])}.{name[level:]}" if level else name
