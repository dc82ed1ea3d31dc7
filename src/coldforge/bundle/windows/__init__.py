"""Installers, packages and archives for Windows, and what they share."""
