"""Which functions of the launcher are mutated, and which tests have to notice."""

from functools import cache
from pathlib import Path
from typing import Final

from tests.mutate import steps
from tests.mutate.mutant import Found, Mutant
from tests.mutate.tree import ROOT, first_to_notice

_JAIL: Final = "tests/integration/test_jail.py"
_ROOT: Final = "tests/integration/test_private_root.py"
_STEPS: Final = "tests/integration/test_launcher_steps.py"
_LANDLOCK: Final = "tests/integration/test_landlock.py"

# What belongs to a part, most telling first. A single test is named by itself: it is looked for in all of tests/.
_WALLS: Final = (_ROOT, _JAIL, _STEPS)
_INHERITED: Final = (
    "test_environment_is_what_was_given",
    "test_descriptors_are_four",
    "test_session_is_its_own",
    "test_limits_are_as_given",
    "test_a_limit_above_our_own_is_ours",
    "test_signals_are_the_default",
)
_MAKERS: Final = (
    _STEPS,
    "test_a_killed_launcher_takes_its_workers_along",
    "test_a_killed_daemon_leaves_no_process",
    "test_the_end_of_the_control_socket_ends_everything",
)
_FAILURES: Final = ("test_a_failing_exec_tells_step_and_errno", "test_a_failing_limit_tells_its_step")

PARTS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "sandboxd/jail/launcher.py": {
        "CHANGED_SIGNALS": _INHERITED,
        "die_with_parent": _MAKERS,
        "end_if_orphaned": (_STEPS,),
        "limit": _INHERITED,
        "set_limits": _INHERITED,
        "take_descriptors": (*_INHERITED, _STEPS),
        "reset_signals": (*_INHERITED, _STEPS),
        "become_worker": (*_INHERITED, *_FAILURES, *_WALLS, *_MAKERS),
        "Launcher.serve": (*_MAKERS, _JAIL),
        "main": (*_MAKERS, *_WALLS, *_INHERITED),
    },
    "sandboxd/jail/confine.py": {
        "Walls.enter": _WALLS,
        "Walls._shared": _WALLS,
        "Walls._private_root": _WALLS,
        "Walls._fork_once": _WALLS,
        "Walls._steps": _WALLS,
        "Walls._limit_threads": _WALLS,
        "Walls._drop_bounding_set": _WALLS,
        "Walls._restrict_files": _WALLS,
        "Walls._run_filter": _WALLS,
    },
    "sandboxd/jail/privileges.py": {
        "drop_bounding_set": _WALLS,
        "become": (*_WALLS, *_MAKERS),
        "die_with_parent": _MAKERS,
        "no_new_privileges": _WALLS,
    },
    "sandboxd/jail/landlock.py": {
        "ACCESS": (_LANDLOCK, _JAIL),
        "_FILE_ONLY": (_LANDLOCK, _JAIL),
        "_FS_SINCE": (_LANDLOCK,),
        "attributes": (_LANDLOCK,),
        "restrict": (_LANDLOCK, _JAIL),
    },
    "sandboxd/jail/namespaces.py": {
        "_LOCKED": _WALLS,
        "enter_user_namespace": _WALLS,
        "make_root": _WALLS,
        "_strictest": _WALLS,
    },
    "sandboxd/jail/kernel.py": {"become_root": _WALLS, "empty_capabilities": _WALLS, "landlock_restrict": (_LANDLOCK, *_WALLS)},
    "sandboxd/pool/runtime.py": {"walls": _WALLS, "plan.rlimits": (_ROOT,)},
}


def mutants() -> list[Mutant]:
    """Of all parts."""
    return [
        mutant for file, parts in PARTS.items() for mutant in steps.mutants(file, (ROOT / file).read_text(), frozenset(parts))
    ]


def tests(tree: Path, mutant: Mutant) -> list[str]:
    """Those that have to notice, as pytest is told them: files as they are, single tests in the file that has them."""
    return [name if "/" in name else f"{_home(tree, name)}::{name}" for name in PARTS[mutant.file][mutant.where]]


def judge(tree: Path, mutant: Mutant) -> Found:
    """Which test notices the mutant."""
    failed = first_to_notice(tree, mutant.file, mutant.text, tests(tree, mutant))
    return Found(mutant, failed.partition("[")[0], failed)


@cache
def _home(tree: Path, test: str) -> str:
    for path in sorted((tree / "tests").rglob("test_*.py")):
        if f"def {test}(" in path.read_text():
            return str(path.relative_to(tree))
    raise LookupError(f"no file in tests/ has {test}")
