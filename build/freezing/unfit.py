"""What cannot be frozen as it was asked for."""

from __future__ import annotations


class Unfit(Exception):  # the word is the message's
    """Something in the project or its configuration: what is wrong, and what to do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint
