"""Going back: the fold up to any row is the session as it ran."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings

from session.test_view import ASKED
from smtp.test_machine import picture, sessions
from smtpscope.session import past
from smtpscope.session.moment import Moment
from smtpscope.session.past import Past
from smtpscope.session.recorder import Recorder
from smtpscope.session.view import View
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Event, Received, Sent
from tui.recordings import finished, questioned, waiting

C = SMTPCommand


def recorded(events: Iterable[Event]) -> Recorder:
    recorder = Recorder()
    for event in events:
        recorder.append(event)
    return recorder


def shown(moment: Moment) -> tuple[object, ...]:
    """All that the screen tells of a moment."""
    values = {name: value for name, value in vars(moment).items() if name not in ("machine", "answered")}
    machine = moment.machine.copy()  # of the moves it has the last, however it was come by
    return picture(machine), moment.machine.walked, moment.machine.visited, repr(moment.answered), values


@given(sessions())
@settings(max_examples=150)
def test_the_fold_at_every_event_is_the_session_as_it_ran(events: list[Event]) -> None:
    running, view = Moment(), View(recorded(events))
    ran = []
    for event in events:
        running.apply(event)
        ran.append(shown(running.copy()))
    view.take()
    going_back = Past(view.recorder)
    for index in reversed(range(len(events))):
        assert shown(going_back.at(index)) == ran[index]


@pytest.mark.parametrize("recording", [finished, waiting, questioned])
def test_the_fold_at_every_row_is_the_machine_as_it_ran(recording: object) -> None:
    recorder = recording()  # type: ignore[operator]
    view, running = View(recorder), View(recorder)
    view.take()
    ran = {}
    while running.taken < len(recorder):
        rows = len(running.log)
        running.take(0.0)
        ran.update(dict.fromkeys(range(rows, len(running.log)), shown(running.now.copy())))
    for row in range(len(view.log)):
        if view.log.clock(row) or view.log.first[row] == row:
            assert shown(view.at(row)) == ran[row], view.log.spans(row)


def test_replies_of_one_read_are_moments_of_their_own() -> None:
    recorder = recorded(
        [
            *questioned()[:5],
            Received(0.1, b"220 mx ESMTP\r\n"),
            Sent(0.2, b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\n"),
            Received(0.3, b"250-mx\r\n250 PIPELINING\r\n250 2.1.0 Ok\r\n"),
            Received(0.4, b"250 2.1.5 Ok\r\n"),
        ]
    )
    view = View(recorder)
    view.take()
    rows = {bytes(view.log.octets(row)): row for row in range(len(view.log)) if view.log.length[row]}
    assert view.at(rows[b"EHLO c\r\n"]).machine.here is C.BANNER
    assert [entry.kind for entry in view.at(rows[b"MAIL FROM:<>\r\n"]).machine.pending] == ["EHLO", "MAIL"]
    assert view.at(rows[b"250-mx\r\n"]).machine.facts.hello == "EHLO", "a reply is one moment"
    assert len(view.at(rows[b"250 PIPELINING\r\n"]).machine.pending) == 2
    assert view.at(rows[b"250 2.1.0 Ok\r\n"]).machine.here is C.MAIL
    assert view.at(rows[b"250 2.1.5 Ok\r\n"]).machine.here is C.RCPT


def test_a_moment_goes_on_without_the_one_it_was_copied_from() -> None:
    moment = Moment()
    for event in finished()[:-4]:
        moment.apply(event)
    before, twin = shown(moment.copy()), moment.copy()
    for event in [*finished()[-4:], ASKED]:
        twin.apply(event)
    assert shown(moment) == before != shown(twin)


def test_a_long_session_keeps_few_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past, "EVERY", 10)
    monkeypatch.setattr(past, "STEP", 5)
    monkeypatch.setattr(past, "COPIES", 8)
    recorder = recorded([*finished()[:6], *(Sent(1.0, b"NOOP\r\n"), Received(1.1, b"250 ok\r\n")) * 300])
    going_back, running, ran = Past(recorder), Moment(), {}
    for index, event in enumerate(recorder):
        going_back.keep(index, running)
        running.apply(event)
        if index % 37 == 0:
            ran[index] = shown(running.copy())
    assert len(going_back._kept) <= 8
    for index, then in ran.items():
        assert shown(going_back.at(index)) == then
