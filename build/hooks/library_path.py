"""Runs in a frozen program before its own code: child processes see the user's library path, not the bundle's.

The Linux boot loader puts the bundle's folder into LD_LIBRARY_PATH for itself and for every
child (pyinstaller#1759, #2583). The dynamic loader read the variable when this process started,
so taking it back changes nothing here.
"""

import os
import sys

if sys.platform == "linux":
    original = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    os.environ.pop("LD_LIBRARY_PATH", None)
    if original is not None:
        os.environ["LD_LIBRARY_PATH"] = original
