"""The registry: one line a format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from coldforge.bundle import Bundler
from coldforge.bundle.apk import Apk
from coldforge.bundle.app import AppTarGz, AppZip
from coldforge.bundle.appimage import AppImage
from coldforge.bundle.arch import Arch
from coldforge.bundle.archive import TarGz, TarZst
from coldforge.bundle.deb import Deb
from coldforge.bundle.dmg import Dmg
from coldforge.bundle.flatpak import Flatpak
from coldforge.bundle.ipk import Ipk
from coldforge.bundle.msi import Msi
from coldforge.bundle.msix import Msix
from coldforge.bundle.nsis import Nsis
from coldforge.bundle.onefile import OneFile
from coldforge.bundle.pkg import Pkg
from coldforge.bundle.portable import Zip
from coldforge.bundle.rpm import Rpm
from coldforge.bundle.sbom import Sbom
from coldforge.bundle.snap import Snap
from coldforge.bundle.zsync import Zsync

BUNDLERS: Final[Mapping[str, Callable[[], Bundler]]] = {
    "tar.gz": TarGz,
    "tar.zst": TarZst,
    "onefile": OneFile,
    "deb": Deb,
    "rpm": Rpm,
    "arch": Arch,
    "apk": Apk,
    "ipk": Ipk,
    "appimage": AppImage,
    "zsync": Zsync,
    "flatpak": Flatpak,
    "snap": Snap,
    "zip": Zip,
    "nsis": Nsis,
    "msi": Msi,
    "msix": Msix,
    "app.tar.gz": AppTarGz,
    "app.zip": AppZip,
    "dmg": Dmg,
    "pkg": Pkg,
    "sbom": Sbom,
}
