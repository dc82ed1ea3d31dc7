"""What is refused before anything is fetched: targets that cannot be rebuilt here, and places where it may not run."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge import __version__
from coldforge.errors import ConfigurationError, Missing
from coldforge.host import engine
from coldforge.rebuilding import Options, rebuild
from coldforge.records import MANIFEST, Manifest, TargetRecord, canonical
from support.releases import make_release


def released(folder: Path, *targets: str, workshop: str = "") -> Path:
    """A release whose one target is recorded under these names."""
    manifest = make_release(folder)
    record = manifest.targets[0]
    environment = replace(record.environment, workshop=workshop or record.environment.workshop)
    records: tuple[TargetRecord, ...] = tuple(replace(record, target=name, environment=environment, artifacts=()) for name in targets)
    changed: Manifest = replace(manifest, coldforge=__version__, targets=records)
    (folder / MANIFEST).write_bytes(canonical(changed))
    return folder


def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("sys.platform", "linux")


def test_a_target_that_the_manifest_has_not(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has nothing for linux-aarch64") as caught:
        rebuild(released(tmp_path, "linux-x86_64"), Options(targets=("linux-arm64",)))
    assert caught.value.hint == "It has linux-x86_64."


def test_no_target_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="lists no target"):
        rebuild(released(tmp_path), Options())


def test_what_was_frozen_by_wine_is_rebuilt_by_wine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch)
    monkeypatch.setattr(engine, "configured", lambda: False)
    with pytest.raises(Missing, match="windows-x86_64 was frozen in a container, and there is no container engine"):
        rebuild(released(tmp_path, "windows-x86_64"), Options())


@pytest.mark.parametrize("named", [(), ("windows-x86_64",)])
def test_a_target_of_another_system(named: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch)
    with pytest.raises(Missing, match="windows-x86_64 cannot be rebuilt on linux-x86_64"):
        rebuild(released(tmp_path, "windows-x86_64", workshop="host"), Options(targets=named))


def test_what_is_made_of_two_trees_needs_both(tmp_path: Path) -> None:
    """The manifest tells of one half only."""
    both = released(tmp_path, "macos-x86_64", "macos-universal2", workshop="host")
    with pytest.raises(Missing, match="macos-universal2 cannot be rebuilt"):
        rebuild(both, Options(targets=("macos-universal2",)))


def test_what_can_be_rebuilt_is_chosen_and_needs_an_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch)
    monkeypatch.setattr(engine, "configured", lambda: False)
    with pytest.raises(Missing, match="linux-x86_64 was frozen in a container, and there is no container engine") as caught:
        rebuild(released(tmp_path, "linux-x86_64", "windows-x86_64"), Options())
    assert "--host" in caught.value.hint


def test_code_runs_on_this_machine_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch)
    with pytest.raises(ConfigurationError, match="was frozen on a machine") as caught:
        rebuild(released(tmp_path, "linux-x86_64", workshop="host"), Options())
    assert "--host" in caught.value.hint
