"""A window of customtkinter: themes and fonts are data of that package, Tk draws text with the system's fonts, Pillow a picture."""

from __future__ import annotations

import customtkinter
from PIL import Image

COLOURS = ((200, 30, 40), (20, 140, 60))


def picture(width: int, height: int) -> Image.Image:
    """Stripes of the colours."""
    made = Image.new("RGB", (width, height))
    for number, colour in enumerate(COLOURS):
        made.paste(colour, (0, number * height // len(COLOURS), width, (number + 1) * height // len(COLOURS)))
    return made


def main() -> None:
    """Show the board until it is closed."""
    customtkinter.set_appearance_mode("dark")
    customtkinter.set_default_color_theme("green")
    root = customtkinter.CTk()
    root.title("Colours of the day")
    customtkinter.CTkLabel(root, text="Colours of the day").pack(padx=20, pady=20)
    shown = customtkinter.CTkImage(picture(300, 120), size=(300, 120))
    customtkinter.CTkLabel(root, text="", image=shown).pack(padx=20)
    customtkinter.CTkButton(root, text="Another day").pack(padx=20, pady=20)
    root.mainloop()
