"""An action that is to be judged, wherever its texts came from."""

from msgspec import Struct

from sandboxd.executions.actions.codes import Code, Finding
from sandboxd.executions.actions.config import Config, InlineConfig


class Part(Struct, frozen=True):
    """A text of the configuration: its name, and the text or why there is none. The name of one that is there may be wrong."""

    name: str
    text: str | None = None
    problem: Finding | None = None


class Candidate(Struct, frozen=True):
    """An action that is to be judged, wherever its texts came from."""

    config: Config
    language: str
    program: Part
    fixtures: tuple[Part, ...]
    asked: int
    """How many fixtures the configuration names; where they are too many none is looked at."""


class Bounds(Struct, frozen=True):
    """What a request may ask for."""

    executions: int
    source_bytes: int
    depth: int


def escapes(path: str) -> bool:
    """Whether a path leads out of wherever it is looked up, by what it says itself."""
    return path.startswith("/") or ".." in path.split("/")


def escape(what: str, path: str) -> Finding:
    """The finding for such a path, and for one that leaves by a link: whether there is a file is not said."""
    return Finding(Code.PATH_ESCAPE, f"{what} leaves the actions root: {path}")


def inline(config: InlineConfig, bounds: Bounds) -> Candidate:
    """The candidate of a configuration that holds its texts."""
    action = config.action
    program = Part(action.entry, action.source, escape("Action entry", action.entry) if escapes(action.entry) else None)
    fixtures = tuple(
        Part(each.name, each.source, escape("Fixture", each.name) if escapes(each.name) else None)
        for each in (config.fixtures if len(config.fixtures) <= bounds.executions else ())
    )
    return Candidate(config, action.language, program, fixtures, len(config.fixtures))
