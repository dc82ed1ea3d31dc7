"""The registry: one line a format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from coldforge.bundle import Bundler
from coldforge.bundle.archive import TarGz, TarZst
from coldforge.bundle.linux.apk import Apk
from coldforge.bundle.linux.appimage import AppImage
from coldforge.bundle.linux.arch import Arch
from coldforge.bundle.linux.deb import Deb
from coldforge.bundle.linux.flatpak import Flatpak
from coldforge.bundle.linux.ipk import Ipk
from coldforge.bundle.linux.rpm import Rpm
from coldforge.bundle.linux.snap import Snap
from coldforge.bundle.linux.zsync import Zsync
from coldforge.bundle.macos.app import AppTarGz, AppZip
from coldforge.bundle.macos.dmg import Dmg
from coldforge.bundle.macos.pkg import Pkg
from coldforge.bundle.onefile import OneFile
from coldforge.bundle.sbom import Sbom
from coldforge.bundle.windows.msi import Msi
from coldforge.bundle.windows.msix import Msix
from coldforge.bundle.windows.nsis import Nsis
from coldforge.bundle.windows.portable import Zip

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
