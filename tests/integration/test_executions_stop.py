"""A daemon with submitted executions is stopped: by HTTP, in real processes."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

from tests.support.daemon import Daemon, Serve
from tests.support.executing import ASLEEP, Caller
from tests.support.processes import wait_gone
from tests.support.stored import make_token, statuses, wait_until

BRIEF = "console.log('begun'); await new Promise(resolve => setTimeout(resolve, 1500)); export default 'done'"

ONE = 'doors = ["executions"]'


def caller(daemon: Daemon) -> Caller:
    return Caller(daemon, make_token(daemon.data_dir, "ann"))


def begun(who: Caller, code: str) -> str:
    """Submits one that prints, and waits until it has."""
    execution_id = who.submit(code)
    assert wait_until(lambda: who.output(execution_id))
    return execution_id


def test_sigterm_lets_finish_what_runs(serve: Serve) -> None:
    """It ends as it ends, who watched it is not waited for, and the daemon leaves nothing behind."""
    daemon = serve(ONE)
    who = caller(daemon)
    execution_id = begun(who, BRIEF)
    left = daemon.family()
    kinds: list[str] = []
    with ThreadPoolExecutor(1) as threads:
        watch = threads.submit(lambda: kinds.extend(event.kind for event in who.events(execution_id)))
        assert wait_until(lambda: len(kinds) == 3)
        assert daemon.stop() == 0
        watch.result()
    assert kinds == ["queued", "started", "log"]
    assert (statuses(daemon.data_dir, "ann"), wait_gone(left)) == (["succeeded"], [])


def test_a_drain_ends_at_its_limit(serve: Serve) -> None:
    """What still runs then is ended, which its owner is told by the next life."""
    daemon = serve(ONE, "drain_ms = 500")
    who = caller(daemon)
    execution_id, left = begun(who, ASLEEP), daemon.family()
    assert (daemon.stop(), wait_gone(left)) == (0, [])
    found = Caller(serve(ONE), who.token).get(execution_id)
    assert (found["status"], found["error"] and "daemon stopped" in found["error"]) == ("failed", True)


def test_a_second_signal_cuts_the_drain(serve: Serve) -> None:
    """Nobody has to wait for what would run for minutes."""
    daemon = serve(ONE, "drain_ms = 100000")
    execution_id = begun(who := caller(daemon), ASLEEP)
    daemon.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert daemon.process.poll() is None
    assert daemon.stop() == 0
    assert Caller(serve(ONE), who.token).get(execution_id)["status"] == "failed"


def test_what_is_queued_at_a_stop_runs_after_the_next_start(serve: Serve) -> None:
    """With one slot: the first is cut, the second runs in the second life, once."""
    one = ("drain_ms = 300", "[pool]", "running = 1")
    daemon = serve(ONE, *one)
    who = caller(daemon)
    begun(who, ASLEEP)
    queued = who.submit("console.log('only once'); export default 7")
    assert daemon.stop() == 0
    again = Caller(serve(ONE, *one), who.token)
    found = again.ended(queued)
    assert (found["status"], found["result"], again.output(queued)) == ("completed", "7", "only once\n")


def test_what_is_queued_waits_for_its_door(serve: Serve) -> None:
    """A life that does not serve it leaves it as it was; the one after runs it."""
    slot = ("drain_ms = 300", "[pool]", "running = 1")
    daemon = serve(ONE, *slot)
    who = caller(daemon)
    begun(who, ASLEEP)
    queued = who.submit("export default 7")
    assert daemon.stop() == 0
    between = serve('doors = ["code-nodes"]')
    assert between.execute(who.token, "return 1").status == 200
    assert between.stop() == 0
    assert Caller(serve(ONE, *slot), who.token).ended(queued)["result"] == "7"
