"""The launcher's report, judged: which layers hold, which may be missing, and what to do about the others."""

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

from sandboxd.errors import JailError
from sandboxd.models import LAYERS, JailLayer

FILES: Final = ("mount_namespace", "landlock")

_SYSCTL: Final = "Allow it (sysctl kernel.unprivileged_userns_clone=1, where there is that), or run the daemon as root"
_CAPABILITY: Final = "Give the daemon CAP_SYS_ADMIN, which this root lacks, or run it as an ordinary user"
_CONTAINER: Final = (
    "A seccomp filter around the daemon forbids it, as Docker's default profile does. In Docker: --security-opt seccomp=FILE, a"
    " profile that also allows unshare, clone, mount, umount2 and pivot_root; --security-opt apparmor=unconfined where there is"
    " AppArmor; and, if the daemon is root there, --cap-add SYS_ADMIN. Under systemd: widen SystemCallFilter and"
    " RestrictNamespaces"
)
_APPARMOR: Final = (
    "AppArmor restricts user namespaces here, or takes their rights away: give sandboxd's Python a profile with `userns,`,"
    " `mount,` and the capabilities, or set the sysctl kernel.apparmor_restrict_unprivileged_userns=0"
)
_UNREADABLE: Final = "Put Node, its libraries and sandboxd where every user can read them, not below a folder like /root (0700)"
_NO_LANDLOCK: Final = "Use a kernel from 5.13 on with landlock among its security modules (lsm=landlock,… on its command line)"
_NO_SECCOMP: Final = "Use a kernel with CONFIG_SECCOMP_FILTER; a container's runtime must let seccomp(2) through"

FILTERED: Final = "filtered"
ROOT: Final = "root"
USER: Final = "user"
ALONE: Final = "alone"

# What to do, by layer, errno, a word of the kernel's call, and who the daemon is: `root` or an ordinary `user`, `filtered` when
# a seccomp filter is around it, ALONE when the user namespace has failed that the others need. The first row that fits; an
# empty string fits everything. AppArmor's restriction of user namespaces lets one be made, and then answers EACCES to whoever
# opens setgroups, EPERM to whoever writes uid_map, EACCES to mount.
_REMEDIES: Final[tuple[tuple[str, str, str, str, str], ...]] = (
    ("", "", "", ALONE, "It needs the user namespace"),
    ("user_namespace", "", "/proc/self/", "", _APPARMOR),
    ("user_namespace", "EACCES", "", "", _APPARMOR),
    ("user_namespace", "ENOSPC", "", "", "Raise the sysctl user.max_user_namespaces"),
    ("mount_namespace", "EACCES", "mount(", FILTERED, _CONTAINER),
    ("mount_namespace", "EACCES", "mount(", "", _APPARMOR),
    ("mount_namespace", "EACCES", "", "", _UNREADABLE),
    ("mount_namespace", "ENOENT", "", "", _UNREADABLE),
    ("landlock", "ENOENT", "", "", _UNREADABLE),
    ("landlock", "EACCES", "", "", _UNREADABLE),
    ("landlock", "", "", "", _NO_LANDLOCK),
    ("seccomp_boot", "", "", "", _NO_SECCOMP),
    ("seccomp_run", "", "", "", _NO_SECCOMP),
    ("uid", "", "", "", "Give the daemon CAP_SETUID and CAP_SETGID and a range of ids, or run it as an ordinary user"),
    ("capabilities", "", "", "", "Give the daemon CAP_SETPCAP, so that it can give all others up for its workers"),
    ("", "EPERM", "", FILTERED, _CONTAINER),
    ("", "EPERM", "", ROOT, _CAPABILITY),
    ("", "EPERM", "", USER, _SYSCTL),
    ("", "ENOSPC", "", "", "Raise the sysctl user.max_*_namespaces of this kind"),
    ("", "", "", "", "The kernel lacks it, or something around the daemon forbids it"),
)


def remedy(layer: str, errno: str, text: str, who: str) -> str:
    """What the operator can do about a layer that failed; `who` is the daemon."""
    asked = (layer, errno, who)
    return next(
        advice
        for name, number, word, somebody, advice in _REMEDIES
        if word in text and all(told in ("", own) for told, own in zip((name, number, somebody), asked, strict=True))
    )


def who_we_are() -> str:
    """FILTERED, ROOT or USER."""
    status = Path("/proc/self/status").read_text()
    if "\nSeccomp:\t2\n" in status:
        return FILTERED
    return ROOT if os.geteuid() == 0 else USER


def advise(words: str) -> str:
    """What a worker's last words mean for the operator, where that is known: its own user cannot get at its program."""
    return f"{words}. {_UNREADABLE}" if '"step": "exec", "errno": "EACCES"' in words else words


def judge(report: Iterable[Mapping[str, str]], relax: Collection[str]) -> tuple[JailLayer, ...]:
    """The layers in their order. Raises JailError, with all of them, when one is missing that may not be."""
    told = {each["layer"]: each for each in report}
    who = who_we_are()
    failed = told.get("user_namespace", {}).get("state") == "failed"
    alone = [name for name in LAYERS if failed and name.endswith("_namespace") and name != "user_namespace"]
    layers = tuple(_layer(name, told.get(name), relax, ALONE if name in alone else who) for name in LAYERS)
    missing = [layer for layer in layers if layer.state == "impossible here"]
    if missing:
        lines = [f"  {layer.name}: {layer.text}" for layer in missing]
        lines += [f"  {advice}." for advice in dict.fromkeys(layer.remedy for layer in missing)]
        names = ", ".join(f'"{layer.name}"' for layer in missing)
        raise JailError(
            "The jail cannot be built on this machine:\n" + "\n".join(lines) + f"\n  To go on without: relax = [{names}] under"
            " [jail] in the profile, with why. What then does not stand is named in the security page.",
            layers,
        )
    if not any(layer.state == "enforced" for layer in layers if layer.name in FILES):
        raise JailError("Neither a private root nor Landlock can be had: the files of this machine would be open", layers)
    return layers


def _layer(name: str, told: Mapping[str, str] | None, relax: Collection[str], who: str) -> JailLayer:
    if told is None:
        told = {"state": "failed", "errno": "", "text": "the launcher did not report it"}
    if told["state"] != "failed":
        return JailLayer(name, told["state"], text=told["text"])
    errno, text = told["errno"], told["text"]
    state = "relaxed" if name in relax else "impossible here"
    return JailLayer(name, state, errno, f"{text} ({errno})" if errno else text, remedy(name, errno, text, who))
