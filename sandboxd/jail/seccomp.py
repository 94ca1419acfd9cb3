"""System-call policies: read, compiled, explained. The one module of them that others import."""

from sandboxd.jail.seccomp_compile import Program, compile_phase
from sandboxd.jail.seccomp_explain import explain
from sandboxd.jail.seccomp_load import load_policy, read_policy
from sandboxd.jail.seccomp_model import Policy
from sandboxd.jail.syscalls import AARCH64, X86_64, Arch, host

__all__ = ["AARCH64", "X86_64", "Arch", "Policy", "Program", "compile_phase", "explain", "host", "load_policy", "read_policy"]
