"""Modules that others import and hardly ever use: they are loaded when something of them is used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class _StandIn(ModuleType):
    """What was imported in the place of the module of this name. Whatever is asked of it is the real one's, which is loaded then."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is not self:
            return getattr(importlib.import_module(self.__name__), name)
        why = f"{self.__name__} has no {name} yet"
        # what is no name of Python's own may stand in an annotation; pydantic looks again when the class is used
        raise AttributeError(why) if name.startswith("__") else NameError(why)


@contextmanager
def loaded_later(modules: Mapping[str, Sequence[str]]) -> Iterator[None]:
    """Leave these modules out of what the block imports, each with the names that are taken of it at once: what is called, or its version.

    After the block they are imported as ever; who has got a stand-in need not know. Those that are loaded already stay as they are.
    """
    stand_ins = {name: _StandIn(name) for name in modules if name not in sys.modules}
    for name, module in stand_ins.items():
        vars(module).update({taken: _version(name) if taken == "__version__" else _called_later(name, taken) for taken in modules[name]})
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, module in stand_ins.items():
            del sys.modules[name]
            for taken in modules[name]:
                delattr(module, taken)


def _called_later(module: str, name: str) -> Callable[..., Any]:
    def call(*words: Any, **options: Any) -> Any:
        return getattr(importlib.import_module(module), name)(*words, **options)

    return call


def _version(name: str) -> str:
    from importlib.metadata import version

    return version(name)
