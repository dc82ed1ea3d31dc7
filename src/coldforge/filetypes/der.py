"""DER, read strictly: values with a tag and a definite length. Source: ITU-T X.690."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

OCTETS: Final = 0x04
OID: Final = 0x06
SEQUENCE: Final = 0x30
SET: Final = 0x31
_DEEP: Final = 4  # bytes of a length


@dataclass(frozen=True, slots=True)
class Value:
    """One value: its tag, and where in `data` it begins, its content begins, and both end."""

    data: bytes
    tag: int
    start: int
    content: int
    end: int

    @property
    def whole(self) -> bytes:
        """Its bytes with tag and length."""
        return self.data[self.start : self.end]

    @property
    def bytes(self) -> bytes:
        """The bytes of its content."""
        return self.data[self.content : self.end]

    def __iter__(self) -> Iterator[Value]:
        """The values in it. Raises ValueError when its content is no row of values."""
        at = self.content
        while at < self.end:
            value = read(self.data, at, self.end)
            yield value
            at = value.end

    def of(self, tag: int) -> Value:
        """Itself. Raises ValueError when it is of another kind."""
        if self.tag != tag:
            raise ValueError(f"a value of the kind {tag:#x} is expected, not {self.tag:#x}")
        return self

    @property
    def oid(self) -> str:
        """An object identifier in dotted numbers. Raises ValueError when it is none."""
        numbers, number = [], 0
        for byte in self.of(OID).bytes:
            number = number << 7 | byte & 0x7F
            if not byte & 0x80:
                numbers.append(number)
                number = 0
        first = min(numbers[0] // 40, 2) if numbers else 0
        return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:]))) if numbers else ""


def read(data: bytes, start: int = 0, end: int | None = None) -> Value:
    """The value that begins at `start`. Raises ValueError when it is damaged, or reaches beyond `end`."""
    end = len(data) if end is None else end
    if start + 2 > end or data[start] & 0x1F == 0x1F:
        raise ValueError("a value is cut off, or has a long tag")
    content, length = start + 2, data[start + 1]
    if length & 0x80:
        count = length & 0x7F
        if not 0 < count <= _DEEP or content + count > end:
            raise ValueError("a length is damaged")
        length = int.from_bytes(data[content : content + count], "big")
        if length < 0x80 or length >> 8 * (count - 1) == 0:
            raise ValueError("a length is not as short as it can be")
        content += count
    if content + length > end:
        raise ValueError("a value is cut off")
    return Value(data, data[start], start, content, content + length)
