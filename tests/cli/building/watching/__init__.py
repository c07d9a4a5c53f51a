"""Tests of `pogu build --watch-git`."""
