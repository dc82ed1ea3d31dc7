"""What a workshop is told of this machine: how indexes are reached, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldforge.host.client import carry_in, client_environment, secrets
from coldforge.host.secrets import redact


@pytest.mark.parametrize(
    "name",
    ["UV_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_INDEX_URL", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
     "REQUESTS_CA_BUNDLE", "UV_INDEX_INTERNAL_USERNAME", "UV_INSECURE_HOST"],
)  # fmt: skip
def test_how_indexes_are_reached_is_handed_on(name: str) -> None:
    assert client_environment({name: "value"}) == {name: "value"}


@pytest.mark.parametrize(
    "name",
    ["GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "UV_PUBLISH_TOKEN", "UV_PUBLISH_PASSWORD", "TWINE_PASSWORD", "PYTHONPATH", "LD_LIBRARY_PATH",
     "LD_PRELOAD", "HOME", "PATH", "UV_CACHE_DIR", "UV_PYTHON", "UV_NO_VERIFY_HASHES", "UV_OVERRIDE", "UV_PRERELEASE", "UV_EXCLUDE_NEWER",
     "PIP_TARGET", "PIP_REQUIRE_VIRTUALENV", "UV_INDEX_A B_PASSWORD", "XUV_INDEX", "SSH_AUTH_SOCK", "COLDFORGE_CACHE"],
)  # fmt: skip
def test_nothing_else_is(name: str) -> None:
    assert client_environment({name: "value"}) == {}


@given(
    st.dictionaries(st.text(st.characters(codec="ascii", categories=("L", "N"), include_characters="_"), min_size=1), st.text(min_size=1))
)
def test_no_other_name_ever_passes(environment: dict[str, str]) -> None:
    passed = client_environment({name: value for name, value in environment.items() if name not in {"HOME", "XDG_CONFIG_HOME"}})
    assert all(name.upper().startswith(("UV_", "PIP_", "SSL_")) or name.upper().endswith(("_PROXY", "_BUNDLE", "NETRC")) for name in passed)


def test_the_users_own_files_are_named_since_home_is_not_shared(tmp_path: Path) -> None:
    for name in (".config/uv/uv.toml", ".config/pip/pip.conf", ".netrc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert client_environment({"HOME": str(tmp_path)}) == {
        "UV_CONFIG_FILE": f"{tmp_path}/.config/uv/uv.toml",
        "PIP_CONFIG_FILE": f"{tmp_path}/.config/pip/pip.conf",
        "NETRC": f"{tmp_path}/.netrc",
    }
    assert client_environment({"HOME": str(tmp_path), "UV_CONFIG_FILE": "/mine"})["UV_CONFIG_FILE"] == "/mine"


def test_credentials_are_hidden_from_all_output(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine index.example login ada password netrc-pass-1\n")
    (tmp_path / ".config" / "uv").mkdir(parents=True)
    (tmp_path / ".config/uv/uv.toml").write_text('[[index]]\nurl = "https://ada:toml-pass-2@index.example/simple"\n')
    client_environment(
        {
            "HOME": str(tmp_path),
            "UV_INDEX": "inner=https://ada:url%2Dpass-3@index.example/simple https://tok-pass-4@other.example/simple",
            "UV_INDEX_INNER_PASSWORD": "plain-pass-5",
            "HTTPS_PROXY": "http://proxy:prox-pass-6@proxy.example:3128",
        }
    )
    for secret in ("netrc-pass-1", "toml-pass-2", "url%2Dpass-3", "url-pass-3", "tok-pass-4", "plain-pass-5", "prox-pass-6"):
        assert secret not in redact(f"error: 401 for {secret} at the index")


def test_credentials_are_found_in_every_spelling() -> None:
    assert set(secrets("https://ada:b%40c@example.org/simple")) == {"ada:b%40c", "b%40c", "b@c"}
    assert set(secrets("https://example.org/simple?x=a@b")) == set()
    assert set(secrets('password = "in-a-file"')) == {"in-a-file"}


@pytest.fixture
def carried(tmp_path: Path) -> tuple[Path, Callable[[dict[str, str]], dict[str, str]]]:
    """Where things are carried to, and what carries them."""
    inside = tmp_path / "inside"

    def put(source: Path, name: str) -> None:
        target = inside / name
        target.parent.mkdir(parents=True, exist_ok=True)
        assert not source.is_symlink(), "a link would lead to nothing there"
        if source.is_dir():
            target.mkdir()
            for item in source.iterdir():
                assert not item.is_symlink()
                (target / item.name).write_bytes(item.read_bytes())
        else:
            target.write_bytes(source.read_bytes())

    return inside, lambda client: carry_in(client, put=put, path=lambda name: f"/there/{name}")


def test_files_go_along_under_fixed_names_and_once(carried: tuple[Path, Callable[..., dict[str, str]]], tmp_path: Path) -> None:
    inside, carry = carried
    (tmp_path / "real.pem").write_text("certificates")
    (tmp_path / "bundle.pem").symlink_to("real.pem")
    client = {
        "SSL_CERT_FILE": str(tmp_path / "bundle.pem"),
        "PIP_CERT": str(tmp_path / "real.pem"),
        "UV_INDEX_URL": "https://index.example",
    }
    there = carry(client)
    assert there["SSL_CERT_FILE"] == there["PIP_CERT"]
    assert there["UV_INDEX_URL"] == "https://index.example"
    assert [path.read_text() for path in inside.rglob("*") if path.is_file()] == ["certificates"]
    assert (inside / Path(there["PIP_CERT"]).relative_to("/there")).is_file()


def test_folders_of_certificates_go_along_with_what_their_links_mean(
    carried: tuple[Path, Callable[..., dict[str, str]]], tmp_path: Path
) -> None:
    inside, carry = carried
    (tmp_path / "elsewhere.crt").write_text("one")
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs" / "abcd.0").symlink_to(tmp_path / "elsewhere.crt")
    (tmp_path / "certs" / "dangling.0").symlink_to("nowhere")
    there = carry({"SSL_CERT_DIR": str(tmp_path / "certs")})
    assert [path.name for path in (inside / Path(there["SSL_CERT_DIR"]).relative_to("/there")).iterdir()] == ["abcd.0"]


def test_folders_of_wheels_go_along_and_addresses_stay(carried: tuple[Path, Callable[..., dict[str, str]]], tmp_path: Path) -> None:
    inside, carry = carried
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "a.whl").write_text("")
    there = carry({"UV_FIND_LINKS": f"{tmp_path}/wheels,https://links.example,file://{tmp_path}/wheels,/absent"})
    folder, address, again = there["UV_FIND_LINKS"].split(",")
    assert address == "https://links.example"
    assert folder == again
    assert (inside / Path(folder).relative_to("/there") / "a.whl").is_file()


def test_what_does_not_exist_is_not_named(carried: tuple[Path, Callable[..., dict[str, str]]]) -> None:
    _, carry = carried
    assert carry({"SSL_CERT_FILE": "/absent/a.pem", "SSL_CERT_DIR": "/absent/certs", "UV_FIND_LINKS": "/absent/wheels"}) == {}
