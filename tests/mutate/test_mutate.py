"""The mutation loop on a handful of mutants: what is noticed, by whom, and that what nobody notices is told."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutate import rule_probes, rules, step_probes, steps
from tests.mutate.mutant import Mutant
from tests.mutate.tree import ROOT, NothingToMeasureBy, copy_tree, first_to_notice

SAMPLE = {
    "boot.toml load[4]: without the rule": "tests/integration/test_seccomp_recorded.py::test_boot_allows_what_boot_calls",
    "run.toml own-signals[0]: without the test of pid": "a call that the kernel must refuse",
    "refuse.toml violations[1]: without bpf": "a call that the kernel must refuse",
    "launcher.py take_descriptors: without os.closerange": "::test_",
}


def loop(*options: str) -> subprocess.CompletedProcess[str]:
    """The program, at its end."""
    command = [sys.executable, "-m", "tests.mutate", "--jobs", "1", "--verbose", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)


def test_the_loop_notices() -> None:
    """A permission less, a condition less, a violation less and a step less: each by the probe that belongs to it."""
    done = loop(*(f"--only={name}" for name in SAMPLE))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"noticed {len(SAMPLE)} of {len(SAMPLE)}" in done.stdout
    told = done.stdout.splitlines()
    for name in SAMPLE:
        assert any(name in line for line in told), name


def test_what_nobody_notices_is_told(tmp_path: Path) -> None:
    """A change that changes nothing has nobody to notice it: so a probe can also say no."""
    tree = copy_tree(ROOT, tmp_path / "tree")
    text = rule_probes.files()["run.toml"]
    assert (
        rule_probes.judge(tree, Mutant("policies/seccomp/run.toml", "line 0", "with a comment more", "# more\n" + text)).probe
        == ""
    )
    step = Mutant("sandboxd/jail/landlock.py", "attributes", "with a comment more", "")
    same = Mutant(step.file, step.where, step.what, "# more\n" + (ROOT / step.file).read_text())
    assert step_probes.judge(tree, same).probe == ""
    assert (tree / step.file).read_text() == (ROOT / step.file).read_text()


def test_a_probe_that_always_fails_notices_nothing(tmp_path: Path) -> None:
    """It would pass for one that sees everything."""
    tree = copy_tree(ROOT, tmp_path / "tree")
    (tree / "tests/test_broken.py").write_text("def test_it() -> None:\n    assert False\n")
    with pytest.raises(NothingToMeasureBy, match=r"test_broken\.py::test_it fails"):
        first_to_notice(tree, "README.md", "", ["tests/test_broken.py"])


def test_no_mutants_is_a_failure() -> None:
    """A typing error in --only measures nothing, and says so."""
    assert loop("--only=no such line").returncode == 1


def test_written_policies_read_the_same() -> None:
    """A mutant differs from the policy by its one change, not by having been written anew."""
    import tomllib

    for text in rule_probes.files().values():
        assert tomllib.loads(rules.written(tomllib.loads(text))) == tomllib.loads(text)


@pytest.mark.parametrize("file", step_probes.PARTS)
def test_every_part_is_there(file: str) -> None:
    """No function is passed over because it has another name by now, and its probes exist."""
    parts = step_probes.PARTS[file]
    text = (ROOT / file).read_text()
    assert parts.keys() <= steps.defined(text)
    for name in parts:
        assert step_probes.tests(ROOT, Mutant(file, name, "", ""))
    mutated = {mutant.where for mutant in steps.mutants(file, text, frozenset(parts))}
    assert mutated == parts.keys()


def test_every_phase_of_a_worker_has_probes() -> None:
    """What the policy calls a phase of an exec worker is mutated."""
    assert {name for name in rule_probes.shipped().phases if name.startswith("exec_")} <= rule_probes.PROBES.keys()
