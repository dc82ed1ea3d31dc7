"""How a key for macOS is given, what Apple's own tool would be told, and what executables may do."""

from __future__ import annotations

import plistlib
from dataclasses import replace
from pathlib import Path

import pytest

from coldforge import recipes
from coldforge.errors import ConfigurationError
from coldforge.filetypes import apple as tool
from coldforge.host.secrets import redact
from coldforge.sign import apple

ABOUT = tool.About(identifier="org.example.demo", runtime=True)
PLACE, RIGHTS = Path("demo"), Path("rights.plist")


@pytest.mark.parametrize(
    ("about", "server", "words"),
    [
        (ABOUT, apple.APPLES_SERVER, "--options runtime --timestamp"),
        (ABOUT, "https://stamps.example.org", "--options runtime --timestamp=https://stamps.example.org"),
        (replace(ABOUT, runtime=False), "", "--timestamp=none"),
        (replace(ABOUT, entitlements=b"x"), "", "--options runtime --timestamp=none --entitlements rights.plist"),
    ],
)
def test_what_apples_own_tool_is_told(about: tool.About, server: str, words: str) -> None:
    made = [str(word) for word in apple.codesign_words("Demo Ltd", about, PLACE, RIGHTS, server)]
    assert made == ["codesign", "--force", "--sign", "Demo Ltd", "--identifier", "org.example.demo", *words.split(), "demo"]


@pytest.mark.parametrize(("server", "word"), [(apple.APPLES_SERVER, "--timestamp"), ("", "--timestamp=none")])
def test_what_apples_own_tool_for_packages_is_told(server: str, word: str) -> None:
    made = [str(each) for each in apple.productsign_words("Demo Ltd", PLACE, RIGHTS, server)]
    assert made == ["productsign", "--sign", "Demo Ltd", word, "demo", "rights.plist"]


def test_what_all_executables_may_do_is_the_least(tmp_path: Path) -> None:
    usual = plistlib.loads(recipes.find("signing/entitlements.plist", tmp_path).read_bytes())
    assert usual == {"com.apple.security.cs.allow-unsigned-executable-memory": True}
    assert apple.entitlements({**usual, "com.apple.security.cs.allow-unsigned-executable-memory": False}) == b""
    assert plistlib.loads(apple.entitlements({**usual, "a": "b"})) == {**usual, "a": "b"}


def test_no_debugger_is_let_in() -> None:
    with pytest.raises(ConfigurationError, match="get-task-allow is not for programs that are released"):
        apple.entitlements({"com.apple.security.get-task-allow": True})
    assert apple.entitlements({"com.apple.security.get-task-allow": False}) == b""


def asked(env: dict[str, str], servers: tuple[str, ...] = (), **options: str | None) -> apple.Asked:
    return apple.asked({f"COLDFORGE_APPLE_{name.upper()}": value for name, value in options.items()}, servers, passphrase=None, env=env)


def test_without_a_word_it_is_nobodys_signature() -> None:
    found = asked({})
    assert found.is_empty
    assert found.servers == (apple.APPLES_SERVER,)


def test_servers_are_those_that_are_given_or_none() -> None:
    env = {apple.SERVERS: "https://a.example https://b.example"}
    assert asked(env).servers == ("https://a.example", "https://b.example")
    assert asked(env, ("none",)).servers == ()
    for wrong in (("ftp://a",), ("none", "https://a.example")):
        with pytest.raises(ConfigurationError, match="timestamp server"):
            asked({}, wrong)


def test_a_key_as_text_is_never_shown_and_not_on_a_command_line() -> None:
    text = "MIIKeyOfSomebodyInBase64=="
    assert asked({apple.KEY: text, apple.PASSPHRASE: "vertraulich"}).key == text
    assert text not in redact(f"it is {text}, vertraulich")
    assert "vertraulich" not in redact("it is vertraulich")
    with pytest.raises(ConfigurationError, match="on the command line"):
        asked({}, key="-----BEGIN PRIVATE KEY-----")


def test_a_keychain_is_opened_by_its_tool_alone() -> None:
    with apple.opened(asked({apple.KEY: "keychain:Demo Ltd"})) as key:
        assert (key.keychain, key.is_adhoc, key.identity) == ("Demo Ltd", False, None)
