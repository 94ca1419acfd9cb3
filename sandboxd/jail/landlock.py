"""Landlock: files that may be touched at all, by whoever asks. Standard library only; the ABI decides what can be denied."""

import struct
from collections.abc import Mapping, Sequence
from typing import Final

from sandboxd.jail import kernel

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
ACCESS: Final = {"execute": READ_FILE | EXECUTE, "read": READ_FILE | READ_DIR, "read-write": READ_FILE | WRITE_FILE}
_FILE_ONLY: Final = EXECUTE | WRITE_FILE | READ_FILE

_FS_V1: Final = (1 << 13) - 1  # execute, read, write, and the making and removing of every kind of entry
_FS_SINCE: Final = {2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  # REFER, TRUNCATE, IOCTL_DEV
_NET_SINCE: Final = {4: 0b11}  # BIND_TCP, CONNECT_TCP
_SCOPE_SINCE: Final = {6: 0b11}  # abstract unix sockets, signals


def _bits(since: Mapping[int, int], abi: int) -> int:
    return sum(bit for version, bit in since.items() if abi >= version)


def attributes(abi: int) -> bytes:
    """struct landlock_ruleset_attr for a kernel of this ABI (1 to 7 and later): everything it can deny is denied."""
    fields = [_FS_V1 | _bits(_FS_SINCE, abi)]
    if abi >= min(_NET_SINCE):
        fields.append(_bits(_NET_SINCE, abi))
    if abi >= min(_SCOPE_SINCE):
        fields.append(_bits(_SCOPE_SINCE, abi))
    return struct.pack(f"={len(fields)}Q", *fields)


def restrict(rules: Sequence[tuple[str, str, bool]], abi: int) -> None:
    """Denies all but `rules`: (path, one of ACCESS, whether it is a directory). Raises OSError naming the call."""
    ruleset = kernel.landlock_ruleset(attributes(abi))
    for path, access, directory in rules:
        bits = ACCESS[access]
        kernel.landlock_allow(ruleset, path, bits if directory else bits & _FILE_ONLY)
    kernel.landlock_restrict(ruleset)
