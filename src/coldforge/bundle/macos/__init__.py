"""Applications, disk images and packages for macOS, and what they share."""
