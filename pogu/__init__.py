"""Pogu: the whole container stack in Python, for Linux."""

__version__ = "0.1.0"
