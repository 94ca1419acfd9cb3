"""The policy as data: what the TOML files may say, and the grant that comes of it for one execution."""

from typing import Literal

from msgspec import Struct

from sandboxd.models import Limits, Relaxable
from sandboxd.policy.fetch import Fetch
from sandboxd.policy.quota import Quota
from sandboxd.policy.terms import Count, Memory, Most, Positive, Range, Why

Dialect = Literal["code-nodes", "executions", "actions"]
Door = Literal["code-nodes", "executions", "actions"]


class ProfileLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of one execution; units are in the names."""

    wall_ms: Range
    """Wall clock of one execution; at its end the worker is killed."""
    memory_bytes: Memory
    """Memory above an idle worker's, in V8's heap and outside of it."""
    output_bytes: Most
    """Console text that is kept; what comes after it is dropped."""
    result_bytes: Most
    """The result as JSON; a larger one is an error."""
    source_bytes: Most
    """The code; more is refused before it is looked at."""
    depth: Most
    """Levels of nesting of a result."""


class Switch(Struct, frozen=True, forbid_unknown_fields=True):
    """Something that is allowed or not."""

    allowed: bool
    """Whether it is."""
    why: Why
    """The reason."""


class Store(Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of an execution."""

    keep: Literal["metadata", "full"]
    """`metadata` is status, usage and a hash of the code; `full` is source and output, too."""
    why: Why
    """The reason."""


class Globals(Struct, frozen=True, forbid_unknown_fields=True):
    """Global names that the code may see, separated by white space."""

    names: str
    """The names."""
    why: Why
    """The reason."""


class Jail(Struct, frozen=True, forbid_unknown_fields=True):
    """Layers that may be missing where the machine cannot give them; every other one is required."""

    why: Why = "Every layer is required."
    """The reason; whoever relaxes a layer has to give one."""
    relax: list[Relaxable] = []
    """The layers that may be missing."""


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """A named bundle of limits and grants. One pool of workers serves one profile."""

    why: Why
    """The reason."""
    dialect: Dialect
    """Which entry and result the code has."""
    limits: ProfileLimits
    """What one execution may use."""
    eval: Switch
    """Whether code may be made from strings: `eval`, `Function`."""
    threads: Switch
    """Whether Node may use its thread pool."""
    store: Store
    """What is kept of an execution."""
    globals: list[Globals]
    """What the code sees; everything else is absent."""
    jail: Jail = Jail()
    """Which layers must hold."""
    fetch: Fetch | None = None
    """Whom the code may ask by HTTP; without it nobody."""

    @property
    def global_names(self) -> list[str]:
        """All granted names, in the order of the file."""
        return [name for group in self.globals for name in group.names.split()]


class Access(Struct, frozen=True, forbid_unknown_fields=True):
    """What a tier allows by one door. Without a `max_memory_bytes` it is the profile's."""

    max_timeout_ms: Positive
    """Who asks for more wall clock is refused."""
    max_memory_bytes: Positive | None = None
    """Who asks for more memory is refused."""


class Tier(Struct, frozen=True, forbid_unknown_fields=True):
    """A subscription: which doors it opens, how far, and the quotas of one user. None is unlimited."""

    why: Why
    """The reason."""
    doors: dict[Door, Access] = {}
    """The doors that it opens; the others are a 403."""
    concurrent: Count | None = None
    """Executions at the same time."""
    hourly: Count | None = None
    """Starts in any 3,600 seconds."""
    daily: Count | None = None
    """Starts in any 86,400 seconds."""
    monthly: Count | None = None
    """Starts in a calendar month, UTC."""

    def access(self, door: str) -> Access | None:
        """What it allows by this door, None where that stays closed."""
        return next((access for name, access in self.doors.items() if name == door), None)

    @property
    def quota(self) -> Quota:
        """The part of it that is counted over time."""
        return Quota(self.concurrent, self.hourly, self.daily, self.monthly)


class Policy(Struct, frozen=True):
    """All profiles and tiers by name."""

    profiles: dict[str, Profile]
    tiers: dict[str, Tier]


class Capabilities(Struct, frozen=True):
    """What code may ask the broker for; None is not at all."""

    fetch: Fetch | None = None


class Grant(Struct, frozen=True):
    """Policy applied to one principal and one execution."""

    profile: str
    dialect: str
    limits: Limits
    quota: Quota
    keep_content: bool
    capabilities: Capabilities = Capabilities()
