"""pdfplumber's own command line, and a picture of a page: the compiled parts of what it depends on."""

from __future__ import annotations

import sys
from pathlib import Path

import pdfplumber.cli


def main() -> None:
    """`pagetext picture IN.pdf OUT.png` draws the first page; everything else is pdfplumber's."""
    if sys.argv[1:2] == ["picture"]:
        picture(*map(Path, sys.argv[2:4]))
    else:
        pdfplumber.cli.main()


def picture(source: Path, destination: Path) -> None:
    """Draw the first page, with a frame around every word."""
    with pdfplumber.open(source) as document:
        page = document.pages[0]
        page.to_image(resolution=72).draw_rects(page.extract_words()).save(destination, format="PNG")
