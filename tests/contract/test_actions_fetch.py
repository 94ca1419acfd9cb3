"""fetch in actions: whom the profile lists, and nobody else."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import policies
from tests.support.actions import ActionsCaller, failures, inline, result
from tests.support.daemon import running_daemon
from tests.support.stored import make_token
from tests.support.upstream import Upstream

SHIPPED = 'host = "api.hubapi.com"\nschemes = ["https"]\nports = [443]\n'
ASK = """
exports.main = async (event, callback) => {
  const answer = await fetch(`${process.env.BASE}/api/data`, { headers: { Authorization: `Bearer ${process.env.TOKEN}` } });
  const { items } = await answer.json();
  callback({ outputFields: { status: answer.status, count: items.length } });
};
"""


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ActionsCaller]:
    """A caller of a daemon whose actions may ask loopback."""
    folder = tmp_path_factory.mktemp("fetch")
    shutil.copytree(policies.HOME, folder / "policies")
    profile = folder / "policies/profiles/actions.toml"
    text = profile.read_text()
    assert SHIPPED in text
    profile.write_text(text.replace(SHIPPED, 'host = "127.0.0.1"\nreach = ["loopback"]\n'))
    (folder / "c.toml").write_text(f'policies = "{folder / "policies"}"\ndoors = ["actions"]\n')
    with running_daemon(folder / "data", "--config", str(folder / "c.toml")) as daemon:
        yield ActionsCaller(daemon, make_token(daemon.data_dir, "caller"), Path(folder))


def test_an_action_asks_an_api(local: ActionsCaller, upstream: Upstream) -> None:
    """With the base URL and the token of its environment."""
    env = {"BASE": upstream.url, "TOKEN": "pat-test"}
    report = local.run(ASK, env=env)
    assert (failures(report), result(report)["output_fields"]) == ([], {"status": 200, "count": 3})
    assert upstream.seen[-1].header("authorization") == "Bearer pat-test"


def test_nobody_else_is_asked(actions: ActionsCaller, upstream: Upstream) -> None:
    """The shipped profile lists the platform's API only; the text says which host is not in it."""
    before = len(upstream.seen)
    answer = actions.execute(inline(ASK, env={"BASE": upstream.url}))
    assert failures(answer.json) == [("TypeError", "fetch failed: host 127.0.0.1 is not in the profile's list")]
    assert len(upstream.seen) == before
