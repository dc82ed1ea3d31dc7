"""Imports that compiled modules do: no analysis of byte code sees them, but their names stand in the file.

`PIL._imagingtk` imports `PIL._tkinter_finder` when a picture is first drawn, `pandas._libs.lib` what Cython calls from others.
In C a name is a text that ends with a zero byte. One without a dot says nothing: `cffi` is what cffi calls itself in messages.
"""

from __future__ import annotations

import re
from collections.abc import Collection

FOR_TESTS = frozenset({"conftest", "test", "testing", "tests"})


def named_in(data: bytes, names: Collection[str]) -> set[str]:
    """Which of the names of modules stand in the data as a whole text of C; none that are only for tests."""
    found: set[str] = set()
    for top in {name.partition(".")[0] for name in names}:  # a search that begins with a plain text is quick, and bounded
        for match in re.finditer(rb"%s(?:\.\w{1,99}){1,19}(?=\0)" % re.escape(top.encode()), data):
            if not data[max(0, match.start() - 1) : match.start()].isalnum():
                found.add(match[0].decode("latin-1"))
    return {name for name in found & set(names) if FOR_TESTS.isdisjoint(name.split("."))}
