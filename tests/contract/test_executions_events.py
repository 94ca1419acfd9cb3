"""Server-sent events: the journal of an execution while it happens, and again from where a client lost it."""

import socket
import threading
from contextlib import closing

import pytest

from tests.support.daemon import Daemon
from tests.support.executing import ASLEEP, Caller, Event
from tests.support.held import running
from tests.support.stored import make_token
from tests.support.watching import Watch

DOORS = ["executions"]

THREE = "for (const i of [1, 2, 3]) { console.log('line', i); await new Promise(resolve => setTimeout(resolve, 200)); } 'end'"


def text_of(events: list[Event]) -> str:
    """What was printed, of the events' texts."""
    return "".join(event.data["text"] for event in events if event.kind == "log")


def test_events_tell_everything_in_order(caller: Caller) -> None:
    """Queued, started, what was printed, finished with the door's status; numbers count from one."""
    execution_id = caller.submit(THREE)
    events = list(caller.events(execution_id))
    kinds = [event.kind for event in events]
    assert (kinds[:2], kinds[-1], set(kinds[2:-1])) == (["queued", "started"], "finished", {"log"})
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert text_of(events) == caller.output(execution_id) == "line 1\nline 2\nline 3\n"
    times = [event.data["at"] for event in events]
    assert (times, events[-1].data) == (sorted(times), {"at": times[-1]} | caller.get(execution_id))


def test_host_calls_are_told_between_the_lines(caller: Caller) -> None:
    """Which, where to, and what became of it: one that policy refuses names its rule."""
    execution_id = caller.submit("console.log(1); try { await fetch('http://10.1.2.3/secret?q') } catch {} console.log(2)")
    events = list(caller.events(execution_id))
    calls = [event.data for event in events if event.kind == "host_call"]
    told = [(call["capability"], call["method"], call["allowed"], call["rule"]) for call in calls]
    assert told == [("fetch", "request", False, "egress.host")]
    assert "secret" not in repr(calls)
    at = [event.kind for event in events].index("host_call")
    assert (text_of(events[:at]), text_of(events[at:])) == ("1\n", "2\n")


def test_events_come_while_it_runs(caller: Caller) -> None:
    """A line is there long before the end."""
    execution_id = caller.submit(ASLEEP)
    events = caller.events(execution_id)
    seen = [next(events) for _ in range(3)]
    assert ([event.kind for event in seen], seen[2].data["text"]) == (["queued", "started", "log"], "begun\n")
    assert caller.get(execution_id)["status"] == "running"
    caller.cancel(execution_id)
    assert [event.data["status"] for event in events] == ["cancelled"]


def test_the_end_is_told_in_the_door_s_words(caller: Caller) -> None:
    """It is the execution, as it is told elsewhere, whatever became of it."""
    for code, status in (("throw new Error('mine')", "failed"), ("let a = (", "failed"), ("'fine'", "completed")):
        execution_id = caller.submit(code)
        last = list(caller.events(execution_id))[-1].data
        assert (last["status"], last | caller.get(execution_id)) == (status, last)


def test_events_are_the_same_after_the_end(caller: Caller) -> None:
    """Whoever asks later reads what the first one saw."""
    execution_id = caller.submit(THREE)
    assert list(caller.events(execution_id)) == list(caller.events(execution_id))


def test_a_stream_is_taken_up_where_it_was_lost(caller: Caller) -> None:
    """From each event on: what came after it, and nothing twice; also while the program still runs."""
    execution_id = caller.submit(THREE)
    begun = []
    for event in caller.events(execution_id):
        begun.append(event)
        if event.kind == "log":
            break  # hangs up
    rest = list(caller.events(execution_id, after=begun[-1].number))
    whole = list(caller.events(execution_id))
    assert begun + rest == whole
    for event in whole[:-1]:
        assert list(caller.events(execution_id, after=event.number)) == whole[event.number :]


def test_after_the_last_event_there_is_none(caller: Caller) -> None:
    """Whoever has everything gets an empty stream that ends."""
    execution_id = caller.submit("1")
    last = list(caller.events(execution_id))[-1].number
    assert [list(caller.events(execution_id, after=number)) for number in (last, last + 1, 10**18 - 1)] == [[], [], []]


@pytest.mark.parametrize("value", ["-1", "x", "1.5", "٣", "9" * 30])
def test_a_wrong_last_event_id_is_refused(caller: Caller, value: str) -> None:
    """It must be an id that we gave."""
    answer = caller.ask(
        "GET", f"/api/executions/{caller.submit('1')}/events", headers={"Last-Event-ID": value.encode().decode("latin-1")}
    )
    assert (answer.status, "Last-Event-ID" in answer.json["error"]) == (400, True)


def test_the_stream_is_one(caller: Caller) -> None:
    """Its headers keep caches and proxies from holding it back, and the client is told when to come again."""
    answer = caller.ask("GET", f"/api/executions/{caller.submit('1')}/events")
    assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == ("text/event-stream", "no-store")
    assert answer.body.startswith(b"retry: 1000\n\n")


def test_a_queued_one_can_be_watched_and_ended(daemon: Daemon) -> None:
    """It tells `queued`, then its end: it never starts."""
    caller = Caller(daemon, make_token(daemon.data_dir, "queued", "starter"))
    first, second = (caller.submit(ASLEEP, execution_timeout_secs=30) for _ in range(2))
    events = caller.events(second)
    assert next(events).kind == "queued"
    assert caller.cancel(second).status == 200
    assert [(event.kind, event.data["status"]) for event in events] == [("finished", "cancelled")]
    caller.cancel(first)


def test_many_may_watch_one(caller: Caller) -> None:
    """Forty watchers at once all see the same."""
    execution_id = caller.submit(THREE)
    seen: list[list[Event]] = []
    threads = [threading.Thread(target=lambda: seen.append(list(caller.events(execution_id)))) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(seen), all(each == seen[0] for each in seen), seen[0][-1].kind) == (40, True, "finished")


def test_who_does_not_read_holds_nothing(daemon: Daemon, caller: Caller) -> None:
    """Watchers that leave 10 MB unread: the program ends as fast as without, the daemon keeps none of it for them."""
    execution_id = caller.submit(
        "console.log('begun'); for (let i = 0; i < 9000; i++) console.log('x'.repeat(1023)); 'end'", execution_timeout_secs=60
    )
    clients = []
    try:
        with Watch(daemon.process.pid) as watch:
            for _ in range(20):
                client = socket.socket()
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.connect((daemon.host, daemon.port))
                head = f"GET /api/executions/{execution_id}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {caller.token}"
                client.sendall(f"{head}\r\n\r\n".encode())
                clients.append(client)
            assert caller.ended(execution_id)["result"] == '"end"'
            assert running(daemon) == 0
            assert caller.run("1 + 1")["result"] == "2"
        assert watch.grown < 100 << 20
    finally:
        for client in clients:
            client.close()


def test_a_watcher_that_hangs_up_ends_nothing(caller: Caller) -> None:
    """The execution goes on without it."""
    execution_id = caller.submit(THREE)
    with closing(caller.events(execution_id)) as events:
        next(events)
    assert caller.ended(execution_id)["status"] == "completed"
