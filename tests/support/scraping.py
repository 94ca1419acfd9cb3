"""What a daemon's metrics say: one scrape, read by Prometheus' own parser."""

import http.client
from contextlib import closing
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from tests.support.daemon import Answer, Daemon

Labels = frozenset[tuple[str, str]]


class Scrape(NamedTuple):
    """One. `kinds` are the metrics' names and types, `samples` what stands below them."""

    kinds: dict[str, str]
    samples: dict[tuple[str, Labels], float]

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name which have these labels; 0 where there are none."""
        asked = labels.items()
        return sum(value for (found, those), value in self.samples.items() if found == name and asked <= set(those))


def ask(daemon: Daemon, method: str = "GET", path: str = "/metrics", **headers: str) -> Answer:
    """One request to the listener for metrics."""
    with closing(http.client.HTTPConnection(daemon.metrics, timeout=60)) as connection:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())


def scrape(daemon: Daemon) -> Scrape:
    """All that is said now."""
    answer = ask(daemon)
    assert answer.status == 200, answer.body
    families = list(text_string_to_metric_families(answer.body.decode()))
    samples = {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}
    return Scrape({family.name: family.type for family in families}, samples)


class Since:
    """What has been added since this was made."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon, self._before = daemon, scrape(daemon)

    def __call__(self, name: str, **labels: str) -> float:
        """Of these samples."""
        return scrape(self._daemon).total(name, **labels) - self._before.total(name, **labels)
