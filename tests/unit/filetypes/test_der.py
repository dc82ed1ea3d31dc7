"""DER is read strictly: what two readers could take for two things is refused."""

from __future__ import annotations

import pytest

from coldforge.filetypes import der


def test_values_in_values() -> None:
    whole = der.read(bytes.fromhex("300a 0601 2a 0403 616263 0500"))
    name, text, nothing = whole.of(der.SEQUENCE)
    assert (name.oid, text.of(der.OCTETS).bytes, nothing.whole) == ("1.2", b"abc", b"\x05\x00")
    assert der.read(bytes.fromhex("06092a864886f70d010702")).oid == "1.2.840.113549.1.7.2"
    assert der.read(b"\x04\x81\x80" + bytes(128)).end == 131
    with pytest.raises(ValueError, match="of the kind 0x30"):
        text.of(der.SEQUENCE)


@pytest.mark.parametrize(
    "data", ["", "30", "3003 0401", "3080 0000", "1f8101 00", "0481 7f", "0482 0080", "0485 0000000001 00", "0403 6162"], ids=repr
)
def test_damage(data: str) -> None:
    with pytest.raises(ValueError, match=r"cut off|damaged|as short as"):
        list(der.read(bytes.fromhex(data)))
