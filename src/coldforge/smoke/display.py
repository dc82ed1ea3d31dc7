"""A display server in a container of its own, whose screen is looked at: the system that is tried stays bare.

The two containers share nothing but a network that leads nowhere, on which the server listens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coldforge.errors import BuildFailed
from coldforge.host.clock import sleep
from coldforge.host.container import Container
from coldforge.host.files import scratch
from coldforge.smoke.picture import Area, Picture, screen

NAME: Final = "127.0.0.1:99"  # over TCP, because no file is shared; it also turns shared memory off, which is not shared either
_ENV: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "DISPLAY": NAME, "HOME": "/"}
_USER: Final = "0:0"  # of its own container, where it has no rights beyond its own files
_FRAMES: Final = "/run/screen"
_TRIES, _PAUSE = 100, 0.1  # for the server to answer; seconds
_START: Final = f"""
mkdir -p {_FRAMES}
Xvfb :99 -screen 0 1280x1024x24 -listen tcp -ac -nolisten unix -fbdir {_FRAMES} > {_FRAMES}/log 2>&1 &
for try in $(seq {_TRIES}); do xwininfo -root > /dev/null 2>&1 && exit 0; sleep {_PAUSE}; done
cat {_FRAMES}/log; exit 1
"""
_WINDOWS: Final = r"for id in $(xwininfo -root -children | sed -n 's/^ *\(0x[0-9a-f]*\) .*/\1/p'); do xwininfo -id $id || true; done"
_TITLE: Final = re.compile(r'Window id: \S+ "(.*)"$', re.MULTILINE)
_FACT: Final = re.compile(r"^ +(Absolute upper-left [XY]|Width|Height|Map State): +(\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window that is shown: its title and where it is."""

    title: str
    area: Area


def windows(text: str) -> Iterator[Window]:
    """The windows that are shown, of what xwininfo says of each; what is as small as a point is no window for people."""
    for said in text.split("\nxwininfo: "):
        facts = dict(_FACT.findall(said))
        if facts.get("Map State") == "IsViewable":
            x, y, width, height = (int(facts[key]) for key in ("Absolute upper-left X", "Absolute upper-left Y", "Width", "Height"))
            title = _TITLE.search(said)
            if width > 1 and height > 1:
                yield Window(title=title[1] if title else "", area=Area(x=x, y=y, width=width, height=height))


class Display:
    """A running display server."""

    def __init__(self, container: Container, log: Path) -> None:
        """Raises BuildFailed when it does not start."""
        self._container = container
        self._log = log
        self._run(_START)
        self._empty = self.picture()

    def _run(self, script: str) -> str:
        return self._container.execute(["/bin/sh", "-c", script], env=_ENV, cwd="/", user=_USER, log=self._log)

    def windows(self) -> tuple[Window, ...]:
        """The windows that are shown now."""
        return tuple(windows(self._run(_WINDOWS)))

    def picture(self) -> Picture:
        """What is on the screen now."""
        with scratch("screen") as folder:
            self._container.get(f"{_FRAMES}/Xvfb_screen0", folder / "screen")
            return screen((folder / "screen").read_bytes())

    def drawn(self, *, patience: float) -> tuple[Window, Picture] | None:
        """The largest window that can be told from the empty screen, and the screen once it has come to rest; None: not yet.

        What moves for longer than `patience` seconds is taken as it then is.
        """
        shown = max(self.windows(), key=lambda window: window.area.width * window.area.height, default=None)
        if shown is None:
            return None
        before = self.picture()
        for _ in range(max(1, int(patience / _PAUSE))):
            sleep(_PAUSE)
            after = self.picture()
            if after == before:
                break
            before = after
        return None if before.part(shown.area) == self._empty.part(shown.area) else (shown, before)


def gone(display: Display) -> None:
    """Let what a program left on the screen vanish before the next one is started."""
    with suppress(BuildFailed):
        for _ in range(_TRIES):
            if not display.windows():
                return
            sleep(_PAUSE)
