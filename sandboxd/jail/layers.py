"""The launcher's report, judged: which layers hold, which may be missing, and what to do about the others."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from sandboxd.errors import JailError
from sandboxd.models import JailLayer

LAYERS: Final = (
    "user_namespace",
    "mount_namespace",
    "pid_namespace",
    "net_namespace",
    "ipc_namespace",
    "uts_namespace",
    "uid",
    "capabilities",
    "no_new_privs",
    "landlock",
    "seccomp_boot",
    "seccomp_run",
    "rlimits",
)
FILES: Final = ("mount_namespace", "landlock")

_NAMESPACES: Final = (
    "Allow it (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces above 0); in Docker use a seccomp profile"
    " that allows unshare, clone and mount (the default one does not); or run the daemon as root"
)
_APPARMOR: Final = (
    "AppArmor lets a user namespace be made and then takes its rights away: give sandboxd's Python a profile with `userns,` or"
    " set kernel.apparmor_restrict_unprivileged_userns=0"
)
_UNREADABLE: Final = "Put Node, its libraries and sandboxd where every user can read them, not below a folder like /root (0700)"
_NO_LANDLOCK: Final = "Use a kernel from 5.13 on with landlock among its security modules (lsm=landlock,… on its command line)"
_NO_SECCOMP: Final = "Use a kernel with CONFIG_SECCOMP_FILTER; a container's runtime must let seccomp(2) through"

# What to do, by layer, errno and a word of the kernel's call; the first row that fits. An empty string fits everything.
_REMEDIES: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("user_namespace", "EPERM", "uid_map", _APPARMOR),
    ("user_namespace", "EACCES", "uid_map", _APPARMOR),
    ("user_namespace", "ENOSPC", "", "Raise the sysctl user.max_user_namespaces"),
    ("mount_namespace", "EACCES", "mount(", _APPARMOR),
    ("mount_namespace", "EACCES", "", _UNREADABLE),
    ("mount_namespace", "ENOENT", "", _UNREADABLE),
    ("landlock", "ENOENT", "", _UNREADABLE),
    ("landlock", "EACCES", "", _UNREADABLE),
    ("landlock", "", "", _NO_LANDLOCK),
    ("seccomp_boot", "", "", _NO_SECCOMP),
    ("seccomp_run", "", "", _NO_SECCOMP),
    ("uid", "", "", "Give the daemon CAP_SETUID and CAP_SETGID and a range of ids, or run it as an ordinary user"),
    ("capabilities", "", "", "Give the daemon CAP_SETPCAP, so that it can give all others up for its workers"),
    ("", "EPERM", "", _NAMESPACES),
    ("", "ENOSPC", "", "Raise the sysctl user.max_*_namespaces of this kind"),
    ("", "", "", "The kernel lacks it, or something around the daemon forbids it"),
)


def remedy(layer: str, errno: str, text: str) -> str:
    """What the operator can do about a layer that failed."""
    return next(
        advice for name, number, word, advice in _REMEDIES if name in ("", layer) and number in ("", errno) and word in text
    )


def advise(words: str) -> str:
    """What a worker's last words mean for the operator, where that is known: its own user cannot get at its program."""
    return f"{words}. {_UNREADABLE}" if '"step": "exec", "errno": "EACCES"' in words else words


def judge(report: Iterable[Mapping[str, str]], relax: Collection[str]) -> tuple[JailLayer, ...]:
    """The layers in their order. Raises JailError, with all of them, when one is missing that may not be."""
    told = {each["layer"]: each for each in report}
    layers = tuple(_layer(name, told.get(name), relax) for name in LAYERS)
    missing = [layer for layer in layers if layer.state == "impossible here"]
    if missing:
        lines = [f"  {layer.name}: {layer.text}. {layer.remedy}" for layer in missing]
        names = ", ".join(f'"{layer.name}"' for layer in missing)
        raise JailError(
            "The jail cannot be built on this machine:\n" + "\n".join(lines) + f"\n  To go on without: relax = [{names}] under"
            " [jail] in the profile, with why. What then does not stand is named in the security page.",
            layers,
        )
    if not any(layer.state == "enforced" for layer in layers if layer.name in FILES):
        raise JailError("Neither a private root nor Landlock can be had: the files of this machine would be open", layers)
    return layers


def _layer(name: str, told: Mapping[str, str] | None, relax: Collection[str]) -> JailLayer:
    if told is None:
        told = {"state": "failed", "errno": "", "text": "the launcher did not report it"}
    if told["state"] != "failed":
        return JailLayer(name, told["state"], text=told["text"])
    errno, text = told["errno"], told["text"]
    state = "relaxed" if name in relax else "impossible here"
    return JailLayer(name, state, errno, f"{text} ({errno})" if errno else text, remedy(name, errno, text))
