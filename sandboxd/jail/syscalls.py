"""The numbers of system calls by architecture, and the constants that policies name: facts, from generated tables."""

import platform
from functools import cache
from pathlib import Path
from typing import Final

from msgspec import Struct

TABLES: Final = Path(__file__).resolve().parent / "tables"
X32_BIT: Final = 0x4000_0000


class Arch(Struct, frozen=True):
    """An architecture: its name in `uname -m`, its AUDIT_ARCH value, and whether numbers with X32_BIT are a second ABI."""

    name: str
    audit: int
    x32: bool

    @property
    def numbers(self) -> dict[str, int]:
        """Call name to number."""
        return table(self.name)


X86_64: Final = Arch("x86_64", 0xC000003E, x32=True)
AARCH64: Final = Arch("aarch64", 0xC00000B7, x32=False)
ARCHES: Final = {arch.name: arch for arch in (X86_64, AARCH64)}


def host() -> Arch | None:
    """This machine's architecture, or None where there is no table for it."""
    return ARCHES.get(platform.machine())


@cache
def table(name: str) -> dict[str, int]:
    """The rows of one table: `x86_64`, `aarch64` or `constants`."""
    rows = (TABLES / f"{name}.txt").read_text().splitlines()
    return {key: int(number, 0) for key, number in (row.split() for row in rows if not row.startswith("#"))}


@cache
def known_calls() -> frozenset[str]:
    """Every name that some architecture has."""
    return frozenset(name for arch in ARCHES for name in table(arch))
