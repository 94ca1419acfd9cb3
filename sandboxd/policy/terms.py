"""What the structs of all policy files are made of."""

from typing import Annotated

from msgspec import Meta, Struct

Why = Annotated[str, Meta(min_length=10)]
Positive = Annotated[int, Meta(gt=0)]
Count = Annotated[int, Meta(ge=0)]


class Range(Struct, frozen=True, forbid_unknown_fields=True):
    """A limit the caller may choose within `min` and `max`."""

    min: Positive
    """Less is refused."""
    default: Positive
    """For who asks for nothing."""
    max: Positive
    """More is refused, whatever the tier."""
    why: Why
    """The reason."""


class Memory(Struct, frozen=True, forbid_unknown_fields=True):
    """A limit that is `most` unless the caller may ask for less: then `default`, and never below `least`."""

    most: Positive
    """No execution gets more."""
    why: Why
    """The reason."""
    least: Positive | None = None
    """What Node itself needs: who asks for less gets this. Without it nobody may ask."""
    default: Positive | None = None
    """For who asks for nothing; without it `most`."""

    @property
    def usual(self) -> int:
        """What an execution gets whose caller asks for nothing."""
        return self.default or self.most


class Most(Struct, frozen=True, forbid_unknown_fields=True):
    """A limit that is what it is."""

    most: Positive
    """The limit."""
    why: Why
    """The reason."""
