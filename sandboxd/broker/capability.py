"""What a capability is: a name, and methods whose arguments and values have types. The session does the rest."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from msgspec import Struct, field

from sandboxd.errors import SandboxdError


class CallRefused(SandboxdError):
    """A host call was not allowed, or failed outside of us.

    The code hears all of it: `name` and the message of an error of its own, and `rule`, which is what decided.
    """

    def __init__(self, message: str, *, rule: str, name: str = "TypeError") -> None:
        super().__init__(message)
        self.rule, self.name = rule, name


class Call(Struct, frozen=True):
    """One call under way. `facts` go into its audit line: no body, no query, no credential."""

    id: int
    facts: dict[str, Any] = field(default_factory=dict)


class Method(Struct, frozen=True):
    """One method: the struct that its arguments must fit, and who answers. It may raise CallRefused and no other."""

    args: type[Struct]
    answer: Callable[[Call, Any], Awaitable[Struct | None]]


class Capability(Protocol):
    """Something that code may ask for, for as long as one execution lasts."""

    name: str
    methods: Mapping[str, Method]
