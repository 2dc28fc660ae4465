"""What a recording looks like to a user, as plain values: for comparing one with another."""

from __future__ import annotations

from smtpscope.session.recorder import Recorder
from smtpscope.session.rows import Kind
from smtpscope.session.view import View
from smtpscope.smtp.events import Event


def view_of(recorder: Recorder) -> View:
    view = View(recorder)
    view.take()
    return view


def rows(view: View) -> list[tuple[str, str, str]]:
    """Time, direction and words of every row that is shown, but for what the base64 of a login says."""
    log = view.log
    shown = [row for row in log.shown if log.kind[row] != Kind.DECODED]
    return [(log.clock(row), log.marks(row), "".join(text for text, _ in log.spans(row))) for row in shown]


def state(view: View) -> dict[str, object]:
    """Where the session stands."""
    machine, now = view.machine, view.now
    return {
        "here": machine.here,
        "prompt": machine.prompt,
        "facts": machine.facts,
        "passed": machine.passed,
        "moves": machine.moves,
        "refusal": machine.refusal,
        "pending": [(entry.kind, entry.member, entry.sent, entry.timed_out) for entry in machine.pending],
        "queue id": now.queue_id,
        "peer": now.peer,
        "question": now.question,
        "closed": now.closed,
        "secured": now.secured,
        "connections": now.connections,
    }


def recorded(events: list[Event]) -> Recorder:
    recorder = Recorder()
    for event in events:
        recorder.append(event)
    return recorder
