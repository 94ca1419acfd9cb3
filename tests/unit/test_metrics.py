"""Metrics in themselves: what is read when it is asked for, and what a label can be."""

from msgspec import Raw
from prometheus_client import generate_latest

from sandboxd import metrics
from sandboxd.broker.session import Session
from sandboxd.protocol.messages import HostCall


def test_gauges_are_read_when_they_are_asked_for() -> None:
    """And belong to who reads them: two registries have the same counters, and gauges of their own."""
    values = [1.0]
    ours = metrics.registry(lambda: [(metrics.READY, ("a",), values[0])])
    theirs = metrics.registry(lambda: [(metrics.READY, ("b",), 7)])
    values[0] = 2.0
    found = [each.get_sample_value("sandboxd_workers_ready", {"profile": "a"}) for each in (ours, theirs)]
    assert found == [2.0, None]
    before = theirs.get_sample_value("sandboxd_store_failed_writes_total")
    metrics.FAILED_WRITES.inc()
    assert theirs.get_sample_value("sandboxd_store_failed_writes_total") == (before or 0) + 1


async def test_a_worker_that_is_not_ours_any_more_puts_no_word_into_a_label() -> None:
    """Code that has escaped its language names capabilities and methods as it likes; the rule alone is counted."""
    for number in range(1, 4):
        session = Session([], profile="tested", principal="p", execution="e")
        await session.answer(HostCall(number, f"word{number}", f"word{number}", Raw(b"{}")))
    page = generate_latest(metrics.registry(lambda: ())).decode()
    told = [line for line in page.splitlines() if 'profile="tested"' in line]
    assert told == ['sandboxd_host_calls_total{profile="tested",verdict="capability"} 3.0']
