"""A tree laid out on the disk, for tools that read folders: modes, times and links as the tree has them, whatever this machine's umask."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from coldforge.bundle.tree import Tree


def lay_out(tree: Tree, folder: Path) -> None:
    """Copy the tree into an empty folder; every entry and the folder itself get the tree's time."""
    folder.mkdir(exist_ok=True)
    for node in tree:
        path = folder / node.path
        if node.link:
            path.symlink_to(node.link)
        elif node.source:
            shutil.copyfile(node.source, path)
            path.chmod(node.mode)
        else:
            path.mkdir()
    for node in reversed(tree.nodes):  # what is put into a folder changes its time
        path = folder / node.path
        if node.is_directory:
            path.chmod(node.mode)
        os.utime(path, (tree.epoch, tree.epoch), follow_symlinks=False)
    folder.chmod(0o755)
    os.utime(folder, (tree.epoch, tree.epoch))
