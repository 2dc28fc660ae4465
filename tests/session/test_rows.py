"""The table of rows: no octet is lost or told twice, and every row is found again by where it is."""

from __future__ import annotations

from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from session.wire_events import recorded, sessions, view_of
from smtpscope.session.log import Log
from smtpscope.session.rows import BEHIND, Kind
from smtpscope.session.view import View
from smtpscope.smtp.events import Event, Marked, Received, Sent


def lines_of(log: Log, *kinds: Kind) -> list[bytes]:
    return [log.octets(row) for row in range(len(log)) if log.kind[row] in kinds]


@given(sessions)
def test_every_octet_is_in_one_row_in_order_and_only_line_ends_part_them(events: list[Event]) -> None:
    log = view_of(events).log
    received = b"".join(event.data for event in events if isinstance(event, Received))
    rows = lines_of(log, Kind.RECEIVED, Kind.REFUSED)
    assert received.startswith(b"".join(rows))
    assert b"\n" not in received[len(b"".join(rows)) :], "a line that has ended is a row"
    assert all(b"\n" not in row[:-1] for row in rows)
    sent = b"".join(event.data for event in events if isinstance(event, Sent))
    assert b"".join(lines_of(log, Kind.SENT, Kind.TEXT)) == sent
    assert all(b"\n" not in row[:-1] for row in lines_of(log, Kind.SENT))


@given(sessions)
def test_in_portions_it_is_the_same(events: list[Event]) -> None:
    whole = view_of(events).log
    view = View(recorded(events))
    while view.take(budget=0.0):
        view.log.changed = len(view.log.shown)
    for name in ("kind", "event", "start", "length", "first", "verb", "code", "flags", "shown", "text"):
        assert getattr(view.log, name) == getattr(whole, name), name


@given(sessions)
def test_a_row_is_found_by_where_it_begins_and_by_any_of_its_octets(events: list[Event]) -> None:
    log = view_of(events).log
    for row in range(len(log)):
        if log.length[row]:
            assert log.row_of(log.event[row], log.start[row]) == row
            for event, start, length in log.recorder.parts(log.event[row], log.start[row], log.length[row]):
                assert log.row_of(event, start + (length - 1) // 2) in (row, row + 1)  # a note stands at the line end
        elif log.kind[row] != Kind.DECODED:
            found = log.row_of(log.event[row], log.start[row])
            assert found == row or log.event[found] == log.event[row]


@given(sessions)
def test_where_a_row_ends_all_its_octets_and_no_more_have_come(events: list[Event]) -> None:
    log = view_of(events).log
    for row in range(len(log)):
        event, octets = log.end_of(row)
        if not log.length[row]:
            continue
        kind = Sent if log.kind[row] in (Kind.SENT, Kind.TEXT) else Received
        until = [*events[:event], events[event]._replace(data=events[event].data[:octets])]  # type: ignore[call-arg,union-attr]
        so_far = b"".join(each.data for each in until if isinstance(each, kind))
        assert so_far.endswith(log.octets(row))


@given(sessions, st.data())
def test_every_row_has_its_place_and_its_group_opens_for_it(events: list[Event], data: st.DataObject) -> None:
    log = view_of(events).log
    for place in reversed(range(len(log.shown))):
        log.toggle(place, data.draw(st.booleans()))
    for row in data.draw(st.permutations(range(len(log)))):
        assert log.shown[log.place(row)] == row
    assert sorted(log.shown) == list(range(len(log)))


@given(sessions, st.data())
def test_marks_are_where_they_were_put_and_go_again(events: list[Event], data: st.DataObject) -> None:
    log = view_of(events).log
    row = data.draw(st.integers(0, len(log) - 1))
    at = (log.event[row], log.start[row])
    view = view_of([*events, Marked(9.0, *at, note="look")])
    marked = view.log.row_of(*at)
    assert (view.log.event[marked], view.log.start[marked]) == at
    assert view.log.mark_of(marked) == "look"
    assert list(view.log.marked) == [marked]
    view = view_of([*events, Marked(9.0, *at, note="look"), Marked(9.1, *at, on=False)])
    assert view.log.mark_of(marked) is None


@given(sessions)
def test_what_is_settled_stays_as_it_is(events: list[Event]) -> None:
    view = View(recorded(events))
    settled, before = 0, b""
    more = True
    while more:
        more = view.take(budget=0.0)
        log = view.log
        columns = bytes(log.kind[:settled] + log.verb[:settled] + log.code[:settled]) + log.length[:settled].tobytes()
        assert columns == before
        settled = log.settled
        before = bytes(log.kind[:settled] + log.verb[:settled] + log.code[:settled]) + log.length[:settled].tobytes()
    assert bisect_left(range(len(log)), settled) <= len(log)
    assert not any(log.flags[row] & BEHIND for row in range(len(log)))
