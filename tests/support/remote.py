"""An engine as it is reached from afar: a port on loopback whose connections lead to the engine's socket, and which can die or vanish."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from select import select
from threading import Event, Thread
from typing import BinaryIO

from coldforge.host import engine

PIECE = 1 << 16
# The first words of a program's streams come in one piece with the head of the answer, as they now and then do on a network.
UPGRADED = b"HTTP/1.1 101"
TOGETHER = 0.5  # seconds for them to come


@dataclass(kw_only=True, eq=False)
class Remote:
    """`address` is for DOCKER_HOST; `said` is what was sent to the engine, a file for each connection in this folder.

    Where the engine says `last`, it vanishes: nothing comes any more, and no connection ends.
    """

    path: Path
    said: Path
    server: socket.socket
    open: list[socket.socket] = field(default_factory=list)
    threads: list[Thread] = field(default_factory=list)
    last: bytes = b""
    reached: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.reached.set()

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.server.getsockname()[1]}"

    def serve(self) -> None:
        """Take connections until this end is shut."""
        with suppress(OSError):
            while True:
                near, _ = self.server.accept()
                far = socket.socket(socket.AF_UNIX)
                self.open += (near, far)
                far.connect(str(self.path))
                # Each direction ends by itself: a client may be done with speaking and still listen, and so may the engine
                # once a connection has become a program's streams.
                self.start(near, far, (self.said / str(len(self.open))).open("wb"))
                self.start(far, near, None)

    def start(self, source: socket.socket, target: socket.socket, record: BinaryIO | None) -> None:
        """Carry bytes one way, in a thread."""
        self.threads.append(Thread(target=self.carry, args=(source, target, record), daemon=True))
        self.threads[-1].start()

    def carry(self, source: socket.socket, target: socket.socket, record: BinaryIO | None) -> None:
        """Bytes from one end to the other, and the news that no more come."""
        with suppress(OSError), nullcontext() if record is None else record:
            while data := source.recv(PIECE):
                if data.startswith(UPGRADED) and select([source], [], [], TOGETHER)[0]:
                    data += source.recv(PIECE)
                if self.last and self.last in data:
                    self.vanish()
                self.reached.wait()
                if record is not None:
                    record.write(data)
                target.sendall(data)
        self.reached.wait()
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def vanish(self) -> None:
        """Connections are taken and stay open, and nothing comes of them."""
        self.reached.clear()

    def die(self) -> None:
        """Nobody listens any more, and every connection is gone."""
        for end in (self.server, *self.open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.reached.set()


@contextmanager
def remote(said: Path) -> Iterator[Remote]:
    """The usual engine, from afar."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        made = Remote(path=engine.SOCKET, said=said, server=server)
        taking = Thread(target=made.serve, daemon=True)
        taking.start()
        try:
            yield made
        finally:
            made.die()
            for thread in (taking, *made.threads):
                thread.join(10)
            for end in made.open:
                end.close()
            assert not any(thread.is_alive() for thread in (taking, *made.threads))
