"""Runs in a frozen program before its own code: child processes see the user's library path, not the bundle's.

The Linux boot loader puts the bundle's folder into LD_LIBRARY_PATH for itself and for every
child (pyinstaller#1759, #2583). The dynamic loader read the variable when this process started,
so taking it back changes nothing here.

A child that is this same program (sys.executable started again) would take from the boot loader's own
variables that the path is set already, and find none of libpython's libraries in a system that lacks them:
without those variables it starts as everybody's first process does. Only helpers of multiprocessing get them,
and the path with them: they are part of this process, and a one-file program must not unpack itself for each.
One of them, the tracker of resources, is started without being waited for. It may be starting still when the program ends
and the files of a one-file program go, and would then end in a traceback: the program waits for it.
"""

import sys


def library_path() -> None:
    """Give the environment back as the user made it. All names stay in here: this runs in the program's `__main__`."""
    import atexit
    import os
    import time
    from subprocess import Popen

    def wait_for_the_tracker() -> None:
        """Let go of it, which ends it when nobody else holds it, and wait for that, but not forever."""
        module = sys.modules.get("multiprocessing.resource_tracker")
        tracker = module._resource_tracker if module else None  # noqa: SLF001  # it has no public way to be stopped
        if not tracker or tracker._fd is None or tracker._pid is None:  # noqa: SLF001  # a worker's belongs to its parent
            return
        os.close(tracker._fd)  # noqa: SLF001
        for _ in range(1000):
            if os.waitpid(tracker._pid, os.WNOHANG) != (0, 0):  # noqa: SLF001
                break
            time.sleep(0.01)
        tracker._fd = tracker._pid = None  # noqa: SLF001

    atexit.register(wait_for_the_tracker)  # before multiprocessing does the same, so that it is called after that
    from multiprocessing import util

    names = ("_PYI_ARCHIVE_FILE", "_PYI_PARENT_PROCESS_LEVEL", "_PYI_APPLICATION_HOME_DIR", "_PYI_LINUX_PROCESS_NAME")
    own = {name: os.environ.pop(name) for name in names if name in os.environ}
    bundle: str = sys._MEIPASS  # type: ignore[attr-defined]  # noqa: SLF001  # its documented name
    users = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    os.environ.pop("LD_LIBRARY_PATH", None)
    if users is not None:
        os.environ["LD_LIBRARY_PATH"] = users

    def spawnv_passfds(path: bytes, args: list[str | bytes], passfds: list[int]) -> int:
        """As multiprocessing.util does it, with an environment for this child alone: os.environ is other threads', too."""
        environment = {**os.environ, **own, "LD_LIBRARY_PATH": bundle}
        if users := os.environ.get("LD_LIBRARY_PATH"):
            environment |= {"LD_LIBRARY_PATH": f"{bundle}:{users}", "LD_LIBRARY_PATH_ORIG": users}
        child = Popen(args, executable=path, pass_fds=passfds, env=environment, restore_signals=False)
        child.returncode = 0  # multiprocessing waits for it: subprocess must not
        return child.pid

    util.spawnv_passfds = spawnv_passfds  # type: ignore[assignment]  # of the wider words only these are used


if sys.platform == "linux":
    library_path()
del library_path
