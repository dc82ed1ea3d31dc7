"""Where the files of packages lie that nothing in a bare system installs: where their own managers would have put them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from coldforge.errors import BuildFailed
from coldforge.plan import names, snaps
from coldforge.plan.model import Plan
from coldforge.smoke import unpacked
from coldforge.smoke.machine import INBOX, Machine

_APP: Final = "/app"  # where a flatpak sees its own files


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """The folder of a package's programs, and what they are told of where they are."""

    path: str
    env: Mapping[str, str] = field(default_factory=dict)


def lay_out(plan: Plan, package: Path, form: str, machine: Machine) -> Laid:
    """Put the files of a package of a format in place. Raises BuildFailed when it holds no such files."""
    with unpacked.files_of(package, form) as tar:
        return _PLACES.get(form, _below_a_root)(plan, form, machine, tar)


def _below_a_root(_plan: Plan, form: str, machine: Machine, tar: Path) -> Laid:
    """An ipk or apk: below a folder of its own, as other packages have had the same paths."""
    root = f"{INBOX}/{form}"
    machine.lay_out(tar, root)
    return Laid(path=f"{root}/usr/bin")


def _archive(plan: Plan, form: str, machine: Machine, tar: Path) -> Laid:
    folder = f"{INBOX}/{form}"
    machine.lay_out(tar, folder, top=names.archive_folder(plan.product.name, names.Version.parse(plan.product.version)))
    return Laid(path=folder)


def _flatpak(plan: Plan, _form: str, machine: Machine, tar: Path) -> Laid:
    machine.lay_out(tar, _APP, top="files")
    return Laid(path=f"{_APP}/bin", env={"FLATPAK_ID": plan.product.identifier})


def _snap(plan: Plan, form: str, machine: Machine, tar: Path) -> Laid:
    """Its programs by the names of the executables, each a link to what the snap says that starts it."""
    import yaml

    name = snaps.name(plan.product, plan.config)
    place, commands = f"/snap/{name}/x1", f"{INBOX}/{form}"  # x1 is the first revision of what comes from no store
    machine.lay_out(tar, place)
    said = yaml.safe_load(machine.root(["cat", f"{place}/meta/snap.yaml"]))
    machine.root(["mkdir", "-p", commands])
    try:
        found = {program: str(said["apps"][app]["command"]) for program, app in snaps.apps(plan.product, plan.config).items()}
        env = {"SNAP": place, "SNAP_NAME": str(said["name"]), "SNAP_VERSION": str(said["version"]), "SNAP_REVISION": "x1"}
    except (KeyError, TypeError) as error:
        raise BuildFailed("the snap does not say what starts its programs", why=f"meta/snap.yaml lacks {error}.") from error
    for program, command in found.items():
        machine.root(["ln", "-s", f"{place}/{command}", f"{commands}/{program}"])
    return Laid(path=commands, env=env)


_PLACES: Final = {"tar.zst": _archive, "flatpak": _flatpak, "snap": _snap}
