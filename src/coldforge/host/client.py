"""How this machine's user reaches package indexes: handed to the phase that may use the network, and to nothing else."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from coldforge.host import files
from coldforge.host.secrets import hide

CLIENT: Final = "client"  # the folder that everything is carried into
# An allow-list: where indexes are and how they are reached. What a build makes is never up to the environment.
_FILES: Final = (
    "CURL_CA_BUNDLE", "NETRC", "PIP_CERT", "PIP_CLIENT_CERT", "PIP_CONFIG_FILE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CLIENT_CERT",
    "UV_CONFIG_FILE",
)  # fmt: skip
_FOLDERS: Final = ("SSL_CERT_DIR",)
_LINKS: Final = ("UV_FIND_LINKS",)  # pip's own are not copied: uv, which does the work, does not read them
_PLAIN: Final = (
    "ALL_PROXY", "FTP_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "PIP_DEFAULT_TIMEOUT", "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL",
    "PIP_NO_INDEX", "PIP_PROXY", "PIP_RETRIES", "PIP_TIMEOUT", "PIP_TRUSTED_HOST", "UV_CONCURRENT_DOWNLOADS", "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL", "UV_HTTP_CONNECT_TIMEOUT", "UV_HTTP_RETRIES", "UV_HTTP_TIMEOUT", "UV_INDEX", "UV_INDEX_STRATEGY", "UV_INDEX_URL",
    "UV_INSECURE_HOST", "UV_KEYRING_PROVIDER", "UV_NATIVE_TLS", "UV_NO_CONFIG", "UV_NO_INDEX", "UV_OFFLINE", "UV_PYTHON_DOWNLOADS_JSON_URL",
    "UV_PYTHON_INSTALL_MIRROR", "UV_REQUEST_TIMEOUT", "UV_SYSTEM_CERTS",
)  # fmt: skip
_ALLOWED: Final = frozenset({*_FILES, *_FOLDERS, *_LINKS, *_PLAIN})
_OF_AN_INDEX: Final = re.compile(r"UV_INDEX_\w+_(?:USERNAME|PASSWORD)")
_SECRET: Final = re.compile(r"://([^/@\s\"']+)@|^\s*password\s*=\s*[\"']?([^\s\"']+)|\bpassword\s+(\S+)", re.MULTILINE)
# What the programs would find by themselves in a home folder that they do not get to see.
_AT_HOME: Final = (
    ("UV_CONFIG_FILE", ("{config}/uv/uv.toml", "/etc/uv/uv.toml")),
    ("PIP_CONFIG_FILE", ("{config}/pip/pip.conf", "{home}/.pip/pip.conf")),
    ("NETRC", ("{home}/.netrc",)),
)


def client_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that say how indexes are reached, and the user's own files as such variables. Credentials are hidden from outputs."""
    chosen = {name: value for name, value in environment.items() if value and (name.upper() in _ALLOWED or _OF_AN_INDEX.fullmatch(name))}
    for name, places in _AT_HOME:
        if found := next((path for path in _places(environment, places) if path.is_file()), None):
            chosen.setdefault(name, str(found))
    for name, value in sorted(chosen.items()):
        for secret in (value,) if name.endswith("_PASSWORD") else secrets(_text(name, value)):
            hide(secret)
    return chosen


def _places(environment: Mapping[str, str], places: tuple[str, ...]) -> Iterator[Path]:
    home = environment.get("HOME", "")
    config = environment.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    for place in places:
        path = place.format(home=home, config=config)
        if path.startswith("/") and (home or "{home}" not in place):
            yield Path(path)


def _text(name: str, value: str) -> str:
    """A value, with the content of the configuration file that it names."""
    if name not in ("UV_CONFIG_FILE", "PIP_CONFIG_FILE", "NETRC"):
        return value
    try:
        return Path(value).read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):  # a name with a NUL is none of a file
        return value


def secrets(text: str) -> Iterator[str]:
    """Every credential in a text: of URLs as they stand and decoded, and the passwords of configuration files and netrc.

    >>> sorted(secrets("https://ada:b%40c@example.org/simple"))
    ['ada:b%40c', 'b%40c', 'b@c']
    """
    for match in _SECRET.finditer(text):
        whole = next(group for group in match.groups() if group)
        password = whole.partition(":")[2] or whole if match[1] else whole
        yield from {whole, password, unquote(password)}


def carry_in(client: Mapping[str, str], *, put: Callable[[Path, str], None], path: Callable[[str], str]) -> dict[str, str]:
    """Copy the files and folders that the variables name to a place where nothing else is known of this machine.

    `put` copies a file or folder to a name below that place, `path` tells how it is called there. A variable that
    names nothing which exists is left out.
    """
    carried: dict[Path, str] = {}

    def bring(source: Path, name: str) -> str:
        source = source.resolve()
        if source not in carried:
            put(source, name)
            carried[source] = path(name)
        return carried[source]

    inside = {name: value for name, value in client.items() if name not in (*_FILES, *_FOLDERS, *_LINKS)}
    inside |= {name: bring(Path(client[name]), f"{CLIENT}/{name.lower()}") for name in _FILES if Path(client.get(name, "")).is_file()}
    inside |= {name: _certificates(Path(client[name]), name, put, path) for name in _FOLDERS if name in client}
    inside |= {name: _links(client[name], bring) for name in _LINKS if name in client}
    return {name: value for name, value in inside.items() if value}


def _certificates(source: Path, name: str, put: Callable[[Path, str], None], path: Callable[[str], str]) -> str:
    """Folders of certificates are made of links to all over the system: their content is copied."""
    if not source.is_dir():
        return ""
    with files.scratch("certificates") as folder:
        for item in sorted(source.iterdir()):
            if item.is_file():
                shutil.copyfile(item, folder / item.name)
        put(folder, f"{CLIENT}/{name.lower()}")
    return path(f"{CLIENT}/{name.lower()}")


def _links(value: str, bring: Callable[[Path, str], str]) -> str:
    """Folders of wheels go along, addresses stay."""
    found = []
    for number, item in enumerate(filter(None, value.split(","))):
        local = Path(item.removeprefix("file://"))
        if local.is_dir():
            found.append(bring(local, f"{CLIENT}/links-{number}"))
        elif "://" in item and not item.startswith("file:"):
            found.append(item)
    return ",".join(found)
