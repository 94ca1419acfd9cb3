"""The loader: what it refuses, that it says all of it at once, and where it lies."""

import pytest

from sandboxd.errors import PolicyError
from sandboxd.jail.seccomp import load_policy

WORKER = """\
[switches]
jit = "Because somebody wants to switch it."

[phases.boot]
why = "The phase that comes before the others."
default = "EPERM"
unknown = "ENOSYS"
include = "basics"

[phases.run]
why = "The phase that comes after the others."
default = "EPERM"
unknown = "ENOSYS"
within = "boot"
include = \"\"\"
basics
\"\"\"
without.jit = "stricter"
"""

RULES = """\
[[basics]]
calls = "read write"
action = "allow"
why = "Everything reads and writes."

[[basics]]
calls = "mprotect"
action = "allow"
why = "Everything protects its memory."

[[stricter]]
calls = "mprotect"
action = "EPERM"
when = [
  { arg = 2, what = "protection", mask = "PROT_EXEC", eq = "PROT_EXEC" },
]
why = "Nothing executable without the switch."
"""


TEST = '  { arg = 2, what = "protection", mask = "PROT_EXEC", eq = "PROT_EXEC" },'


def problems(worker: str = WORKER, rules: str = RULES) -> tuple[str, ...]:
    """What the loader says of two files."""
    with pytest.raises(PolicyError) as caught:
        load_policy({"worker.toml": worker, "rules.toml": rules})
    return caught.value.problems


def test_the_example_is_right() -> None:
    """So each test below has the one problem that it makes."""
    assert set(load_policy({"worker.toml": WORKER, "rules.toml": RULES}).phases) == {"boot", "run"}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"read write"', '"read wriet"', "2: basics[0].calls: wriet is not a system call"),
        ('"read write"', '"read read"', "2: basics[0].calls: read is named twice"),
        ('"read write"', '" "', "2: basics[0].calls: names no call"),
        ('calls = "read write"\n', "", "1: basics[0].calls: missing"),
        ('calls = "read write"', "calls = 3", "2: basics[0].calls: Expected `str`, got `int`"),
        ('why = "Everything reads and writes."\n', "", "1: basics[0].why: missing"),
        ('"Everything reads and writes."', '"Because."', "4: basics[0].why: Expected `str` of length >= 20"),
        ('action = "EPERM"', 'action = "EPREM"', "13: stricter[0].action: 'EPREM' is no action: allow, kill or an errno"),
        (
            'action = "EPERM"',
            'action = "errorcode"',
            "13: stricter[0].action: 'errorcode' is no action: allow, kill or an errno",
        ),
        ('calls = "read write"', 'calls = "read write"\ncolour = "red"', "3: basics[0].colour: unknown key"),
        ("arg = 2", "arg = 6", "15: stricter[0].when[0].arg: Expected `int` <= 5"),
        ("arg = 2", "arg = -1", "15: stricter[0].when[0].arg: Expected `int` >= 0"),
        ("arg = 2,", "arg = 2, argh = 1,", "15: stricter[0].when[0].argh: unknown key"),
        ('what = "protection", ', "", "15: stricter[0].when[0].what: missing"),
        ('eq = "PROT_EXEC"', 'eq = "PROT_EXCE"', "15: stricter[0].when[0].eq: PROT_EXCE is not a constant we know"),
        ('eq = "PROT_EXEC"', "eq = 1", "15: stricter[0].when[0].eq: 0x1 has bits outside of the mask 0x4: it can never hold"),
        (', eq = "PROT_EXEC"', "", "15: stricter[0].when[0]: needs exactly one of eq, in and self"),
        ('eq = "PROT_EXEC"', 'eq = "PROT_EXEC", self = true', "15: stricter[0].when[0]: needs exactly one of eq, in and self"),
        ('eq = "PROT_EXEC"', "in = []", "15: stricter[0].when[0].in: is empty: nothing would ever be allowed by it"),
        ('eq = "PROT_EXEC"', "in = [4, 4]", "15: stricter[0].when[0].in: names a value twice"),
        ('mask = "PROT_EXEC"', "mask = 4, ignore = 1", "15: stricter[0].when[0]: has both mask and ignore: one says it all"),
        (
            'mask = "PROT_EXEC"',
            "bits = 32, mask = 0x100000004",
            "15: stricter[0].when[0]: the mask 0x100000004 does not fit 32 bits",
        ),
        ('mask = "PROT_EXEC", eq = "PROT_EXEC"', "mask = 0, eq = 0", "15: stricter[0].when[0]: looks at no bit at all"),
        (TEST, "", "14: stricter[0].when: is empty: leave it out, or say what must hold"),
        ("[[stricter]]", "[stricter]", "11: stricter: must be a list of rules, [[name]]"),
    ],
)
def test_a_wrong_rule_is_refused(old: str, new: str, problem: str) -> None:
    """The problem names file, line, key and what is wrong with it."""
    assert f"rules.toml:{problem}" in problems(rules=RULES.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            '"Because somebody wants to switch it."',
            '"Because."',
            "worker.toml:2: switches.jit: must say why it exists, in 20 characters or more",
        ),
        (
            'without.jit = "stricter"',
            'without.jot = "stricter"',
            "worker.toml:18: phases.run.without.jot: there is no switch jot",
        ),
        ('without.jit = "stricter"\n', "", "worker.toml:2: switches.jit: no phase uses this switch"),
        ('without.jit = "stricter"\n', "", "rules.toml:11: stricter: no phase includes this group"),
        (
            'without.jit = "stricter"',
            'without.jit = "strict"',
            "worker.toml:18: phases.run.without.jit: there is no group strict",
        ),
        ('basics\n"""', 'basics\nbasis\n"""', "worker.toml:17: phases.run.include: there is no group basis"),
        ('basics\n"""', 'basics\nbasics\n"""', "worker.toml:16: phases.run.include: basics is included twice"),
        ('within = "boot"', 'within = "boat"', "worker.toml:14: phases.run.within: there is no phase boat"),
        (
            'default = "EPERM"',
            'default = "allow"',
            "worker.toml:6: phases.boot.default: 'allow' refuses nothing: kill or an errno",
        ),
        ('unknown = "ENOSYS"\ninclude', "include", "worker.toml:4: phases.boot.unknown: missing"),
        ("[switches]", 'extra = "x"\n[switches]', "worker.toml:1: extra: unknown key"),
    ],
)
def test_a_wrong_phase_is_refused(old: str, new: str, problem: str) -> None:
    """The problem names file, line, key and what is wrong with it."""
    assert problem in problems(worker=WORKER.replace(old, new, 1))


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ('calls = "read"\naction = "kill"', "18: read: is allow and also kill in phase boot (the other rule: rules.toml:1)"),
        ('calls = "read"\naction = "allow"', "18: read: is decided twice in phase boot (the other rule: rules.toml:1)"),
        (
            'calls = "read"\naction = "allow"\nwhen = [{ arg = 0, what = "fd", eq = 0 }]',
            "18: read: is allow whatever its arguments are, and allow with some in phase boot (the other rule: rules.toml:1)",
        ),
    ],
)
def test_a_contradiction_is_refused(more: str, problem: str) -> None:
    """One call, one meaning: also when two groups of a phase say the same."""
    assert f"rules.toml:{problem}" in problems(rules=f'{RULES}[[basics]]\n{more}\nwhy = "One rule too many for the phase."\n')


def test_a_denial_with_tests_may_narrow_what_is_allowed() -> None:
    """Denials come first, so `mprotect` is allowed and, executable, refused."""
    policy = load_policy({"worker.toml": WORKER, "rules.toml": RULES})
    verdict = policy.verdicts("run", frozenset())["mprotect"]
    assert [verdict.decide((0, 0, protection, 0, 0, 0), None) for protection in (3, 7)] == ["allow", "EPERM"]


def test_a_phase_wider_than_its_outer_one_is_refused() -> None:
    """The outer filter would refuse what the inner one allows."""
    wider = RULES.replace('calls = "mprotect"\naction = "EPERM"', 'calls = "mmap"\naction = "allow"')
    assert "worker.toml:14: phases.run.within: mmap is allowed here and not in boot: it would be refused" in problems(
        rules=wider
    )


def test_all_problems_of_all_files_are_reported_at_once() -> None:
    """One mistake does not hide the next, in the same rule, another rule or another file."""
    rules = RULES.replace('"read write"', '"raed wriet"').replace("arg = 2", "arg = 9").replace('"EPERM"', '"EPREM"')
    said = problems(WORKER.replace('default = "EPERM"', 'default = "nothing"'), rules)
    for part in ("raed", "wriet", "when[0].arg", "phases.boot.default", "phases.run.default"):
        assert any(part in problem for problem in said), part


def test_a_second_group_of_the_same_name_is_refused() -> None:
    """A group lies in one file."""
    with pytest.raises(PolicyError) as caught:
        load_policy({"worker.toml": WORKER, "rules.toml": RULES, "sules.toml": RULES})
    assert "sules.toml:1: basics: this group is also in another file" in caught.value.problems


def test_text_that_is_no_toml_is_a_problem_of_its_file() -> None:
    """And the other files are still read."""
    assert any(problem.startswith("rules.toml: ") for problem in problems(rules="[[basics"))


def test_without_the_phases_there_is_no_policy() -> None:
    """worker.toml is the one file that must be there."""
    with pytest.raises(PolicyError, match=r"worker\.toml: there is none"):
        load_policy({"rules.toml": RULES})
