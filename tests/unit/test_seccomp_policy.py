"""What the shipped system-call policy must hold, whatever is changed in its files."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import policies
from js_harness import HOME
from sandboxd.errors import PolicyError
from sandboxd.jail import seccomp
from sandboxd.jail.seccomp_model import ALL_BITS, ALLOW, KILL, Verdict
from sandboxd.jail.syscalls import AARCH64, X86_64, known_calls, table
from tests.support.seccomp_policies import ALL_ON, PID, POLICY, SWITCHINGS, arguments, verdicts

CODE_RUNS = ["exec_run", "child"]
UNTRUSTED = [*CODE_RUNS, "server"]
NAMED_NOWHERE = Verdict((), "EPERM")

ways_to = {
    "another program": "execve execveat",
    "a socket": "socket socketpair connect bind listen accept accept4 sendto sendmmsg recvmmsg recvfrom",
    "a file": "open openat openat2 creat open_by_handle_at memfd_create memfd_secret mknod mknodat rename unlink link symlink "
    "truncate ftruncate fallocate getdents64 inotify_init1 fanotify_init mount open_tree",
    "another process": "ptrace process_vm_readv process_vm_writev pidfd_getfd pidfd_send_signal tkill rt_sigqueueinfo "
    "rt_tgsigqueueinfo process_madvise kcmp",
    "the kernel past the filter": "io_uring_setup io_uring_enter io_uring_register bpf userfaultfd perf_event_open keyctl "
    "modify_ldt clone3 unshare setns",
    "memory that nobody counts": "shmget shmat mq_open msgget semget remap_file_pages mlock mlockall vmsplice splice tee "
    "memfd_create",
    "another identity": "setuid setgid setresuid setresgid setgroups capset setfsuid setfsgid setsid setpgid",
}


def can(phase: str, call: str, on: frozenset[str] = ALL_ON) -> bool:
    """Whether a phase allows a call with any arguments."""
    return verdicts(phase, on).get(call, NAMED_NOWHERE).can_allow


def decide(phase: str, call: str, *args: int, on: frozenset[str] = ALL_ON) -> str:
    """What a phase does with a call."""
    padded = [arg & ALL_BITS for arg in args] + [0] * (6 - len(args))
    return verdicts(phase, on).get(call, NAMED_NOWHERE).decide(padded, PID)


@pytest.mark.parametrize("phase", UNTRUSTED)
@pytest.mark.parametrize(("goal", "calls"), ways_to.items(), ids=ways_to)
def test_there_is_no_way_to(phase: str, goal: str, calls: str) -> None:
    """After boot none of the calls that lead there is allowed, with no arguments and no switch."""
    assert not [call for call in calls.split() for on in SWITCHINGS if can(phase, call, on)], goal


def test_these_names_exist() -> None:
    """The list above does not pass because of a typing error."""
    assert {call for calls in ways_to.values() for call in calls.split()} <= known_calls()


def test_a_child_signals_nobody() -> None:
    """Its pid is not known when its filter is made."""
    assert not any(can(phase, call) for phase in ("server", "child") for call in ("kill", "tgkill"))


@pytest.mark.parametrize("call", ["kill", "tgkill"])
@pytest.mark.parametrize(("pid", "action"), [(PID, ALLOW), (PID + 1, "EPERM"), (0, "EPERM"), (-1, "EPERM"), (-PID, "EPERM")])
def test_an_exec_worker_signals_itself_only(call: str, pid: int, action: str) -> None:
    """Not its group, not everybody, not its neighbour."""
    assert decide("exec_run", call, pid, 6) == action


@pytest.mark.parametrize("phase", CODE_RUNS)
def test_whoever_touches_the_finished_jail_is_killed(phase: str) -> None:
    """A further filter, a further Landlock domain, a further program: nobody honest asks."""
    calls = "seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self execve"
    assert {verdicts(phase, on)[call] for call in calls.split() for on in SWITCHINGS} == {Verdict((), KILL)}


@pytest.mark.parametrize("phase", CODE_RUNS)
def test_threads_are_started_only_where_the_profile_has_them(phase: str) -> None:
    """Without the switch there is no clone at all."""
    assert [can(phase, "clone", on) for on in (frozenset({"jit"}), ALL_ON)] == [False, True]


@pytest.mark.parametrize("extra", [0x11, 0x1000_0000, 0x2000_0000, 0x4000_0000, 0x4000, 0x0002_0000, 0x2000, 1 << 32])
def test_a_thread_is_nothing_but_a_thread(extra: int) -> None:
    """SIGCHLD, namespaces, vfork, ptrace or a bit of the upper half make it something else."""
    assert decide("exec_run", "clone", 0x3D0F00 | extra) == "EPERM"


@pytest.mark.parametrize("flags", [0x3D0F00, 0x7D0F00])
def test_threads_of_both_libcs_are_threads(flags: int) -> None:
    """glibc's flags and musl's, as the C libraries set them."""
    assert decide("exec_run", "clone", flags) == ALLOW


def test_only_the_server_forks() -> None:
    """The flags of fork() are allowed in the server, before and after it is ready, and nowhere else."""
    assert [phase for phase in POLICY.phases if decide(phase, "clone", 0x1200011) == ALLOW] == ["fork_boot", "server"]


@pytest.mark.parametrize("phase", UNTRUSTED)
@pytest.mark.parametrize(
    ("call", "on", "action"),
    [
        ("mmap", {"threads"}, "EPERM"),
        ("mprotect", {"threads"}, "EPERM"),
        ("mmap", {"jit"}, ALLOW),
        ("mprotect", {"jit"}, ALLOW),
    ],
)
def test_pages_become_executable_only_with_jit(phase: str, call: str, on: set[str], action: str) -> None:
    """PROT_EXEC, alone and with write, is refused where V8 makes no code."""
    assert {decide(phase, call, 0, 4096, protection, 0x22, on=frozenset(on)) for protection in (4, 5, 6, 7)} == {action}


@pytest.mark.parametrize("flags", [0x01, 0x03, 0x122, 0x40022])
def test_memory_that_is_not_counted_is_not_mapped(flags: int) -> None:
    """MAP_SHARED, MAP_SHARED_VALIDATE, MAP_GROWSDOWN and MAP_HUGETLB escape RLIMIT_DATA."""
    assert {decide(phase, "mmap", 0, 4096, 3, flags) for phase in POLICY.phases} == {"EPERM"}


@pytest.mark.parametrize(
    ("args", "action"),
    [
        ((0, 2, 0x7FFF_0000_0000), ALLOW),
        ((0, 2, 0), ALLOW),
        ((0, 7, 0), ALLOW),
        ((0, 7, 0x1_0000_0000), "EPERM"),
        ((1, 2, 0), "EPERM"),
    ],
)
def test_a_worker_sets_only_its_own_data_limit(args: tuple[int, ...], action: str) -> None:
    """A pointer whose lower half is zero is a pointer."""
    assert {decide(phase, "prlimit64", *args) for phase in CODE_RUNS} == {action}


@pytest.mark.parametrize("flags", [0o1, 0o2, 0o100, 0o1000, 0o20200002])
def test_boot_opens_files_to_read_only(flags: int) -> None:
    """O_WRONLY, O_RDWR, O_CREAT, O_TRUNC and O_TMPFILE are refused."""
    assert decide("exec_boot", "openat", -100, 1, flags) == "EPERM"


@pytest.mark.parametrize("request_", [0x5412, 0x541C, 0x8912])
def test_no_ioctl_types_into_a_terminal(request_: int) -> None:
    """TIOCSTI, TIOCLINUX and an interface list: not at boot, and no ioctl at all afterwards."""
    assert decide("exec_boot", "ioctl", 0, request_) == "EPERM"
    assert not any(can(phase, "ioctl") for phase in UNTRUSTED)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_what_a_phase_allows_its_outer_phase_allows(data: st.DataObject) -> None:
    """Filters add up: a call that only the inner one allows would fail without a reason that anybody finds."""
    name = data.draw(st.sampled_from([name for name, phase in POLICY.phases.items() if phase.within]))
    on = data.draw(st.sampled_from(SWITCHINGS))
    outer = verdicts(POLICY.phases[name].within or "", on)
    call = data.draw(st.sampled_from(sorted(call for call, inner in verdicts(name, on).items() if inner.can_allow)))
    args = data.draw(arguments(verdicts(name, on)[call]))
    if verdicts(name, on)[call].decide(args, PID) == ALLOW:
        assert outer[call].decide(args, PID) == ALLOW


@pytest.mark.parametrize(
    ("inner", "group"), [("exec_run", "serve"), ("exec_run", "set-aside"), ("server", "own-signals"), ("child", "load")]
)
def test_an_inner_phase_cannot_grant_what_its_outer_one_refuses(inner: str, group: str) -> None:
    """The loader compares each inner phase with the one that is on already, arguments included."""
    files = {path.name: path.read_text() for path in (policies.HOME / "seccomp").glob("*.toml")}
    head, phase, rest = files["worker.toml"].partition(f"[phases.{inner}]")
    rest = re.sub(r'^include = "+', rf"\g<0>{group} ", rest, count=1, flags=re.MULTILINE)
    with pytest.raises(
        PolicyError, match=f"phases.{inner}.within: .* is allowed here and not in {POLICY.phases[inner].within}"
    ):
        seccomp.load_policy(files | {"worker.toml": head + phase + rest})


def test_every_kill_is_a_kill_in_every_later_phase() -> None:
    """What nobody honest does at boot nobody honest does later."""
    killed = {call for call, verdict in verdicts("exec_boot", ALL_ON).items() if verdict == Verdict((), KILL)}
    assert all(verdicts(phase, ALL_ON)[call] == Verdict((), KILL) for phase in UNTRUSTED for call in killed)


def test_what_the_native_module_calls_by_number_is_there_on_both_machines() -> None:
    """And allowed while the fork server boots or serves: a child makes all of these before its own filter is on."""
    text = "".join(path.read_text() for path in (HOME / "native").glob("*.c"))
    calls = set(re.findall(r"\bSYS_(\w+)", text))
    assert len(calls) >= 8
    for arch in (X86_64, AARCH64):
        assert calls <= arch.numbers.keys()
    assert [call for call in calls if not can("fork_boot", call)] == []
    assert [call for call in calls if not can("server", call)] == []


@pytest.mark.parametrize(
    ("call", "x86_64", "aarch64"),
    [
        ("read", 0, 63),
        ("execve", 59, 221),
        ("clone", 56, 220),
        ("mmap", 9, 222),
        ("openat", 257, 56),
        ("seccomp", 317, 277),
        ("clone3", 435, 435),
        ("io_uring_setup", 425, 425),
        ("ptrace", 101, 117),
        ("prctl", 157, 167),
        ("newfstatat", 262, 79),
    ],
)
def test_the_tables_have_the_numbers_that_everybody_knows(call: str, x86_64: int, aarch64: int) -> None:
    """A sample of both tables, from the kernel's syscall_64.tbl and asm-generic/unistd.h."""
    assert (X86_64.numbers[call], AARCH64.numbers[call]) == (x86_64, aarch64)


@pytest.mark.parametrize("name", ["x86_64", "aarch64"])
def test_no_number_has_two_names(name: str) -> None:
    """Else one of two rules would silently win."""
    assert len(set(table(name).values())) == len(table(name))


def test_reasons_are_sentences() -> None:
    """Every `why` begins like a sentence or a name and ends with a full stop."""
    whys = [rule.why for rules in POLICY.groups.values() for rule in rules] + [phase.why for phase in POLICY.phases.values()]
    assert not [why for why in [*whys, *POLICY.switches.values()] if not re.fullmatch(r"[\w(].*\.", why)]
