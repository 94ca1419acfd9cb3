"""How many may watch: a stream or a wait holds a connection, and nobody takes them all."""

from contextlib import ExitStack, closing

from tests.support.daemon import Serve
from tests.support.executing import ASLEEP, Caller
from tests.support.stored import make_token, wait_until

TWO = 'doors = ["executions"]', "[queue]", "watching_per_user = 2"


def test_a_user_watches_so_many_at_the_same_time(serve: Serve) -> None:
    """A third stream is 429 and says why, and so is a wait; a look is not, another user is not, and who leaves makes room."""
    daemon = serve(*TWO)
    ann, bob = (Caller(daemon, make_token(daemon.data_dir, name)) for name in ("ann", "bob"))
    execution_id, his = ann.submit(ASLEEP), bob.submit(ASLEEP)
    with ExitStack() as opened:
        streams = [opened.enter_context(closing(ann.events(execution_id))) for _ in range(2)]
        assert [next(stream).kind for stream in streams] == ["queued", "queued"]
        path = f"/api/executions/{execution_id}"
        for refused in (ann.ask("GET", f"{path}/events"), ann.ask("GET", f"{path}?wait=5")):
            told = refused.json
            assert (refused.status, told["limit"], told["allowed"], told["retry_after"]) == (429, "watching", 2, 1)
        assert ann.get(execution_id)["status"] == "running"
        with closing(bob.events(his)) as stream:
            assert next(stream).kind == "queued"
        streams[0].close()
        assert wait_until(lambda: ann.ask("GET", f"{path}?wait=0.01").status == 200)
    for who, each in ((ann, execution_id), (bob, his)):
        who.cancel(each)
