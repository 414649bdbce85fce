"""Replayers through the C interface."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.abi.capi import CApi
from tests.support.abi.worker import Worker, WorkerError, worker_options


class Replayer(Worker):
    """A worker that replays pushed histories, and its pusher."""

    def __init__(self, api: CApi, handle: Any, pusher: Any, task_queue: str) -> None:
        super().__init__(api, handle, task_queue)
        self.pusher = pusher

    def push(self, workflow_id: str | bytes, history: bytes | None) -> None:
        """Add a history. Raises `WorkerError`."""
        lender = self.api.lend()
        result = self.api.lib.temporal_core_worker_replay_push(
            self.handle, self.pusher, lender.bytes(workflow_id), lender.bytes(history)
        )
        self._raise_if(result.fail)

    def end(self) -> None:
        """Free the pusher; a second call does nothing."""
        pusher, self.pusher = self.pusher, self.api.NULL
        self.api.lib.temporal_core_worker_replay_pusher_free(pusher)


def new_replayer(api: CApi, runtime: Any, options: Any) -> Replayer:
    """Make a replayer, which the caller must free.

    Raises:
        WorkerError: with the library's message.
    """
    made = api.lib.temporal_core_worker_replayer_new(runtime, options)
    message = api.take_text(made.fail)
    for part in (made.worker, made.worker_replay_pusher):
        assert (part == api.NULL) == (message is not None), "worker and pusher XOR fail"
    if message is not None:
        raise WorkerError(message)
    queue = "" if options == api.NULL else api.text(options.task_queue)
    return Replayer(api, made.worker, made.worker_replay_pusher, queue)


@contextmanager
def replayer(api: CApi, runtime: Any, **fields: Any) -> Iterator[Replayer]:
    """Make a replayer, freed at the end; ``fields`` as for ``worker_options``.

    Raises:
        WorkerError: with the library's message.
    """
    lender = api.lend()
    made = new_replayer(api, runtime, worker_options(api, lender, "replay", **fields))
    try:
        yield made
    finally:
        made.end()
        made.free()
