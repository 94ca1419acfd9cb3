"""The command line; `main` is the program."""

from sandboxd.cli.program import main

__all__ = ["main"]
