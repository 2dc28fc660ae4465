"""The recording gives back exactly what went in, from memory or from disk."""

import os
import resource
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smtpscope.session.recorder import KEPT, Recorder
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Cipher, Closed, Event, Issued, Progress, Received, Sent

octets = st.binary(max_size=40)
times = st.floats(0, 1e6)
events = st.one_of(
    st.builds(Sent, times, octets, st.booleans(), st.just(((0, 2),)) | st.just(())),
    st.builds(Received, times, octets, st.booleans()),
    st.builds(Cipher, times, octets, st.booleans()),
    st.builds(Issued, times, st.sampled_from(SMTPCommand), st.text(max_size=5)),
    st.builds(Progress, times, st.integers(0, 9), st.integers(0, 9)),
    st.builds(Closed, times, st.text(max_size=5)),
)


@contextmanager
def recording(*given: Event, kept: int = KEPT) -> Iterator[Recorder]:
    recorder = Recorder(kept)
    try:
        for event in given:
            recorder.append(event)
        yield recorder
    finally:
        recorder.close()


@given(st.lists(events), st.integers(0, 200))
def test_events_in_are_events_out(given: list[Event], kept: int) -> None:
    with recording(*given, kept=kept) as recorder:
        assert len(recorder) == len(given)
        assert list(recorder) == given
        assert recorder[:] == given
        assert recorder[1:-1:2] == given[1:-1:2]
        assert [recorder[-1 - index] for index in range(len(given))] == given[::-1]
        with pytest.raises(IndexError):
            recorder[len(given)]


@given(st.lists(events, min_size=1), st.integers(0, 100), st.data())
def test_octets_go_on_through_later_events_of_the_same_direction(
    given: list[Event], kept: int, data: st.DataObject
) -> None:
    wire = [(index, event) for index, event in enumerate(given) if isinstance(event, Sent | Received)]
    assume(wire)
    index, first = data.draw(st.sampled_from(wire))
    stream = b"".join(event.data for place, event in wire if place >= index and type(event) is type(first))
    start = data.draw(st.integers(0, len(stream)))
    length = data.draw(st.integers(0, len(stream) + 3))
    with recording(*given, kept=kept) as recorder:
        assert recorder.octets(index, start, length) == stream[start : start + length]


def test_what_is_appended_while_somebody_reads_is_read_too() -> None:
    first, second = Received(0.0, b"one"), Received(1.0, b"two")
    with recording(first, kept=0) as recorder:
        reader = iter(recorder)
        assert next(reader) == first
        recorder.append(second)
        assert next(reader) == second


def test_a_long_session_costs_disk_and_not_memory() -> None:
    block = os.urandom(256 * 1024)
    tracemalloc.start()
    try:
        with recording() as recorder:
            before, _ = tracemalloc.get_traced_memory()
            for index in range(128):  # 32 MiB
                recorder.append(Sent(float(index), bytes(block)))
            after, _ = tracemalloc.get_traced_memory()
            assert after - before < 2 * KEPT
            assert recorder[127] == Sent(127.0, block)
            assert recorder.octets(0, 0, 600_000) == (block * 3)[:600_000]
            _, peak = tracemalloc.get_traced_memory()
            assert peak - before < 4 * KEPT
    finally:
        tracemalloc.stop()


def test_the_file_has_no_name_and_is_closed() -> None:
    before = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
    with recording(Sent(0.0, b"spooled"), kept=0):
        pass
    after = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
    assert len(after) == len(before)


def test_a_full_disk_loses_nothing() -> None:
    """Where the file takes no more, the octets stay in memory: the session is worth more."""
    given: list[Event] = [Received(0.0, b"spooled"), Received(1.0, b"kept in memory"), Received(2.0, b"spooled again")]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with recording(given[0], kept=0) as recorder:
        resource.setrlimit(resource.RLIMIT_FSIZE, (7, hard))
        try:
            recorder.append(given[1])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        recorder.append(given[2])
        assert list(recorder) == given
