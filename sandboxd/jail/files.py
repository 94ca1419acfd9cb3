"""Which files a worker needs: its program, the libraries of that, and ours."""

import re
import struct
import subprocess
from pathlib import Path
from typing import Final

_PT_INTERP: Final = 3
_PROGRAM_HEADER: Final = struct.Struct("<IIQQQQQQ")


def interpreter(program: str) -> str | None:
    """The dynamic loader that a 64-bit ELF program names; None for what is linked statically, or is no ELF."""
    with Path(program).open("rb") as file:
        head = file.read(64)
        if head[:5] != b"\x7fELF\x02":
            return None
        offset, size, count = *struct.unpack_from("<Q", head, 32), *struct.unpack_from("<HH", head, 54)
        for number in range(count):
            file.seek(offset + number * size)
            kind, _, at, _, _, length, _, _ = _PROGRAM_HEADER.unpack(file.read(_PROGRAM_HEADER.size))
            if kind == _PT_INTERP:
                file.seek(at)
                return file.read(length).rstrip(b"\0").decode()
    return None


def libraries(program: str) -> list[str]:
    """The loader of a program, and all libraries, by the paths under which the loader finds them: it is asked."""
    loader = interpreter(program)
    if loader is None:
        return []
    told = subprocess.run(
        [loader, "--list", program], env={}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False
    ).stdout
    return [loader, *dict.fromkeys(path for path in re.findall(r"=> (/\S+)", told) if path != loader)]
