"""Loading a policy: all problems at once, each with file, line and key."""

import re
from collections.abc import Callable

import pytest

import policies
from sandboxd.errors import PolicyError
from sandboxd.models import NEVER_RELAXED
from sandboxd.policy.load import load_policy
from sandboxd.policy.model import Policy

FILES = {name: (policies.HOME / name).read_text() for name in ("tiers.toml", "profiles/code-nodes.toml")}
TIERS, PROFILE = FILES
Change = Callable[[str], str]


def problems(**changed: str) -> list[str]:
    """What is wrong with the shipped policy when files are changed."""
    with pytest.raises(PolicyError) as caught:
        load_policy(FILES | changed)
    return list(caught.value.problems)


def edited(file: str, old: str, new: str) -> dict[str, str]:
    """The file with its first `old` replaced."""
    assert old in FILES[file]
    return {file: FILES[file].replace(old, new, 1)}


def line_of(file: str, text: str) -> int:
    """The line on which `text` stands first."""
    return FILES[file][: FILES[file].index(text)].count("\n") + 1


def test_the_shipped_policy_loads() -> None:
    """What is shipped has the profile and the tiers of the API's document, and a service tier."""
    policy = load_policy(FILES)
    assert isinstance(policy, Policy)
    assert (list(policy.profiles), list(policy.tiers)) == (
        ["code-nodes"],
        ["none", "starter", "ambassador", "enterprise", "service"],
    )


def test_the_shipped_tiers_are_the_document_s() -> None:
    """Concurrency, hour, day, month and the timeout by each door of every tier."""
    tiers = load_policy(FILES).tiers
    table = {
        name: (tier.concurrent, tier.hourly, tier.daily, tier.monthly, *(door.max_timeout_ms for door in tier.doors.values()))
        for name, tier in tiers.items()
    }
    assert table == {
        "none": (0, 0, 0, 0),
        "starter": (1, 100, 1000, 100, 5000, 30_000, 20_000),
        "ambassador": (3, 100, 1000, 500, 10_000, 60_000, 20_000),
        "enterprise": (5, 100, 1000, None, 30_000, 300_000, 20_000),
        "service": (None, None, None, None, 30_000, 300_000, 20_000),
    }
    assert {tuple(tier.doors) for tier in tiers.values()} == {(), ("code-nodes", "executions", "actions")}


def test_the_shipped_limits_are_the_document_s() -> None:
    """Time, memory, output and source of one execution."""
    limits = load_policy(FILES).profiles["code-nodes"].limits
    assert (limits.wall_ms.min, limits.wall_ms.default, limits.wall_ms.max) == (1000, 5000, 30_000)
    assert (limits.memory_bytes.most, limits.output_bytes.most, limits.source_bytes.most) == (128 << 20, 1 << 20, 10_240)


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        (PROFILE, 'dialect = "code-nodes"\n', 'dialect = "code-nodes"\nunknown = 1\n', "unknown: unknown key"),
        (PROFILE, "most = 134217728", "most = 134217728\nmore = 1", "limits.memory_bytes.more: unknown key"),
        (PROFILE, "[eval]", "[new]\na = 1\n[eval]", "new: unknown key"),
        (TIERS, "concurrent = 1", "concurrent = 1\nparallel = 2", "starter.parallel: unknown key"),
    ],
)
def test_an_unknown_key_is_named_with_its_line(file: str, old: str, new: str, problem: str) -> None:
    """A key that does not exist refuses to load, at any depth."""
    changed = edited(file, old, new)
    (found,) = problems(**changed)
    name = problem.partition(":")[0].rpartition(".")[2]
    line = next(n for n, text in enumerate(changed[file].splitlines(), 1) if re.match(rf"\[?{name}\b", text))
    assert found == f"{file}:{line}: {problem}"


@pytest.mark.parametrize("table", ["limits.wall_ms", "limits.depth", "eval", "store"])
def test_a_missing_why_is_named_with_its_table(table: str) -> None:
    """Every grant has a why; the line is that of its table, not of the next why in the file."""
    file = FILES[PROFILE]
    begin = file.index(f"[{table}]")
    at = file.index("why = ", begin)
    (found,) = problems(**{PROFILE: file[:at] + file[file.index("\n", at) + 1 :]})
    assert found == f"{PROFILE}:{line_of(PROFILE, f'[{table}]')}: {table}.why: missing"


def test_a_missing_why_of_a_group_of_globals_is_named_with_the_group() -> None:
    """Of several tables of one name the right one is named."""
    file = FILES[PROFILE]
    at = file.index('why = "The WinterTC')
    (found,) = problems(**{PROFILE: file[:at] + file[file.index("\n", at) + 1 :]})
    second = [n for n, line in enumerate(file.splitlines(), 1) if line == "[[globals]]"][1]
    assert found == f"{PROFILE}:{second}: globals[1].why: missing"


def test_a_short_why_is_none() -> None:
    """A why that says nothing is refused."""
    (found,) = problems(**edited(TIERS, 'why = "The seed\'s Starter plan."', 'why = "because"'))
    assert found.startswith(f"{TIERS}:{line_of(TIERS, '[starter]') + 1}: starter.why: Expected `str` of length >= 10")


@pytest.mark.parametrize(
    ("old", "new"), [("min = 1000", "min = 6000"), ("default = 5000", "default = 40000"), ("max = 30000", "max = 4000")]
)
def test_a_range_that_contradicts_itself_is_named(old: str, new: str) -> None:
    """min <= default <= max."""
    found = problems(**edited(PROFILE, old, new))
    line = line_of(PROFILE, "[limits.wall_ms]")
    assert f"{PROFILE}:{line}: limits.wall_ms: must hold min <= default <= max" in found


@pytest.mark.parametrize(("least", "default"), [(200 << 20, 64 << 20), (16 << 20, 200 << 20), (64 << 20, 16 << 20)])
def test_a_memory_that_contradicts_itself_is_named(least: int, default: int) -> None:
    """least <= default <= most."""
    found = problems(**edited(PROFILE, "most = 134217728", f"least = {least}\ndefault = {default}\nmost = 134217728"))
    assert found == [
        f"{PROFILE}:{line_of(PROFILE, '[limits.memory_bytes]')}: limits.memory_bytes: must hold least <= default <= most"
    ]


def test_a_tier_leaves_a_door_the_memory_that_it_needs() -> None:
    """A ceiling below what Node needs would refuse everything."""
    profile = edited(PROFILE, "most = 134217728", "least = 33554432\nmost = 134217728")
    (found,) = problems(**profile, **edited(TIERS, "max_timeout_ms = 5000", "max_timeout_ms = 5000\nmax_memory_bytes = 1"))
    assert found.endswith("starter.doors.code-nodes.max_memory_bytes: 1 is below the 33554432 bytes that code-nodes needs")


@pytest.mark.parametrize("name", ["Object", "fetch", "Buffer"])
def test_a_global_that_is_granted_twice_is_named(name: str) -> None:
    """A name stands once over all groups; the line is that of the group that repeats it."""
    changed = edited(PROFILE, 'names = "Buffer"', f'names = "Buffer {name}"')
    line = line_of(PROFILE, 'names = "Buffer"')
    assert problems(**changed) == [f"{PROFILE}:{line}: globals[2].names: {name} is granted twice"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "max_timeout_ms = 5000",
            'max_timeout_ms = "5000"',
            "starter.doors.code-nodes.max_timeout_ms: Expected `int`, got `str`",
        ),
        ("max_timeout_ms = 5000", "max_timeout_ms = 0", "starter.doors.code-nodes.max_timeout_ms: Expected `int` >= 1"),
        ("concurrent = 1", "concurrent = -1", "starter.concurrent: Expected `int` >= 0"),
        ("max_timeout_ms = 5000\n", "", "starter.doors.code-nodes.max_timeout_ms: missing"),
        (
            "max_timeout_ms = 5000",
            "max_timeout_ms = 500",
            "starter.doors.code-nodes.max_timeout_ms: 500 is below the 1000 ms that code-nodes needs",
        ),
        (
            "[starter.doors.code-nodes]",
            "[starter.doors.code-node]",
            "starter.doors.code-node: must be one of code-nodes, executions, actions",
        ),
    ],
)
def test_a_bad_tier_is_named(old: str, new: str, problem: str) -> None:
    """Types, ranges, doors that do not exist and times that no door accepts."""
    (found,) = problems(**edited(TIERS, old, new))
    assert re.fullmatch(rf"tiers\.toml:\d+: {re.escape(problem)}.*", found)


@pytest.mark.parametrize("name", ["Starter", "my plan", "1st", "a_b"])
def test_a_tier_s_name_is_a_plain_word(name: str) -> None:
    """A tier is named on a command line, so its name has no spaces and no capitals."""
    changed = {TIERS: FILES[TIERS] + f'\n["{name}"]\nwhy = "To be refused by its name."\n'}
    (found,) = problems(**changed)
    assert (name in found, "lower-case" in found) == (True, True)


def test_what_is_no_table_is_named() -> None:
    """A key where a table belongs is a problem and no crash."""
    assert problems(**{TIERS: "x = 1\n" + FILES[TIERS]}) == ["tiers.toml:1: x: must be a table"]


@pytest.mark.parametrize("value", ["1", '"text"', "[1]", "[]", "true"])
@pytest.mark.parametrize("key", ["limits", "globals", "eval"])
def test_a_wrong_kind_of_value_is_a_problem(key: str, value: str) -> None:
    """Whatever stands where tables belong is reported, never raised."""
    text = f"{key} = {value}\n"
    found = problems(**{PROFILE: text})
    assert any(f": {key}" in problem for problem in found) or (key, value) == ("globals", "[]")


def test_all_problems_of_all_files_are_reported_at_once() -> None:
    """One mistake does not hide the next, in one file or another."""
    profile = (
        FILES[PROFILE]
        .replace("min = 1000", "min = 6000")
        .replace('dialect = "code-nodes"', 'dialect = "cobol"')
        .replace('names = "Buffer"', 'names = "Buffer Object"')
        .replace("[store]", "[store]\nunknown = 1")
        .replace("allowed = true", 'allowed = "yes"')
    )
    tiers = FILES[TIERS].replace("concurrent = 3", "concurrent = 3.5").replace("[service", "[Service")
    found = problems(**{PROFILE: profile, TIERS: tiers, "profiles/broken.toml": "a = ", "notes.toml": ""})
    keys = {problem.split(": ")[1] for problem in found if problem.startswith(PROFILE)}
    assert keys == {"limits.wall_ms", "dialect", "globals[2].names", "store.unknown", "threads.allowed"}
    assert {problem.split(": ")[1] for problem in found if problem.startswith(TIERS)} == {"ambassador.concurrent", "Service"}
    assert len(found) == 9
    assert all(re.match(r"\S+\.toml(:\d+)?: ", problem) for problem in found)


def test_a_syntax_error_is_named_with_its_line() -> None:
    """TOML that is none is named, and nothing else is said of that file."""
    (found,) = problems(**{TIERS: "[starter\n"})
    assert (found.startswith("tiers.toml: "), "line 1" in found) == (True, True)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, ["tiers.toml: there is none", "profiles/: there is none"]),
        ({PROFILE: FILES[PROFILE]}, ["tiers.toml: there is none"]),
        ({TIERS: FILES[TIERS]}, ["profiles/: there is none"]),
    ],
)
def test_what_is_missing_is_named(files: dict[str, str], expected: list[str]) -> None:
    """A policy has tiers and at least one profile."""
    with pytest.raises(PolicyError) as caught:
        load_policy(files)
    assert list(caught.value.problems) == expected


@pytest.mark.parametrize("name", ["profiles/Upper.toml", "profiles/a/b.toml", "tier.toml", "profiles.toml"])
def test_a_file_that_is_none_of_a_policy_is_named(name: str) -> None:
    """A file that nobody would read is a mistake; the jail's folder is its own."""
    assert problems(**{name: ""}) == [f"{name}: not a policy file; expected tiers.toml or profiles/NAME.toml"]
    assert load_policy(FILES | {"seccomp/run.toml": "whatever = 1"}) == load_policy(FILES)


def test_the_message_lists_the_problems() -> None:
    """What the daemon prints names each of them on a line of its own."""
    with pytest.raises(PolicyError) as caught:
        load_policy({})
    assert caught.value.message == "The policy cannot be loaded:\n  tiers.toml: there is none\n  profiles/: there is none"


@pytest.mark.parametrize("layer", NEVER_RELAXED)
def test_what_contains_a_worker_can_never_be_relaxed(layer: str) -> None:
    """Filters, no_new_privs and limits are required on every machine."""
    found = problems(**edited(PROFILE, "relax = []", f'relax = ["{layer}"]'))
    at = line_of(PROFILE, "relax = []")
    assert f"{PROFILE}:{at}: jail.relax: {layer} can never be relaxed: without it a worker is not contained" in found


def test_a_relaxed_layer_needs_its_reason() -> None:
    """Who takes a layer away says why."""
    text = FILES[PROFILE].replace("relax = []", 'relax = ["landlock"]')
    lines = [line for line in text.splitlines() if not line.startswith('why = "Every layer holds')]
    assert problems(**{PROFILE: "\n".join(lines)})[0].endswith("jail.why: missing: who takes a layer away says why")
