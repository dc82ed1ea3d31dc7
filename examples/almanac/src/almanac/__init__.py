"""Sun, moon and feasts of any day, in the terminal."""
