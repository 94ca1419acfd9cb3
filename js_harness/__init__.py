"""Where the worker's files are: JavaScript and one native module, as data."""

from pathlib import Path

HOME = Path(__file__).resolve().parent
ENTRY = HOME / "harness.js"
NATIVE = HOME / "forkserver.node"
