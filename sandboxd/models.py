"""The structs that every floor shares. Frozen, without behaviour; units are in the names."""

from enum import StrEnum
from typing import Final, Literal, get_args

from msgspec import Raw, Struct


class Status(StrEnum):
    """Where an execution stands. Everything after ``running`` is terminal; the first terminal status wins."""

    queued = "queued"
    running = "running"
    succeeded = "succeeded"
    failed = "failed"
    timed_out = "timed_out"
    memory_exceeded = "memory_exceeded"
    output_exceeded = "output_exceeded"
    cancelled = "cancelled"
    rejected = "rejected"
    crashed = "crashed"


class Principal(Struct, frozen=True):
    """Who calls: a user within a tenant, and the tier his token was made for."""

    tenant: str
    user: str
    tier: str


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What one execution may use."""

    wall_ms: int
    memory_bytes: int
    output_bytes: int
    result_bytes: int
    source_bytes: int
    depth: int
    """Levels of nesting that a result may have."""


class Usage(Struct, frozen=True):
    """What one execution used; measured from outside of the worker."""

    cpu_ms: float
    """CPU time in user code and kernel."""
    memory_bytes: int
    """The highest resident size above the idle worker's that was seen."""
    wall_ms: float
    """From the request frame to the last one: the queue and the worker's start are not in it."""


class Failure(Struct, frozen=True, omit_defaults=True):
    """Why an execution did not succeed, in the words of the one who failed it.

    ``kind`` says what happened (error, uncaught, unhandled_rejection, syntax, stalled, ended_early, not_serialisable,
    result_too_large, unsupported, finding, timeout, memory, crash); ``line`` and ``column`` are the user's, 1-based.
    """

    kind: str
    name: str
    message: str
    line: int | None = None
    column: int | None = None
    stack: str = ""


Level = Literal["log", "info", "warn", "error", "debug"]


class LogLine(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="log", gc=False):
    """One console call. Of these there can be a million: the worker's message itself goes on into the outcome."""

    level: Level
    text: str


class Outcome(Struct, frozen=True):
    """What one execution produced. ``value`` and ``returned`` are JSON as the worker wrote it, checked but not decoded."""

    status: Status
    usage: Usage
    logs: tuple[LogLine, ...] = ()
    truncated: bool = False
    value: Raw | None = None
    returned: Raw | None = None
    failure: Failure | None = None


class Source(Struct, frozen=True):
    """Code as it was sent, and the language it says it is in: javascript or typescript."""

    text: str
    language: str = "javascript"


Relaxable = Literal[
    "user_namespace",
    "mount_namespace",
    "pid_namespace",
    "net_namespace",
    "ipc_namespace",
    "uts_namespace",
    "uid",
    "capabilities",
    "landlock",
]
"""The layers of the jail that may be missing where a profile says so."""

NEVER_RELAXED: Final = ("no_new_privs", "seccomp_boot", "seccomp_run", "rlimits")
"""Those without which there is no worker."""

LAYERS: Final[tuple[str, ...]] = (*get_args(Relaxable), *NEVER_RELAXED)
"""All layers, in the order in which they are told."""


class JailLayer(Struct, frozen=True, omit_defaults=True):
    """What became of one layer of the jail: enforced, unneeded, relaxed, or impossible here.

    ``errno`` and ``text`` are the kernel's, ``remedy`` says what the operator can do; all three are empty when all is well.
    """

    name: str
    state: str
    errno: str = ""
    text: str = ""
    remedy: str = ""
