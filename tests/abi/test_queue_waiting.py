"""Waiting for events of a completion queue, on threads and with its descriptor."""

from __future__ import annotations

import fcntl
import os
import resource
import select
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.abi.capi import CApi
from tests.support.abi.completion_queue import CompletionQueue, Event, completion_queue
from tests.support.abi.grpc_override import Override, Request, Response, connection_to
from tests.support.programs.c_program import build_program
from tests.support.programs.waiting import until

TAG = 0xFEDC_BA98_7654_3210


@pytest.fixture
def go_on() -> Iterator[threading.Event]:
    """Until it is set, `GetClusterInfo` is not answered."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def client(capi: CApi, go_on: threading.Event) -> Iterator[Any]:
    def respond(request: Request) -> Response:
        assert request.rpc != "GetClusterInfo" or go_on.wait(60)
        return Response()

    with capi.runtime() as runtime, connection_to(Override(capi, respond), runtime) as made:
        yield made


class TestWaiting:
    def test_a_waiting_event_is_returned_with_any_timeout(self, queue: CompletionQueue) -> None:
        for timeout in (0, 1, -1, 2**63 - 1, -(2**63)):
            queue.put(TAG)
            event = queue.next(timeout)
            assert event is not None, timeout
            assert (event.kind, event.tag) == ("Worker", TAG)

    def test_without_an_event_it_ends_in_time(self, queue: CompletionQueue) -> None:
        for millis in (0, 1, 150):
            before = time.monotonic()
            assert queue.next(millis) is None
            took = time.monotonic() - before
            assert millis / 1000 <= took < millis / 1000 + 5
        assert queue.try_next() is None

    @pytest.mark.parametrize("timeout", [-1, -(2**63), 2**63 - 1, 60_000])
    def test_a_waiting_thread_is_woken_by_a_result_from_another_thread(
        self, queue: CompletionQueue, timeout: int
    ) -> None:
        woken: list[Event | None] = []
        thread = threading.Thread(target=lambda: woken.append(queue.next(timeout)))
        thread.start()
        thread.join(0.05)
        assert thread.is_alive(), "it does not wait"
        queue.put(TAG)
        thread.join(30)
        assert [event.tag for event in woken if event is not None] == [TAG]

    def test_a_waiting_thread_is_woken_by_the_result_of_a_call(
        self, queue: CompletionQueue, client: Any, go_on: threading.Event
    ) -> None:
        queue.start_call(client, "GetClusterInfo", TAG)
        timer = threading.Timer(0.05, go_on.set)
        timer.start()
        event = queue.next(-1)
        timer.join()
        assert event is not None
        assert (event.kind, event.tag, event.fields) == ("ClientRpcCall", TAG, {"success"})
        event.free()

    def test_events_come_in_the_order_of_their_arrival(self, queue: CompletionQueue) -> None:
        for number in range(1000):
            queue.put(number)
        tags: list[int] = []
        while (event := queue.next(0) if len(tags) % 2 else queue.try_next()) is not None:
            tags.append(event.tag)
        assert tags == list(range(1000))

    def test_events_of_one_producer_stay_in_order_among_others(
        self, queue: CompletionQueue
    ) -> None:
        def produce(producer: int) -> None:
            for number in range(300):
                queue.put(producer << 32 | number)

        threads = [threading.Thread(target=produce, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        tags = [queue.take("Worker").tag for _ in range(4 * 300)]
        for thread in threads:
            thread.join()
        for producer in range(4):
            own = [tag & 0xFFFF_FFFF for tag in tags if tag >> 32 == producer]
            assert own == list(range(300))

    @pytest.mark.parametrize("timeouts", [(-1,), (0, 1, 5), (None, -1, 1)])
    def test_each_event_goes_to_one_of_many_consumers(
        self, queue: CompletionQueue, timeouts: tuple[int | None, ...]
    ) -> None:
        """Consumers wait forever, wait for a moment, or poll repeatedly (None)."""
        producers, consumers, results = 4, 8, 500
        end = 2**64 - 1
        got: list[list[int]] = [[] for _ in range(consumers)]

        def consume(number: int) -> None:
            timeout = timeouts[number % len(timeouts)]
            while True:
                event = queue.try_next() if timeout is None else queue.next(timeout)
                if event is not None and event.tag == end:
                    return
                if event is not None:
                    got[number].append(event.tag)

        def produce(number: int) -> None:
            for result in range(results):
                queue.put(number * results + result)
                if result % 50 == 0:
                    time.sleep(0)  # lets consumers fall asleep

        threads = [threading.Thread(target=consume, args=(it,)) for it in range(consumers)]
        threads += [threading.Thread(target=produce, args=(it,)) for it in range(producers)]
        for thread in threads:
            thread.start()
        for thread in threads[consumers:]:
            thread.join(60)
        for _ in range(consumers):
            queue.put(end)
        for thread in threads[:consumers]:
            thread.join(60)
            assert not thread.is_alive(), "a consumer was not woken"
        counts = Counter(tag for tags in got for tag in tags)
        assert counts == Counter(range(producers * results))

    def test_each_result_of_calls_goes_to_one_of_many_consumers(
        self, capi: CApi, queue: CompletionQueue, client: Any
    ) -> None:
        consumers, calls = 6, 300
        got: list[list[int]] = [[] for _ in range(consumers)]

        def consume(tags: list[int]) -> None:
            while (event := queue.next(-1)) is not None:
                event.free()
                if event.tag == TAG:
                    return
                tags.append(event.tag)

        threads = [threading.Thread(target=consume, args=(tags,)) for tags in got]
        for thread in threads:
            thread.start()
        for tag in range(calls):
            queue.start_call(client, "GetSystemInfo", tag)
        until(lambda: sum(map(len, got)) == calls, "end of the calls")
        for _ in threads:
            queue.put(TAG)
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        assert sorted(tag for tags in got for tag in tags) == list(range(calls))

    def test_every_waiting_thread_gets_one_event(self, queue: CompletionQueue) -> None:
        got: list[int] = []

        def consume() -> None:
            event = queue.next(-1)
            assert event is not None
            got.append(event.tag)

        threads = [threading.Thread(target=consume) for _ in range(16)]
        for thread in threads:
            thread.start()
        for number in range(16):
            queue.put(number)
        for thread in threads:
            thread.join(30)
        assert sorted(got) == list(range(16))


def test_concurrent_threads_get_each_event_once(tmp_path: Path) -> None:
    """In C, where no interpreter lock serializes them."""
    program = build_program(Path(__file__).with_name("queue_stress.c"), tmp_path)
    done = subprocess.run(
        [program, "200000"], capture_output=True, text=True, check=False, timeout=100
    )
    assert (done.returncode, done.stderr) == (0, "")


def is_readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return poll.poll(0) == [(descriptor, select.POLLIN)]


class TestDescriptor:
    def test_it_is_always_the_same_and_is_not_inherited_and_does_not_block(
        self, queue: CompletionQueue
    ) -> None:
        descriptor = queue.descriptor()
        assert descriptor >= 0
        queue.put(TAG)
        assert queue.descriptor() == descriptor
        assert queue.try_next() is not None
        assert queue.descriptor() == descriptor
        assert fcntl.fcntl(descriptor, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
        assert fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_NONBLOCK

    def test_each_queue_has_its_own(self, capi: CApi, queue: CompletionQueue) -> None:
        with completion_queue(capi) as other:
            assert other.descriptor() != queue.descriptor()
            other.put(TAG)
            assert is_readable(other.descriptor())
            assert not is_readable(queue.descriptor())

    @pytest.mark.parametrize("before", [0, 1, 3], ids="{}-wait-when-it-is-made".format)
    def test_it_is_readable_exactly_while_an_event_waits(
        self, queue: CompletionQueue, before: int
    ) -> None:
        for number in range(before):
            queue.put(number)
        descriptor, waiting = queue.descriptor(), before
        assert is_readable(descriptor) == (waiting > 0)
        for step in (1, 1, -1, 1, -1, -1, -1, 1, -1, 1, 1, 1, -1, -1, -1):
            if step > 0:
                queue.put(TAG)
                waiting += 1
            else:
                event = queue.next(0) if waiting % 2 else queue.try_next()
                assert (event is not None) == (waiting > 0)
                waiting = max(0, waiting - 1)
            assert is_readable(descriptor) == (waiting > 0), (step, waiting)
            assert is_readable(descriptor) == (waiting > 0), "polling took an event"

    def test_it_is_readable_while_a_result_of_a_call_waits(
        self, queue: CompletionQueue, client: Any, go_on: threading.Event
    ) -> None:
        descriptor = queue.descriptor()
        queue.start_call(client, "GetClusterInfo", TAG)
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        assert poll.poll(50) == []
        go_on.set()
        assert poll.poll(60_000) == [(descriptor, select.POLLIN)]
        event = queue.try_next()
        assert event is not None
        event.free()
        assert not is_readable(descriptor)

    def test_an_event_loop_gets_every_event(self, queue: CompletionQueue) -> None:
        """Several loops at once; a loop that finds no event waits again."""
        loops, producers, results = 3, 3, 400
        got: list[list[int]] = [[] for _ in range(loops)]
        done = threading.Event()

        def loop(tags: list[int]) -> None:
            poll = select.poll()
            poll.register(queue.descriptor(), select.POLLIN)
            while not done.is_set():
                if poll.poll(20):
                    while (event := queue.try_next()) is not None:
                        tags.append(event.tag)

        def produce(number: int) -> None:
            for result in range(results):
                queue.put(number * results + result)

        threads = [threading.Thread(target=loop, args=(tags,)) for tags in got]
        threads += [threading.Thread(target=produce, args=(number,)) for number in range(producers)]
        for thread in threads:
            thread.start()
        until(lambda: sum(map(len, got)) >= producers * results, "end of the events")
        done.set()
        for thread in threads:
            thread.join(60)
        assert sorted(tag for tags in got for tag in tags) == list(range(producers * results))
        assert not is_readable(queue.descriptor())

    def test_waiting_threads_and_a_loop_share_the_events(self, queue: CompletionQueue) -> None:
        descriptor, rounds = queue.descriptor(), 200
        got: list[int] = []

        def consume() -> None:
            while (event := queue.next(-1)) is not None and event.tag != TAG:
                got.append(event.tag)

        threads = [threading.Thread(target=consume) for _ in range(2)]
        for thread in threads:
            thread.start()
        for number in range(rounds):
            queue.put(number)
            if is_readable(descriptor) and (event := queue.try_next()) is not None:
                got.append(event.tag)
        for _ in threads:
            queue.put(TAG)
        for thread in threads:
            thread.join(60)
        assert sorted(got) == list(range(rounds))
        assert not is_readable(descriptor)

    def test_it_is_closed_when_the_queue_is_freed(self, capi: CApi) -> None:
        for events in (0, 1):
            queue = CompletionQueue(capi)
            descriptor = queue.descriptor()
            for _ in range(events):
                queue.put(TAG)
            os.fstat(descriptor)
            queue.free()
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(descriptor)

    def test_descriptor_is_created_later_if_none_was_free(self, queue: CompletionQueue) -> None:
        free = os.dup(0)
        os.close(free)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
        try:
            assert queue.descriptor() == -1
            queue.put(TAG)
            assert queue.next(-1) is not None, "the queue did not work without a descriptor"
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        queue.put(TAG)
        descriptor = queue.descriptor()
        assert descriptor >= 0
        assert is_readable(descriptor)
