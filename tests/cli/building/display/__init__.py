"""Tests of what a build shows."""
