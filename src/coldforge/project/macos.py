"""`[tool.coldforge.macos]`: what an application for macOS says of itself besides the product's metadata, and what is wrong with that."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, get_args

from msgspec import Meta, field

from coldforge.project.read import Findings, Part
from coldforge.project.section import Section

TABLE: Final = "macos"
Use = Literal[
    "apple-events", "bluetooth", "calendars", "camera", "contacts", "desktop-folder", "documents-folder", "downloads-folder",
    "local-network", "location", "microphone", "motion", "network-volumes", "photos", "reminders", "removable-volumes",
    "speech-recognition",
]  # fmt: skip
# What systems decide by, made from the product, the version and the floor: two answers would be one too many.
OWN_KEYS: Final = frozenset(
    {
        "CFBundleDocumentTypes", "CFBundleExecutable", "CFBundleIconFile", "CFBundleIdentifier", "CFBundleInfoDictionaryVersion",
        "CFBundlePackageType", "CFBundleShortVersionString", "CFBundleURLTypes", "CFBundleVersion", "LSMinimumSystemVersion",
        "UTExportedTypeDeclarations",
    }
)  # fmt: skip
# https://developer.apple.com/documentation/bundleresources/information-property-list/lsapplicationcategorytype
_CATEGORY: Final = r"^([a-z]+(-[a-z]+)*)?$"


class MacosConfig(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.macos]`: what an application for macOS says of itself (Info.plist) besides the product's metadata.

    Kinds of files and schemes of URLs are those of the executable that stands for the product: `file-associations` and `url-schemes`.
    The oldest system is the target's `floor`.
    """

    category: Annotated[
        str,
        Meta(
            description="What kind of program it is, in Apple's words without `public.app-category.`, such as `developer-tools`; "
            "default: made from `categories`.",
            pattern=_CATEGORY,
        ),
    ] = ""
    agent: Annotated[bool, Meta(description="A program without an icon in the Dock, such as one in the menu bar.")] = False
    usage: Annotated[
        Mapping[Use, str],
        Meta(description='What it uses, and why, as the system asks the user: `microphone = "To record what you say."`.'),
    ] = field(default_factory=dict)
    entitlements: Annotated[
        Mapping[str, Mapping[str, Any]],
        Meta(
            description="What executables may do besides what `signing/entitlements.plist` lets all do, by the executable's name: "
            '`demo = { "com.apple.security.device.audio-input" = true }`; `false` takes one away.'
        ),
    ] = field(default_factory=dict)
    plist: Annotated[
        Mapping[str, Any], Meta(description="More keys of Info.plist as they are: texts, numbers, true and false, lists, tables.")
    ] = field(default_factory=dict)


def usage_key(use: str) -> str:
    """Apple's key for a usage text.

    >>> usage_key("speech-recognition")
    'NSSpeechRecognitionUsageDescription'
    """
    plain = {
        "photos": "PhotoLibrary",
        "bluetooth": "BluetoothAlways",
        "calendars": "CalendarsFullAccess",
        "reminders": "RemindersFullAccess",
    }
    return f"NS{plain.get(use) or use.title().replace('-', '')}UsageDescription"


def check_macos(tool: Part, config: MacosConfig, findings: Findings) -> None:
    """Find what no Info.plist can hold, or what stands in it already; `tool` is `[tool.coldforge]`."""
    table = tool.part(TABLE, findings=findings)
    for use, text in config.usage.items():
        if not text.strip():
            findings.add(f"the usage text of {use} is empty", table.where("usage", use), "macOS shows it to the user, who decides by it")
    usages = {usage_key(use) for use in get_args(Use)}
    for key, value in config.plist.items():
        where = table.where("plist", key)
        if key in OWN_KEYS:
            findings.add(f"{key} is made from the product, its version and the target's floor", where, "remove it")
        elif key in usages:
            findings.add(f"{key} has a place of its own", where, f"write it into [tool.coldforge.{TABLE}.usage]")
        for problem in _unfit(value):
            findings.add(f"{key} {problem}", where, "Info.plist has texts, numbers, true and false, lists and tables")


def _unfit(value: Any) -> Iterator[str]:
    """What of a value no property list can hold, or not the same way twice."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _unfit(each)
    elif isinstance(value, list):
        for each in value:
            yield from _unfit(each)
    elif isinstance(value, str):
        if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", value):
            yield "has a control character"
    elif not isinstance(value, bool | int | float):
        yield f"has a {type(value).__name__}"
