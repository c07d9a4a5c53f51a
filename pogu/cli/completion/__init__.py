"""Completion of command lines in shells.

The scripts for bash, zsh and fish ask `pogu __complete WORD… CURRENT`; `candidates` answers: commands, flags, and the
names of what the daemon has.
"""

from pogu.cli.completion.candidates import candidates

__all__ = ["candidates"]
