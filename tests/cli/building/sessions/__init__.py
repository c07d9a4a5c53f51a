"""Tests of this side of a session."""
