"""PyInstaller's warnings as data."""

from __future__ import annotations

import logging
from typing import Any

found: list[dict[str, Any]] = []
"""Every warning so far: the logger, the template and the values."""


class Collector(logging.Handler):
    """Keeps warnings in `found`."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        values = [str(value) for value in record.args] if isinstance(record.args, tuple) else []
        found.append({"logger": record.name, "template": str(record.msg), "values": values})
