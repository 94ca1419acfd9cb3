"""The corpus: code that leans on every part of V8 and the platform, each file the body of a code node that returns a checksum;
and programs, each an ES module that exports one.

What a checksum must be is not written down anywhere: a plain Node tells it, the same that the workers run.
"""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

from sandboxd.models import Source
from sandboxd.pool.runtime import ENVIRONMENT, find_node

HERE = Path(__file__).parent
ORACLE = HERE / "oracle.js"
_LANGUAGE = {".js": "javascript", ".ts": "typescript", ".mjs": "auto", ".mts": "auto"}


class Workload(NamedTuple):
    """One file of the corpus."""

    name: str
    path: Path
    source: Source


@cache
def corpus() -> tuple[Workload, ...]:
    """All workloads, by name."""
    return _read("corpus")


@cache
def programs() -> tuple[Workload, ...]:
    """All programs, by name."""
    return _read("modules")


def _read(folder: str) -> tuple[Workload, ...]:
    paths = sorted((HERE / folder).iterdir())
    return tuple(Workload(path.stem, path, Source(path.read_text(), _LANGUAGE[path.suffix])) for path in paths)


@cache
def expected(workload: Workload) -> str:
    """The checksum, from a plain Node of the worker's version and time zone."""
    command = [find_node().path, "--no-warnings", str(ORACLE), str(workload.path)]
    ran = subprocess.run(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
    assert ran.returncode == 0, f"{workload.name}: {ran.stderr.decode(errors='replace')}"
    value = json.loads(ran.stdout.splitlines()[-1])
    assert isinstance(value, str), f"{workload.name} gives no checksum"
    assert value, f"{workload.name} gives no checksum"
    return value
