"""Two sets of rules in one broker, as after a reload: neither gets at what belongs to the other."""

import gc

from sandboxd.broker.secrets import read_secrets
from tests.support.brokers import PROFILE, fetch_of, grant_of, host, opened_broker, policy_of, refusal, value
from tests.support.upstream import Names, open_upstream, response

API = "api.example"
NAMES = Names(**{API: ["127.0.0.1"]})


async def test_a_connection_serves_only_the_rules_that_it_was_made_under() -> None:
    """One that is kept would lead where a later grant may not go."""
    inside, outside = fetch_of(host(API, reach=["loopback"])), fetch_of(host(API))
    async with open_upstream({"/": response(b"inside")}) as upstream, opened_broker(inside, resolve=NAMES) as broker:
        url = f"http://{API}:{upstream.port}/"
        with broker.session(grant_of(inside), "u") as session:
            assert (await value(session, url)).body == b"inside"
        with broker.session(grant_of(outside), "u") as session:
            assert (await refusal(session, url)).rule == "egress.loopback"
        with broker.session(grant_of(inside), "u") as session:
            assert (await value(session, url)).body == b"inside"
        assert upstream.connections == 1


async def test_a_credential_goes_only_with_the_rules_that_it_stands_in() -> None:
    """A grant of before, whose rules may allow what no credential must meet, does not get the new one."""
    async with open_upstream({"/": response(b"")}) as upstream:
        listed = host(API, reach=["loopback"], ports=[upstream.port])
        before, after = (
            fetch_of(listed, credentials=[{"host": API, "header": "X-Key", "value": key}]) for key in ("before", "after")
        )
        url = f"http://{API}:{upstream.port}/"
        async with opened_broker(before, resolve=NAMES) as broker:
            profiles = policy_of(after).profiles
            broker.serve(profiles, read_secrets(profiles))
            for fetch in (before, after, fetch_of(listed)):
                with broker.session(grant_of(fetch), "u") as session:
                    await value(session, url)
        assert [seen.header("x-key") for seen in upstream.seen] == ["before", "after", None]


async def test_credentials_are_forgotten_with_their_rules() -> None:
    """However often a policy is reloaded."""
    async with opened_broker(fetch_of(host(API))) as broker:
        for n in range(5):
            profiles = policy_of(fetch_of(host(API), base_url="", calls=n + 1)).profiles
            broker.serve(profiles, read_secrets(profiles))
        assert profiles[PROFILE].fetch is not None
        gc.collect()
        assert len(broker._secrets) == 2  # the first ones, which `opened_broker` holds, and the last
