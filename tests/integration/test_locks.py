"""Every kind of lock through the real uv, and an environment that nobody locked."""

from __future__ import annotations

import hashlib
import http.server
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from coldforge.errors import BuildFailed, ConfigurationError, Location
from coldforge.freeze.lock import find_lock, read_lock, uv
from coldforge.freeze.requirements import pins
from coldforge.freeze.resolve import resolve
from coldforge.host.clock import EARLIEST
from coldforge.project.config import EnvironmentConfig
from coldforge.report import Silent, use
from support.repository import PYPROJECT, TINY, write

pytestmark = pytest.mark.integration
WHEN = 1767323045  # 2026-01-02T03:04:05Z
GROUPED = PYPROJECT + '\n[project.optional-dependencies]\nfast = ["sniffio"]\n\n[dependency-groups]\nextra = ["iniconfig"]\n'
NONE = EnvironmentConfig()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with an extra and a group, without any lock."""
    return write(
        tmp_path / "tiny", {**{name: text for name, text in TINY.items() if name != "requirements.txt"}, "pyproject.toml": GROUPED}
    )


def do(project: Path, *words: str) -> None:
    subprocess.run([uv(), *words], cwd=project, check=True, capture_output=True)


def names(project: Path, config: EnvironmentConfig = NONE) -> list[str]:
    """What the project's lock holds for this configuration."""
    path = find_lock(project, config)
    assert path is not None
    return [pin.name for pin in pins(read_lock(path, project, config, python="3.11.7").text)]


def test_uv_lock_with_extras_and_groups(project: Path) -> None:
    do(project, "lock")
    assert names(project) == ["mdurl"]
    assert names(project, EnvironmentConfig(extras=("fast",), groups=("extra",))) == ["iniconfig", "mdurl", "sniffio"]


def test_a_uv_lock_that_is_behind_the_project_is_refused_and_left_as_it_is(project: Path) -> None:
    do(project, "lock")
    before = (project / "uv.lock").read_bytes()
    (project / "pyproject.toml").write_text(GROUPED.replace('["mdurl>=0.1"]', '["mdurl>=0.1", "iniconfig"]'), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"uv\.lock does not match") as caught:
        names(project)
    assert "uv lock" in caught.value.hint
    assert (project / "uv.lock").read_bytes() == before


def test_the_lock_of_a_workspace_is_that_of_its_members_and_none_may_be_frozen_beside_another(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["*"]\n', encoding="utf-8")
    library = PYPROJECT.replace('name = "tiny"', 'name = "library"').replace('["mdurl>=0.1"]', '["iniconfig"]')
    write(tmp_path / "library", {"pyproject.toml": library})
    project = write(tmp_path / "tiny", {"pyproject.toml": PYPROJECT})
    do(tmp_path, "lock")
    assert names(project) == ["mdurl"]  # and nothing of the others
    beside = PYPROJECT.replace('["mdurl>=0.1"]', '["mdurl>=0.1", "library"]') + "\n[tool.uv.sources]\nlibrary = { workspace = true }\n"
    (project / "pyproject.toml").write_text(beside, encoding="utf-8")
    do(tmp_path, "lock")
    with pytest.raises(ConfigurationError, match="a folder or a repository has none") as locked:
        names(project)
    assert [problem.what for problem in locked.value.problems] == ["no hash: -e ./library"]
    (tmp_path / "uv.lock").unlink()
    with pytest.raises(ConfigurationError, match="a folder or a repository has none") as resolved:
        resolve(project, NONE, epoch=WHEN, python="3.11.7")
    assert resolved.value.where == Location(project / "pyproject.toml", beside[: beside.index("[tool.uv.sources]")].count("\n") + 1)


def test_a_pylock_as_uv_writes_it_names_the_project_too(project: Path) -> None:
    do(project, "export", "--quiet", "--format", "pylock.toml", "--no-default-groups", "-o", "pylock.toml")
    (project / "uv.lock").unlink()
    assert "[packages.directory]" in (project / "pylock.toml").read_text() or "directory =" in (project / "pylock.toml").read_text()
    assert names(project) == ["mdurl"]


def test_resolved_as_of_the_commit_with_extras_and_groups(project: Path) -> None:
    lock = resolve(project, EnvironmentConfig(extras=("fast",), groups=("extra",)), epoch=WHEN, python="3.11.7")
    assert [pin.name for pin in pins(lock.text)] == ["iniconfig", "mdurl", "sniffio"]
    assert all(pin.distribution.hashes for pin in pins(lock.text))
    assert lock.resolved == lock.text


def test_a_dependency_that_is_newer_than_the_commit_is_never_taken(project: Path) -> None:
    with pytest.raises(BuildFailed, match="as of 2020-09-13") as caught:
        resolve(project, NONE, epoch=1600000000, python="3.11.7")
    assert "mdurl" in caught.value.why
    assert "2022" in caught.value.why  # when it was published


def test_without_a_commit_it_is_resolved_as_of_now(project: Path, said: list[str]) -> None:
    assert [pin.name for pin in pins(resolve(project, NONE, epoch=EARLIEST, python="3.11.7").text)] == ["mdurl"]
    assert "as of now (there is no commit" in said[0]


def test_an_index_that_tells_no_times(project: Path, said: list[str], index: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", index)
    lock = resolve(project, NONE, epoch=WHEN, python="3.11.7")
    assert [(pin.name, pin.version) for pin in pins(lock.text)] == [("mdurl", "0.9")]
    assert "as of now (the package index tells no upload times)" in said[0]


@pytest.fixture
def said() -> Iterator[list[str]]:
    """The warnings that were given."""
    texts: list[str] = []

    class Listening(Silent):
        def warn(self, text: str, *, where: Location | None = None) -> None:
            texts.append(text)

    use(Listening())
    yield texts
    use(Silent())


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """A package index on the loopback, as old ones are: a page of links with hashes."""
    wheel = tmp_path / "mdurl-0.9-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("mdurl.py", "")
        archive.writestr("mdurl-0.9.dist-info/METADATA", "Metadata-Version: 2.1\nName: mdurl\nVersion: 0.9\n")
        archive.writestr("mdurl-0.9.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("mdurl-0.9.dist-info/RECORD", "")
    data = wheel.read_bytes()
    page = f'<!DOCTYPE html><a href="/{wheel.name}#sha256={hashlib.sha256(data).hexdigest()}">{wheel.name}</a>'.encode()

    class Index(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            body = data if self.path.endswith(".whl") else page
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if body is page else "application/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(data if self.path.endswith(".whl") else page)

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()
        thread.join()
