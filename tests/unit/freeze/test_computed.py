"""Names of modules that a source computes: what is known of them, and what is not a name."""

from __future__ import annotations

import re

import pytest
from freezing.computed import patterns

MODULES = (
    "kinds", "kinds.one", "kinds.two", "kinds.two.deep", "kinds._three", "kinds.loader", "kinds.sub.four", "other", "other.x", "json",
)  # fmt: skip


def found(text: str, module: str = "kinds.loader", package: str = "kinds") -> set[str]:
    expressions = patterns(text, module, package)
    return {name for name in MODULES for expression in expressions if re.fullmatch(expression, name)}


@pytest.mark.parametrize(
    ("call", "names"),
    [
        ("import_module(f'kinds.{name}')", {"kinds.one", "kinds.two", "kinds._three", "kinds.loader"}),
        ("import_module(f'kinds._{name}')", {"kinds._three"}),
        ("import_module(f'._{name}', package='kinds')", {"kinds._three"}),
        ("import_module(f'._{name}', __package__)", {"kinds._three"}),
        ("import_module('.' + name, 'other')", {"other.x"}),
        ("import_module('..' + name, 'other.more')", {"other.x"}),
        ("import_module(f'{__package__}.sub.{name}')", {"kinds.sub.four"}),
        ("import_module(f'{__name__}.{name}')", set()),
        ("import_module(f'{__spec__.parent}.sub.{name}')", {"kinds.sub.four"}),
        ("__import__('other.%s' % name)", {"other.x"}),
        ("__import__('other.%s' % (name,)).x", {"other.x"}),
        ("import_string('other.{}:Kind'.format(name))", {"other.x"}),
        ("import_string('other.{kind}.Kind'.format(kind=name))", set()),
        ("import_module('.'.join(['other', name]))", {"other.x"}),
        ("import_module('json')", {"json"}),
        ("import_module(name)", set()),
        ("import_module('%s.%s' % ('other', name))", {"other.x"}),
        ("import_module('%s%s' % ('other.', 'x'))", {"other.x"}),
        ("import_module(f'{name}.one')", set()),
        ("import_module(f'oth{name}')", set()),
    ],
)
def test_a_call_tells_what_it_may_import(call: str, names: set[str]) -> None:
    assert found(f"from importlib import import_module\n\ndef load(name):\n    return {call}\n") == names


def test_a_name_of_the_module_stands_for_what_it_was_assigned() -> None:
    assert found("BASE: str = 'other'\nprefix = BASE + '.'\n\ndef load(kind):\n    name = prefix + kind\n    import_module(name)\n") == {
        "other.x"
    }
    assert found("import_module(name)\nname = name + name\n") == set()


def test_a_name_computed_elsewhere_in_the_module_counts_too() -> None:
    assert found("def name(kind):\n    return f'other.{kind}'\n\nimport_module(name('one'))\n") == {"other.x"}
    assert found("print(f'.{kind}')\nimport_module(kind)\n") == set()


def test_an_imported_module_stands_for_its_name() -> None:
    assert found("import other as base\nimport_module(f'{base.__name__}.{kind}')\n") == {"other.x"}
    assert found("from . import sub\nimport_module(sub.__name__ + '.' + kind)\n") == {"kinds.sub.four"}


@pytest.mark.parametrize(
    ("listing", "names"),
    [
        ("iter_modules(__path__)", {"kinds.one", "kinds.two", "kinds._three", "kinds.loader"}),
        ("walk_packages(kinds.sub.__path__)", {"kinds.sub.four"}),
        ("walk_packages(kinds.__path__, 'kinds.')", {name for name in MODULES if name.startswith("kinds.")}),
        (
            "iter_modules([str(Path(__file__).parent / 'sub')])",
            {"kinds.one", "kinds.two", "kinds._three", "kinds.loader", "kinds.sub.four"},
        ),
        ("iter_modules(folders)", set()),
    ],
)
def test_modules_of_a_listed_package(listing: str, names: set[str]) -> None:
    assert found(f"import kinds\nimport kinds.sub\nfrom pkgutil import iter_modules\n\nfor kind in {listing}:\n    pass\n") == names


def test_too_many_possibilities_tell_nothing() -> None:
    values = "".join(f"part = 'p{number}'\n" for number in range(30))
    assert found(f"{values}import_module('other.' + part + part)\n") == set()
