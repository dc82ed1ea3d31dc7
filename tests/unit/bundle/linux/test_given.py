"""What a project gives to packages: entries as they are in the project, and a clash is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge.bundle.linux import given
from coldforge.bundle.linux.installed import check, packaged
from coldforge.bundle.tree import load
from coldforge.errors import ConfigurationError
from coldforge.project.config import Config, Executable
from coldforge.project.linux import LinuxConfig
from support import payloads


def write(folder: Path, *names: str, mode: int = 0o644) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
        (folder / name).chmod(mode)


def test_entries_are_as_in_the_project_whatever_the_umask(tmp_path: Path) -> None:
    write(tmp_path, "data/conf", mode=0o600)
    write(tmp_path, "data/tool", mode=0o700)
    write(tmp_path, "demo.service", mode=0o755)
    (tmp_path / "data" / "empty").mkdir(mode=0o700)
    (tmp_path / "data" / "link").symlink_to("tool")
    config = LinuxConfig(files={"/etc/demo": "data"}, units=("demo.service",))
    entries = {node.path: node for node in given.nodes(tmp_path, config)}
    assert {path: (node.mode, node.link, node.config) for path, node in entries.items()} == {
        "etc/demo": (0o755, "", False),
        "etc/demo/conf": (0o644, "", True),
        "etc/demo/empty": (0o755, "", False),
        "etc/demo/link": (0o777, "tool", False),
        "etc/demo/tool": (0o755, "", True),
        "usr/lib/systemd/system/demo.service": (0o644, "", False),
    }


@pytest.mark.parametrize(
    ("line", "files", "problem"),
    [
        ('"/usr/bin/demo" = "x"', {"/usr/bin/demo": "x"}, "/usr/bin/demo is installed already, from elsewhere"),
        ('"/usr/bin/demo/x" = "x"', {"/usr/bin/demo/x": "x"}, "/usr/bin/demo/x would lie in /usr/bin/demo, which is no folder"),
        ('"/usr/bin" = "x"', {"/usr/bin": "x"}, "/usr/bin is installed already, from elsewhere"),
        ('"/" = "root"', {"/": "root"}, "/usr/bin/demo is installed already, from elsewhere"),
    ],
)
def test_a_clash_is_told_with_its_line_before_anything_is_built(line: str, files: dict[str, str], problem: str, tmp_path: Path) -> None:
    write(tmp_path, "x", "root/usr/bin/demo")
    (tmp_path / "pyproject.toml").write_text(f"[tool.coldforge.linux.files]\n{line}\n")
    plan, _ = payloads.make(tmp_path, config=Config(linux=LinuxConfig(files=files)))
    with pytest.raises(ConfigurationError, match="would clash") as caught:
        check(plan, tmp_path)
    assert [str(found) for found in caught.value.problems] == [f"{tmp_path}/pyproject.toml:2: {problem} (install it in another place)"]


def test_two_that_the_project_gives_clash_as_well(tmp_path: Path) -> None:
    write(tmp_path, "demo.service", "other")
    (tmp_path / "coldforge.toml").write_text('[linux]\nfiles."/usr/lib/systemd/system/demo.service" = "other"\nunits = ["demo.service"]\n')
    config = LinuxConfig(files={"/usr/lib/systemd/system/demo.service": "other"}, units=("demo.service",))
    plan, _ = payloads.make(tmp_path, config=Config(linux=config))
    with pytest.raises(ConfigurationError) as caught:
        given.refuse_clashes(given.nodes(tmp_path, config), [], tmp_path, plan)
    assert str(caught.value.problems[0]).startswith(
        f"{tmp_path}/coldforge.toml:2: /usr/lib/systemd/system/demo.service is installed already"
    )


def test_a_clash_with_the_tree_is_found_when_it_is_packaged(tmp_path: Path) -> None:
    write(tmp_path, "x")
    (tmp_path / "pyproject.toml").write_text('[tool.coldforge.linux.files]\n"/usr/lib/demo/demo" = "x"\n')
    job = payloads.job(tmp_path, "deb", config=Config(linux=LinuxConfig(files={"/usr/lib/demo/demo": "x"})))
    (tmp_path / "scratch").mkdir()
    tree = load(job.payload, job.folder / "payload", payloads.EPOCH)
    with pytest.raises(ConfigurationError, match="would clash"):
        packaged(job, tree, [], package="demo", scratch=tmp_path / "scratch")


def test_completions_are_found_by_their_names(tmp_path: Path) -> None:
    write(tmp_path, "completions/demo.bash", "completions/_aid", "completions/demo.fish", "completions/other.bash")
    product = replace(payloads.PRODUCT, executables=(*payloads.PRODUCT.executables, Executable(name="aid", entry="demo:aid")))
    assert dict(given.completions(product, tmp_path, zsh="vendor-completions")) == {
        "usr/share/bash-completion/completions/demo": b"completions/demo.bash",
        "usr/share/fish/vendor_completions.d/demo.fish": b"completions/demo.fish",
        "usr/share/zsh/vendor-completions/_aid": b"completions/_aid",
    }
