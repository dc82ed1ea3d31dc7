"""What Windows reads in a program before it runs: the version, the manifest and the icon.

They are made while the program is: its archive is appended to it, and would be lost if they were changed afterwards.
Sources: https://learn.microsoft.com/windows/win32/menurc/versioninfo-resource and …/win32/sbscs/application-manifests
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

LANGUAGE, CODE_PAGE = 0x0409, 1200  # English of the United States, in Unicode: what every Windows finds
# Windows 7 to 11; paths of any length, UTF-8 for functions that know nothing of Unicode, and sharp pictures on every screen.
MANIFEST = """\
<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
  <compatibility xmlns="urn:schemas-microsoft-com:compatibility.v1">
    <application>
      <supportedOS Id="{35138b9a-5d96-4fbd-8e2d-a2440225f93a}"></supportedOS>
      <supportedOS Id="{4a2f28e3-53b9-4441-ba9c-d69d4a4a6e38}"></supportedOS>
      <supportedOS Id="{1f676c76-80e1-4239-95bb-83d0f6d0da78}"></supportedOS>
      <supportedOS Id="{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}"></supportedOS>
    </application>
  </compatibility>
  <application xmlns="urn:schemas-microsoft-com:asm.v3">
    <windowsSettings>
      <longPathAware xmlns="http://schemas.microsoft.com/SMI/2016/WindowsSettings">true</longPathAware>
      <activeCodePage xmlns="http://schemas.microsoft.com/SMI/2019/WindowsSettings">UTF-8</activeCodePage>
      <dpiAware xmlns="http://schemas.microsoft.com/SMI/2005/WindowsSettings">true/pm</dpiAware>
      <dpiAwareness xmlns="http://schemas.microsoft.com/SMI/2016/WindowsSettings">PerMonitorV2, PerMonitor</dpiAwareness>
    </windowsSettings>
  </application>
</assembly>
"""


def resources(told: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The words of an EXE for the program `name`; none on other systems. PyInstaller adds to the manifest whose rights it asks for.

    `told` has `strings` of the version, with those of this program added here, its `numbers`, and the path of the `icon`, if there is one.
    """
    if os.name != "nt":
        return {}
    return {"version": version_of(told, name), "manifest": MANIFEST, "icon": told["icon"] or "NONE"}


def version_of(told: Mapping[str, Any], name: str) -> Any:
    """The version resource."""
    from PyInstaller.utils.win32 import versioninfo as info

    strings = {**told["strings"], "InternalName": name, "OriginalFilename": f"{name}.exe"}
    table = info.StringTable(f"{LANGUAGE:04X}{CODE_PAGE:04X}", [info.StringStruct(key, strings[key]) for key in sorted(strings)])
    numbers = tuple(told["numbers"])
    return info.VSVersionInfo(
        ffi=info.FixedFileInfo(filevers=numbers, prodvers=numbers, mask=0x3F, flags=0, OS=0x40004, fileType=1, subtype=0),
        kids=[info.StringFileInfo([table]), info.VarFileInfo([info.VarStruct("Translation", [LANGUAGE, CODE_PAGE])])],
    )
