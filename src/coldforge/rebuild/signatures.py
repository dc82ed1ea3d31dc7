"""Whether two artifacts are the same but for signatures that were put into them after the build.

A signature is only what every program that installs the file leaves unread, and what a known signer puts there.
"""

from __future__ import annotations

import re
from typing import Final

from coldforge.rebuild.containers import AR, ar_entries
from coldforge.rebuild.members import damage

# deb(5): members after the first whose names begin with an underscore are ignored. Those of debsigs and dpkg-sig are called so.
_DEB: Final = re.compile(r"_gpg[a-z]+")


def same_but_for_signatures(one: memoryview, other: memoryview) -> bool:
    """Whether at least one is signed, and without signatures both are the same bytes."""
    try:
        plain = _unsigned(one), _unsigned(other)
    except damage():
        return False
    return plain[0] == plain[1] and (len(plain[0]) < len(one) or len(plain[1]) < len(other))


def _unsigned(view: memoryview) -> bytes:
    if bytes(view[: len(AR)]) != AR:
        return bytes(view)
    return AR + b"".join(bytes(view[entry.start : entry.end]) for entry in ar_entries(view) if not _DEB.fullmatch(entry.name))
