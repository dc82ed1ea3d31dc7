"""Another day: whatever is started in it sees a clock that is ahead, and everything else as it is."""

from __future__ import annotations

import os
from pathlib import Path

from support.require import need, tool

# More than a week and not a whole day, so that no part of a date is the same but the year; a server's certificate still holds.
LATER = "+9d7h"
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
# No variable tells of it, because a freeze is given none of ours: the dynamic loader of every process reads it from /etc.
_SCRIPT = 'mount -t overlay overlay -o "lowerdir=$0:/etc" /etc && exec "$@"'


def ahead(folder: Path, *words: str) -> list[str]:
    """The command, in a view of this machine of its own in which it is later. Source: faketime's own README (system-wide use)."""
    how = "as root: apt-get install faketime util-linux"
    need("faketime", available=FAKETIME.is_file() and os.geteuid() == 0, how=how)
    (folder / "ld.so.preload").write_text(f"{FAKETIME}\n")
    (folder / "faketimerc").write_text(f"{LATER}\n")
    return [tool("unshare", how), "--mount", "sh", "-c", _SCRIPT, str(folder), *words]
