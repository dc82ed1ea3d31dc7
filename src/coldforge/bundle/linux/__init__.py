"""Packages, archives and images for Linux, and what they share."""
