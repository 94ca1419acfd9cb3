"""The host calls of one execution: each answered in a task of its own, the results written one at a time."""

from collections.abc import Iterable

import trio

from sandboxd.pool.channel import Channel
from sandboxd.protocol.conversation import Conversation
from sandboxd.protocol.frames import encode_frame
from sandboxd.protocol.messages import Answer, HostCall, encode_result


class Calls:
    """Host calls under way in a nursery, which is cancelled when there is no point in going on."""

    def __init__(
        self, nursery: trio.Nursery, channel: Channel, conversation: Conversation, answer: Answer, *, most: int
    ) -> None:
        """`most` is how many bytes of results may wait for a worker that does not read them."""
        self.fault: Exception | None = None
        """What `answer` raised: a fault of the house, and none of the worker's."""
        self.unread = False
        """Whether more waited for the worker than it can hold."""
        self._nursery, self._channel, self._conversation, self._answer = nursery, channel, conversation, answer
        self._most, self._waiting = most, 0
        self._writing = trio.Lock()
        self._begun = trio.Event()
        self._begun.set()

    def take(self, calls: Iterable[HostCall]) -> None:
        """Begins to answer, in the order in which they came: a call that aborts another has to find it."""
        for call in calls:
            before, self._begun = self._begun, trio.Event()
            self._nursery.start_soon(self._serve, call, before, self._begun)

    async def _serve(self, call: HostCall, before: trio.Event, begun: trio.Event) -> None:
        await before.wait()
        begun.set()
        try:
            result = await self._answer(call)
        except Exception as error:  # raised again where the execution is waited for, and not from within a group
            self.fault = self.fault or error
            self._nursery.cancel_scope.cancel()
            return
        frame = encode_frame(encode_result(result))
        self._waiting += len(frame)
        if self._waiting > self._most:
            self.unread = True
            self._nursery.cancel_scope.cancel()
            return
        self._conversation.answered(call.id)  # not after: the worker's next call may be read before this task goes on
        try:
            async with self._writing:
                await self._channel.send_all(frame)
        except trio.BrokenResourceError:
            return  # it has ended, which its reader finds too
        self._waiting -= len(frame)
