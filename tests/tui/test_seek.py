"""A recording by time: each row has its place, and what matters has a tick that leads to its row."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from session.event_strategies import events
from session.folding import recorded, view_of
from smtpscope.session.recorder import Recorder
from smtpscope.session.rows import Kind
from smtpscope.session.schema import Header
from smtpscope.smtp.events import Closed, Event, Link, LinkStatus, Marked, Opened, Received, Sent
from smtpscope.tui.seek import PIECES, Seek, called
from smtpscope_widgets.seek_bar import Tick
from tui.recordings import STATES, WALL, finished


def said(recorder: Recorder, seek: Seek, kind: str) -> list[str]:
    """The words of the rows that the ticks of a kind lead to."""
    log = view_of(recorder).log
    ticks = [tick for tick in seek.ticks() if tick.kind == kind]
    return ["".join(text for text, _ in log.spans(seek.row(tick.position))) for tick in ticks]


def test_exchanges_and_refusals_have_a_tick_that_leads_to_them() -> None:
    recorder = finished()
    seek = Seek(view_of(recorder).log)
    assert [text.split()[0] for text in said(recorder, seek, "fault")] == ["550"]
    verbs = [text.split()[0] for text in said(recorder, seek, "step")]
    for verb in ("EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"):
        assert verb in verbs
    assert [tick.position for tick in seek.ticks()] == sorted(tick.position for tick in seek.ticks())
    assert seek.ends == ("0", "10.2s")


def test_a_mark_has_a_tick_and_loses_it_again() -> None:
    recorder = finished()
    view = view_of(recorder)
    seek = Seek(view.log)
    assert not any(tick.kind == "mark" for tick in seek.ticks())
    row = next(row for row in view.log.shown if view.log.kind[row] == Kind.REFUSED)
    recorder.append(Marked(99.0, view.log.event[row], view.log.start[row], True, "why?"))
    view.take()
    assert Tick(seek.position(row), "mark") in seek.ticks()
    assert seek.row(seek.position(row)) == row
    recorder.append(Marked(99.0, view.log.event[row], view.log.start[row], False))
    view.take()
    assert not any(tick.kind == "mark" for tick in seek.ticks())


@pytest.mark.parametrize("name", STATES)
def test_every_row_is_found_again_at_its_place(name: str) -> None:
    log = view_of(STATES[name]()).log
    seek = Seek(log)
    if not len(log):
        assert (seek.row(0.5), seek.position(-1), seek.ticks(), seek.ends) == (-1, 0.0, [], ("", ""))
        return
    for row in log.shown:
        position = seek.position(row)
        assert 0.0 <= position <= 1.0
        assert seek.moment(seek.row(position)) == seek.moment(row)
    assert seek.row(1.0) == log.shown[-1]


def test_a_message_that_is_unfolded_does_not_disturb_the_order() -> None:
    log = view_of(finished()).log
    seek, head = Seek(log), next(row for row in log.shown if log.kind[row] == Kind.TEXT)
    places = {row: seek.position(row) for row in log.shown}
    log.toggle(list(log.shown).index(head), True)
    assert {row: seek.position(row) for row in places} == places
    assert [log.kind[seek.row(seek.position(row))] for row in places if log.kind[row] == Kind.REFUSED] == [Kind.REFUSED]
    assert seek.ticks() == Seek(view_of(finished()).log).ticks()


def test_connections_follow_each_other_by_the_wall_clock() -> None:
    one: list[Event] = [Opened(0.0, "mx", 25, wall=WALL), Link(1.0, LinkStatus.CONNECTED, "up"), Closed(10.0, "lost")]
    two: list[Event] = [
        Opened(0.0, "mx", 25, wall=WALL + 90),
        Link(1.0, LinkStatus.CONNECTED, "up"),
        Closed(10.0, "lost"),
    ]
    log = view_of(recorded(one + two)).log
    seek = Seek(log)
    assert [round(seek.position(row), 2) for row in log.shown] == [0.0, 0.01, 0.1, 0.9, 0.91, 1.0]
    assert seek.ends == ("0", "1:40")


def test_a_long_session_has_few_ticks() -> None:
    long: list[Event] = [
        Opened(0.0, "mx", 25, wall=WALL),
        Link(0.0, LinkStatus.CONNECTED),
        Received(0.0, b"220 mx\r\n"),
    ]
    for number in range(5000):
        long += [Sent(number, b"RCPT TO:<x>\r\n"), Received(number + 0.5, b"503 no\r\n")]
    seek = Seek(view_of(recorded(long)).log)
    assert PIECES // 2 < len(seek.ticks()) <= 2 * PIECES
    assert seek.ticks()[-1].position > 0.99


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(events, max_size=20), st.floats(-1, 2))
def test_any_recording_at_all_has_places_and_ticks(given: list[Event], position: float) -> None:
    log = view_of(recorded([event for event in given if type(event).__name__ != "Answered"])).log
    seek = Seek(log)
    assert all(0.0 <= tick.position <= 1.0 for tick in seek.ticks())
    assert -1 <= seek.row(position) < len(log)
    assert (seek.row(position) >= 0) == bool(len(log.shown))


def test_a_recording_says_what_it_is() -> None:
    assert called(None) == "recording, read-only"
    name = called(Header("mx", 25, WALL))
    assert name.startswith("recording of 2023-11-1")
    assert name.endswith(", read-only")
    assert called(Header("mx", 25, 1e11)).startswith("recording of 5138-11-1")
