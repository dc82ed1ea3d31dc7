"""Where paths of a tree lead when its symbolic links are followed, without any file system: of trees that lie nowhere yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_MOST: Final = 64  # links on the way: more go in a circle


def followed(path: str, links: Mapping[str, str]) -> str:
    """The path with every link on its way followed; `links` are their texts by path, all relative with forward slashes.

    Empty where it leads out of the tree, to its root, or in a circle. Whether anything is there is not asked.

    >>> followed("lib/now/a", {"lib/now": "../old"})
    'old/a'
    """
    done: list[str] = []
    rest = path.split("/")[::-1]
    taken = 0
    while rest:
        part = rest.pop()
        if part == ".." and not done:
            return ""
        if part == "..":
            done.pop()
        elif part not in ("", "."):
            text = links.get("/".join([*done, part]))
            if text is None:
                done.append(part)
                continue
            taken += 1
            if taken > _MOST or text.startswith("/"):
                return ""
            rest += text.split("/")[::-1]
    return "/".join(done)
