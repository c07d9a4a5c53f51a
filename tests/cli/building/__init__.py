"""Tests of `pogu build`."""
