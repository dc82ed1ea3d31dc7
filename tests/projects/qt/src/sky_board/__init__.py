"""A window of Qt's: text with the system's fonts, a file of this package's drawn by a plugin of Qt's, a table, a network class."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtGui import QFontDatabase, QPixmap
from PySide6.QtNetwork import QSslSocket
from PySide6.QtWidgets import QApplication, QLabel, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

FACTS = (("Clouds", "three"), ("Birds", "none"))


def board() -> QWidget:
    """The window. Raises RuntimeError when a part of Qt's does not work."""
    picture = QPixmap(str(Path(__file__).with_name("sky.svg")))
    if picture.isNull():
        raise RuntimeError("Qt has no plugin that reads SVG")
    if not QFontDatabase.families():
        raise RuntimeError("Qt finds no font")
    if not QSslSocket.supportsSsl():
        raise RuntimeError("Qt has no TLS")
    drawn, table = QLabel(), QTableWidget(len(FACTS), 2)
    drawn.setPixmap(picture)
    for row, texts in enumerate(FACTS):
        for column, text in enumerate(texts):
            table.setItem(row, column, QTableWidgetItem(text))
    window = QWidget()
    window.setWindowTitle("The sky today")
    layout = QVBoxLayout(window)
    layout.addWidget(QLabel("The sky today"))
    layout.addWidget(drawn)
    layout.addWidget(table)
    return window


def main() -> int:
    """Show the board until it is closed."""
    application = QApplication(sys.argv)
    window = board()
    QTimer.singleShot(0, window.show)
    return application.exec()
