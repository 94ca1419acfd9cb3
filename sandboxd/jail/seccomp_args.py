"""One argument test of a rule: as it is written, as it is compared, and in words."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from sandboxd.jail import syscalls
from sandboxd.jail.seccomp_model import ALL_BITS, LOW_BITS, ArgTest
from sandboxd.toml_reader import Reader

Number = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)] | str


class RawTest(Struct, frozen=True):
    """One argument test as written: numbers, or constants by name, several of them meaning their union of bits."""

    arg: Annotated[int, Meta(ge=0, le=5)]
    what: str
    bits: Literal[32, 64] = 64
    mask: Number | None = None
    ignore: Number | None = None
    eq: Number | None = None
    one_of: list[Number] | None = field(name="in", default=None)
    own_pid: Literal[True] | None = field(name="self", default=None)


def read_test(reader: Reader, table: Any, path: str) -> ArgTest | None:
    """The test in an inline table, or None when there was any problem with it."""
    raw = reader.struct(RawTest, table, path)
    if raw is None:
        return None
    before = len(reader.problems)
    asked = {"eq": raw.eq, "in": raw.one_of, "self": raw.own_pid}
    if sum(value is not None for value in asked.values()) != 1:
        reader.problem(path, "needs exactly one of eq, in and self")
    if raw.mask is not None and raw.ignore is not None:
        reader.problem(path, "has both mask and ignore: one says it all")
    width = LOW_BITS if raw.bits == 32 else ALL_BITS
    mask = width if raw.mask is None else _number(reader, raw.mask, f"{path}.mask")
    mask &= ~(0 if raw.ignore is None else _number(reader, raw.ignore, f"{path}.ignore"))
    key = "in" if raw.one_of is not None else "eq"
    written = raw.one_of if raw.one_of is not None else [raw.eq] if raw.eq is not None else []
    if raw.one_of == []:
        reader.problem(f"{path}.in", "is empty: nothing would ever be allowed by it")
    values = tuple(_number(reader, value, f"{path}.{key}") for value in written)
    if mask & ~width or not mask:
        reader.problem(path, f"the mask {mask:#x} does not fit {raw.bits} bits" if mask else "looks at no bit at all")
    for value in values:
        if value & ~mask:
            reader.problem(f"{path}.{key}", f"{value:#x} has bits outside of the mask {mask:#x}: it can never hold")
    if len(set(values)) < len(values):
        reader.problem(f"{path}.{key}", "names a value twice")
    if len(reader.problems) > before:
        return None
    return ArgTest(raw.arg, mask, values, raw.own_pid is True, _words(raw))


def _number(reader: Reader, written: int | str, path: str) -> int:
    if isinstance(written, int):
        return written
    value = 0
    for name in written.split():
        if name not in syscalls.table("constants"):
            reader.problem(path, f"{name} is not a constant we know", name)
        value |= syscalls.table("constants").get(name, 0)
    return value


def _words(raw: RawTest) -> str:
    """The test for people: `flags without MAP_SHARED`, `pid is its own`."""
    said = [" | ".join(str(value).split()) for value in (raw.one_of or [raw.eq or 0])]
    masked = " | ".join(str(raw.mask).split())
    if raw.own_pid:
        return f"{raw.what} is its own"
    if raw.mask is not None:
        return f"{raw.what} without {masked}" if raw.eq == 0 else f"{raw.what} & ({masked}) is {' or '.join(said)}"
    apart = f", apart from {' | '.join(str(raw.ignore).split())}" if raw.ignore is not None else ""
    return f"{raw.what} is {' or '.join(said)}{apart}"
