"""Thin, typed access to the kernel. Nothing here knows of containers."""
