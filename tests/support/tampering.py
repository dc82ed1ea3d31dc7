"""Systematic changes of evidence: every region of a document, at many places of each."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

Trail = tuple[Any, ...]


def regions(node: Any, trail: Trail = ()) -> Iterator[Trail]:
    """Every text in a document."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from regions(value, (*trail, key))
    if isinstance(node, str):
        yield trail


def encoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) if len(text) > 40 else None
    except ValueError:
        return None


def variants(text: str, places: int) -> Iterator[str]:
    """A text with each of many places in it changed: the bits of the bytes that it stands for, or the character."""
    data = encoded(text)
    for place in range(0, len(data or text), max(1, len(data or text) // places)):
        if data is None:
            yield text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        else:
            yield base64.b64encode(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]).decode()


def says_nothing(trail: Trail, whole: str, changed: str) -> bool:
    """Whether a change is in what nobody signed and nothing depends on: names of formats, and hints which key to try."""
    if trail[-1] == "envelope":  # a signed note: the text, then for every signature a name and the signature itself
        return meaning_of_note(whole) == meaning_of_note(changed)
    if trail[-1] == "signedTimestamp":  # its outer structure is not signed, what it says is
        return said_at(whole) == said_at(changed)
    return trail[-1] in ("mediaType", "hint", "keyid")


def meaning_of_note(text: str) -> tuple[str, bytes | None]:
    """What is signed, and the last signature; the last character of base64 has bits that stand for nothing."""
    return text.partition("\n\n")[0], encoded(text.rsplit(maxsplit=1)[-1])


def said_at(text: str) -> tuple[Any, bytes]:
    from rfc3161_client import decode_timestamp_response

    info = decode_timestamp_response(base64.b64decode(text)).tst_info
    return info.gen_time, info.message_imprint.message


def changes(document: Any, places: int = 24) -> Iterator[tuple[Trail, str, str]]:
    """Change every text in a document, at so many places each: where, what it was, what it is now. It is whole again afterwards."""
    for trail in list(regions(document)):
        node = document
        for key in trail[:-1]:
            node = node[key]
        whole = node[trail[-1]]
        for changed in variants(whole, places):
            node[trail[-1]] = changed
            yield trail, whole, changed
        node[trail[-1]] = whole
