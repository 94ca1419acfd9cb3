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
    memory_bytes: Memory
    output_bytes: Most
    result_bytes: Most
    source_bytes: Most
    depth: Most


class Switch(Struct, frozen=True, forbid_unknown_fields=True):
    """Something that is allowed or not."""

    allowed: bool
    why: Why


class Store(Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of an execution."""

    keep: Literal["metadata", "full"]
    why: Why


class Globals(Struct, frozen=True, forbid_unknown_fields=True):
    """Global names that the code may see, separated by white space."""

    names: str
    why: Why


class Jail(Struct, frozen=True, forbid_unknown_fields=True):
    """Layers that may be missing where the machine cannot give them; every other one is required."""

    why: Why = "Every layer is required."
    relax: list[Relaxable] = []


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """A named bundle of limits and grants. One pool of workers serves one profile."""

    why: Why
    dialect: Dialect
    limits: ProfileLimits
    eval: Switch
    threads: Switch
    store: Store
    globals: list[Globals]
    jail: Jail = Jail()
    fetch: Fetch | None = None

    @property
    def global_names(self) -> list[str]:
        """All granted names, in the order of the file."""
        return [name for group in self.globals for name in group.names.split()]


class Access(Struct, frozen=True, forbid_unknown_fields=True):
    """What a tier allows by one door. Without a `max_memory_bytes` it is the profile's."""

    max_timeout_ms: Positive
    max_memory_bytes: Positive | None = None


class Tier(Struct, frozen=True, forbid_unknown_fields=True):
    """A subscription: which doors it opens, how far, and the quotas of one user. None is unlimited."""

    why: Why
    doors: dict[Door, Access] = {}
    concurrent: Count | None = None
    hourly: Count | None = None
    daily: Count | None = None
    monthly: Count | None = None

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
