"""What stands before an apk, or an index of them, and signs it: a tar without an end, whose one file is named after the public key.

Source: https://wiki.alpinelinux.org/wiki/Apk_spec
"""

from __future__ import annotations

import tarfile

from coldforge.filetypes import gzips
from coldforge.sign import rsa


def signature(data: bytes, key: rsa.Key, epoch: int) -> bytes:
    """The stream that signs the one that `data` is: the part of a package that says what it is, or a whole index."""
    made = key.sign(data)
    info = tarfile.TarInfo(f".SIGN.RSA256.{key.file}")
    info.size, info.mtime = len(made), epoch
    tar = info.tobuf(tarfile.USTAR_FORMAT) + made + bytes(-len(made) % tarfile.BLOCKSIZE)
    return gzips.small(tar, gzips.BEST)
