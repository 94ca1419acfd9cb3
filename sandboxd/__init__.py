"""sandboxd: runs untrusted JavaScript, each execution in a fresh operating-system process of its own."""

from importlib.metadata import version

__version__ = version("sandboxd")
