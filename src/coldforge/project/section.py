"""The base of every table of the configuration."""

from __future__ import annotations

from msgspec import Struct


class Section(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """The base of every table of the configuration: immutable, kebab-case, no unknown keys."""
