"""What the types of a fetch grant cannot say."""

from collections.abc import Iterator
from typing import Any, get_args

import msgspec

from sandboxd.policy.address import Place, Reachable, place_of
from sandboxd.policy.fetch import Credential, Fetch, FetchHost, judge
from sandboxd.policy.header import is_name, is_ours, is_value
from sandboxd.policy.url import UrlError, parse_host

Problem = tuple[str, str]
"""A path within the file, and what is wrong there."""


def problems(table: Any) -> Iterator[Problem]:
    """What is wrong with a `[fetch]` table whose types are right; of another the types are all that is said."""
    try:
        fetch = msgspec.convert(table, Fetch)
    except msgspec.ValidationError:
        return
    for n, host in enumerate(fetch.hosts):
        for key, what in _host(host):
            yield f"fetch.hosts[{n}].{key}", what
    for n, blocked in enumerate(fetch.blocked_ports):
        for word in blocked.ports.split():
            if not (word.isascii() and word.isdigit() and int(word) <= 65_535):
                yield f"fetch.blocked_ports[{n}].ports", f"{word} is not a port"
                return  # nothing can be judged by them
    for n, credential in enumerate(fetch.credentials):
        for key, what in _credential(credential, fetch):
            yield f"fetch.credentials[{n}].{key}", what
    if fetch.base_url:
        verdict = judge(fetch, fetch.base_url)
        if verdict.entry is None:
            yield "fetch.base_url", verdict.why


def _host(host: FetchHost) -> Iterator[Problem]:
    try:
        parse_host(host.host)
    except UrlError as error:
        yield "host", f"{host.host}: {error}"
        return
    place = _known_place(host)
    if place in get_args(Reachable) and place not in host.reach:
        yield "reach", f'{host.host} is {place}: an entry that means it says reach = ["{place}"]'
    elif place is not None and place not in host.reach:
        yield "host", f"{host.host} is {place}, which no profile can open"
    if not host.schemes:
        yield "schemes", "there is none: nothing could be asked"


def _known_place(host: FetchHost) -> Place | None:
    """Where a host is that needs no resolver."""
    if host.host == "localhost" or host.host.endswith(".localhost"):
        return "loopback"
    place = place_of(host.bare)
    return None if place == "malformed" else place


def _credential(credential: Credential, fetch: Fetch) -> Iterator[Problem]:
    if not is_name(credential.header) or is_ours(credential.header):
        yield "header", f"{credential.header} is not a header that can be set"
    if bool(credential.value) == bool(credential.file):
        yield "value", "a credential has either a value or a file"
    if not is_value(credential.value) or not is_value(credential.prefix):
        yield "value", "not the text of a header"
    entries = [host for host in fetch.hosts if host.host == credential.host]
    if not entries:
        yield "host", f"{credential.host} is none of the profile's hosts"
    for entry in entries:
        if "http" in entry.schemes and "loopback" not in entry.reach:
            yield "host", f'{credential.host} may be asked without TLS: a host with a credential says schemes = ["https"]'
        if not entry.ports:
            yield "host", f"{credential.host} may be asked on any port: a host with a credential names its ports"
