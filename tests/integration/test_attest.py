"""Attestation: what /proc says of a sample of real workers, and what becomes of a source that it contradicts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from sandboxd.errors import JailError, WorkerStartError
from sandboxd.jail import attest
from sandboxd.policy.model import Policy
from sandboxd.pool.execserver import ExecServer, open_execserver
from sandboxd.pool.proof import SAMPLE, Proof
from sandboxd.pool.worker import Worker, WorkerSource
from tests.support.engines import until
from tests.support.leaks import ALL_STOPPED, plan_of, serving
from tests.support.nodes import fake_node


class Mixed:
    """A source whose workers stand behind walls, until `bare` is set: then they stand behind none."""

    cheap = False

    def __init__(self, jailed: ExecServer, naked: ExecServer) -> None:
        self.lost, self.layers = jailed.lost, jailed.layers
        self.bare = False
        self._jailed, self._naked = jailed, naked

    async def spawn(self) -> Worker:
        return await (self._naked if self.bare else self._jailed).spawn()


@asynccontextmanager
async def mixed(policy: Policy) -> AsyncIterator[Mixed]:
    how = plan_of(policy)
    async with open_execserver(how) as jailed, open_execserver(msgspec.structs.replace(how, walls=None)) as naked:
        yield Mixed(jailed, naked)


async def test_the_first_worker_of_a_source_is_attested(policy: Policy) -> None:
    """One that stands behind nothing does not get as far as the canary's request."""
    async with mixed(policy) as source:
        source.bare = True
        with pytest.raises(JailError, match=r"does not stand behind its walls: thread .*Seccomp is 0, not 2"):
            await Proof(source).canary()


async def test_one_of_a_sample_is_attested(policy: Policy) -> None:
    """By count: the first, and every 64th after it; what is found ends that worker."""
    async with mixed(policy) as source:
        proof, walled = Proof(source), await source.spawn()
        await proof.attest(walled)
        await walled.end()
        source.bare = True
        for _ in range(2):
            naked = await source.spawn()
            for _ in range(SAMPLE - 1):
                await proof.attest(naked)  # not one of the sample
            with pytest.raises(JailError, match="Seccomp is 0"):
                await proof.attest(naked)
            assert not naked.alive


async def test_a_worker_that_dies_meanwhile_is_no_breach(policy: Policy) -> None:
    """It did not start, and the next one is attested in its place."""
    async with mixed(policy) as source:
        proof, worker = Proof(source), await source.spawn()
        worker.kill()
        await worker.exited.wait()
        with pytest.raises(WorkerStartError, match="while it was attested"):
            await proof.attest(worker)
        source.bare = True
        with pytest.raises(JailError):
            await proof.attest(await source.spawn())


async def test_a_discrepancy_later_degrades_the_pool(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool gives up that source and all that was ready from it, says why, and goes on with one that holds."""
    monkeypatch.setattr("sandboxd.pool.proof.SAMPLE", 3)
    sources: list[Mixed] = []

    @asynccontextmanager
    async def open_mixed() -> AsyncIterator[WorkerSource]:
        async with mixed(policy) as source:
            sources.append(source)
            yield source

    async with serving(open_mixed) as pool:
        assert pool.ready == 1  # the second of this source; the first was its canary
        sources[0].bare = True
        for _ in range(4):  # more than the sample
            async with pool.lease(1):
                pass
            await until(lambda: pool.ready == 1)
        assert (pool.problem, pool.canary, len(sources)) == (None, ALL_STOPPED, 2)
    assert len(pool.problems) == 1
    assert "does not stand behind its walls" in pool.problems[0]
    assert pool.offered[-1] == 1


async def test_a_descriptor_that_should_not_be_there_is_told(policy: Policy, tmp_path: Path) -> None:
    """A file, another socket and a descriptor of another kind are named; what every worker holds is not."""
    keep = tmp_path / "kept"
    keep.touch()
    program = f"keep = os.open({str(keep)!r}, os.O_RDONLY), os.dup(3), os.pidfd_open(os.getpid())\nsend(READY); time.sleep(600)"
    how = plan_of(policy)
    odd = msgspec.structs.replace(how, argv=[fake_node(tmp_path, program), "x"], walls=None)
    async with open_execserver(odd) as server, open_execserver(how) as jailed:
        workers = await server.spawn(), await jailed.spawn()
        found, none = (attest.discrepancies(worker.pid, ()) for worker in workers)
        for worker in workers:
            await worker.end()
    assert none == []
    assert any(str(keep) in problem for problem in found)
    assert any("pidfd" in problem for problem in found)
    assert "it holds 2 sockets instead of one" in found
    assert len(found) == 3
