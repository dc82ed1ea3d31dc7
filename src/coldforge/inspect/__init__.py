"""What is in a file or folder that somebody hands out: read without unpacking it and without trusting it."""
