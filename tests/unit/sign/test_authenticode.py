"""How programs are to be signed is understood, and contradictions are refused before anything is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.errors import ConfigurationError
from coldforge.host.secrets import redact
from coldforge.sign import authenticode
from coldforge.sign.keys import given


def asked(env: dict[str, str], **options: str) -> authenticode.Asked:
    names = {"key": authenticode.KEY, "command": authenticode.COMMAND, "subject": authenticode.SUBJECT}
    return given(env=env, programs={names[name]: value for name, value in options.items()}).programs


def test_options_win_over_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "demo.pfx"
    file.write_bytes(b"key")
    env = {
        authenticode.KEY: "c2VjcmV0IGtleQ==",
        authenticode.SERVERS: "http://one.example http://two.example",
        authenticode.PASSPHRASE: "a passphrase",
    }
    assert asked(env, key=str(file)).key == str(file)
    found = asked(env)
    assert (found.key, found.servers) == ("c2VjcmV0IGtleQ==", ("http://one.example", "http://two.example"))
    assert redact("c2VjcmV0IGtleQ== a passphrase") == "*** ***"
    assert given(env=env).is_empty, "only `sign` looks for keys of this kind"
    assert not given(env=env, programs={}).is_empty


@pytest.mark.parametrize(
    ("env", "options", "why"),
    [
        ({authenticode.KEY: "x"}, {"command": "sign {file}", "subject": "Demo"}, "a key and a command"),
        ({}, {"command": "sign it", "subject": "Demo"}, "where the file goes"),
        ({}, {"command": "sign {file}"}, "whom the command signs as"),
        ({}, {"command": "sign '{file}", "subject": "Demo"}, "no command line"),
        ({}, {"key": "pkcs11:object=code"}, "takes a module"),
        ({}, {"key": "-----BEGIN PRIVATE KEY-----"}, "on the command line"),
        ({authenticode.SERVERS: "timestamp.example"}, {"key": "x"}, "no timestamp server"),
    ],
)
def test_contradictions(env: dict[str, str], options: dict[str, str], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        asked(env, **options)
