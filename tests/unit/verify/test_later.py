"""Modules that wait until something of them is used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coldforge.verify.later import loaded_later

HEAVY = 'LOADED = True\ndef call(word, *, again): return word + again\n__version__ = "1"\n'


@pytest.fixture
def heavy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module that `user_of_heavy` imports, neither of them loaded yet."""
    (tmp_path / "heavy.py").write_text(HEAVY)
    (tmp_path / "user_of_heavy.py").write_text("import heavy\nfrom heavy import call\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "heavy"
    for name in ("heavy", "user_of_heavy"):
        sys.modules.pop(name, None)


def test_a_module_is_loaded_when_something_of_it_is_used(heavy: str) -> None:
    with loaded_later({heavy: ("call",)}):
        user = importlib.import_module("user_of_heavy")
    assert heavy not in sys.modules
    assert user.heavy.LOADED
    assert user.heavy.call is importlib.import_module(heavy).call


def test_what_was_taken_of_it_calls_the_real_one(heavy: str) -> None:
    with loaded_later({heavy: ("call",)}):
        user = importlib.import_module("user_of_heavy")
    assert heavy not in sys.modules
    assert user.call("a", again="b") == "ab"
    assert heavy in sys.modules


def test_whoever_imports_it_afterwards_gets_the_real_one(heavy: str) -> None:
    with loaded_later({heavy: ("call",)}):
        user = importlib.import_module("user_of_heavy")
    real = importlib.import_module(heavy)
    assert Path(str(real.__file__)).name == "heavy.py"
    assert user.heavy is not real
    with pytest.raises(AttributeError):
        user.heavy.nothing  # noqa: B018


def test_what_is_loaded_already_stays(heavy: str) -> None:
    real = importlib.import_module(heavy)
    with loaded_later({heavy: ("call",)}):
        assert importlib.import_module("user_of_heavy").heavy is real
    assert sys.modules[heavy] is real


def test_what_is_not_there_yet_is_a_name_that_is_missing(heavy: str) -> None:
    with loaded_later({heavy: ()}):
        module = importlib.import_module(heavy)
        with pytest.raises(NameError, match="heavy has no LOADED yet"):
            module.LOADED  # noqa: B018
        assert not hasattr(module, "__path__")
    assert module.LOADED


def test_nothing_is_left_of_a_block_that_fails(heavy: str) -> None:
    with pytest.raises(ImportError), loaded_later({heavy: ()}):
        raise ImportError
    assert heavy not in sys.modules


def test_the_version_is_that_of_what_is_installed() -> None:
    import requests

    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "requests")
        with loaded_later({"requests": ("__version__",)}):
            stand_in = importlib.import_module("requests")
            assert stand_in is not requests
            assert stand_in.__version__ == requests.__version__
