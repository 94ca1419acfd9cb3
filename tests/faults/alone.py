"""One fault in a process of its own, which may have mounts of its own: what came of it, as JSON."""

import sys
from pathlib import Path

import msgspec

from tests.faults.catalogue import happen

if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(happen(sys.argv[1], Path(sys.argv[2]), long=sys.argv[3] == "True")))
