"""Credentials: headers that the broker adds for a host and that no code ever sees. Read whenever the policy is."""

from collections.abc import Mapping
from pathlib import Path

from sandboxd.broker.request import Headers
from sandboxd.errors import SettingsError
from sandboxd.policy.fetch import Credential
from sandboxd.policy.header import is_value
from sandboxd.policy.model import Profile


def read_secrets(profiles: Mapping[str, Profile]) -> dict[str, dict[str, Headers]]:
    """The headers by profile and host. Raises SettingsError naming the file, never what is in it."""
    found: dict[str, dict[str, Headers]] = {}
    for name, profile in profiles.items():
        hosts = found.setdefault(name, {})
        for credential in profile.fetch.credentials if profile.fetch is not None else ():
            host = credential.host.removeprefix("[").removesuffix("]")
            hosts[host] = (*hosts.get(host, ()), (credential.header, credential.prefix + _value(name, credential)))
    return found


def _value(profile: str, credential: Credential) -> str:
    if not credential.file:
        return credential.value
    of = f"The credential of profile {profile} for {credential.host} ({credential.file})"
    try:
        text = Path(credential.file).expanduser().read_bytes().decode("latin-1").strip()
    except (OSError, RuntimeError) as problem:
        raise SettingsError(f"{of} cannot be read: {getattr(problem, 'strerror', None) or problem}") from None
    if not text or not is_value(text):
        raise SettingsError(f"{of} is not the text of a header")
    return text
