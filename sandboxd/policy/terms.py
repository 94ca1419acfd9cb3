"""What the structs of all policy files are made of."""

from typing import Annotated

from msgspec import Meta, Struct

Why = Annotated[str, Meta(min_length=10)]
Positive = Annotated[int, Meta(gt=0)]
Count = Annotated[int, Meta(ge=0)]


class Range(Struct, frozen=True, forbid_unknown_fields=True):
    """A limit the caller may choose within `min` and `max`."""

    min: Positive
    default: Positive
    max: Positive
    why: Why


class Most(Struct, frozen=True, forbid_unknown_fields=True):
    """A limit that is what it is."""

    most: Positive
    why: Why
