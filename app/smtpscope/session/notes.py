"""What happened between the wire lines, in words: one short note for each event that is not octets."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from smtpscope.smtp.events import (
    Answered,
    Asked,
    Closed,
    Connect,
    Event,
    Failed,
    Forgot,
    Link,
    LinkStatus,
    Opened,
    Progress,
    Secured,
    StartTls,
    TimedOut,
    Told,
    Waited,
)


class Note(NamedTuple):
    """``kind`` is the name of a row kind: NOTE, FAULT, DIVIDER, QUESTION. Foreign words in ``text`` are raw."""

    kind: str
    text: str


def is_conclusion(event: Event) -> bool:
    """Whether an event's text is a verdict of ours, the foreign parts of which were hidden when it was made.

    To hide a word of ours in it, because it is somebody's password too, would ruin it, and tell the password.
    """
    return isinstance(event, Told) and event.kind == "varied"


def note(event: Event, *, first: bool = True) -> Note | None:
    """The note for an event, None where there is nothing to say; ``first`` says that it is of the first connection."""
    match event:
        case Opened():
            return Note("NOTE" if first else "DIVIDER", f"{'connect' if first else 'connect again'} to {_place(event)}")
        case Link():
            return _link(event)
        case Secured():
            if event.faults:
                faults = "; ".join(event.faults)  # they leave little room
                return Note("FAULT", f"TLS started: {faults}; {event.version}, {short_cipher(event.cipher)}")
            cipher = f"{event.version}, {event.cipher}, {event.bits} bits"
            return Note("NOTE", f"TLS started: certificate good; {cipher}")
        case TimedOut():
            return Note("FAULT", f"no reply within {event.seconds:g} s: it is still owed")
        case Waited():
            how_long = f"up to {event.seconds:g} s more" if event.seconds else "for as long as it takes"
            return Note("NOTE", f"waiting {how_long}")
        case Forgot():
            return Note("NOTE", f"the oldest owed reply is given up{f', taken as {event.code}' if event.code else ''}")
        case Asked():
            return Note("QUESTION", event.text)
        case Answered():
            return Note("NOTE", f"answered: {event.answer + 1}")
        case Failed():
            ended = isinstance(event.step, Connect | StartTls)
            return Note("FAULT", with_way_out(event.reason) if ended else event.reason)
        case Told():
            return Note("NOTE", event.text)
        case Closed():
            lost = f"; {event.unsent:,} octets of ours were never sent" if event.unsent else ""
            return Note("DIVIDER", with_way_out(f"{closed(event)}{lost}"))
    return None


def closed(event: Closed) -> str:
    """How a connection ended."""
    return event.cause if event.cause.startswith("closed") else f"closed: {event.cause}"


def with_way_out(sentence: str) -> str:
    """What ended the connection, and how to get another."""
    return f"{sentence}{'' if sentence.endswith('?') else ';'} c connects again"


def answered(question: Asked, answer: Answered) -> Note:
    """What the user said to ``question``."""
    known = 0 <= answer.answer < len(question.answers)  # a kept session may say anything
    return Note("NOTE", f"answered: {question.answers[answer.answer] if known else answer.answer + 1}")


def short_cipher(name: str) -> str:
    """``AES_256_GCM`` of ``TLS_AES_256_GCM_SHA384``, the whole of an older name."""
    return name.removeprefix("TLS_").rpartition("_SHA")[0] if name.startswith("TLS_") and "_SHA" in name else name


def _place(event: Opened) -> str:
    host = f"[{event.server}]" if ":" in event.server else event.server
    return f"{host}:{event.port}{' with TLS from the start' if event.implicit_tls else ''}"


def _link(event: Link) -> Note | None:
    match event.status:
        case LinkStatus.FINDINGHOST:
            return Note("NOTE", f"finding host {event.detail}")
        case LinkStatus.CONNECTING:
            return Note("NOTE", f"connecting to {event.detail}")
        case LinkStatus.SECURING:
            return Note("NOTE", "TLS handshake")
        case LinkStatus.CONNECTED if event.detail != "TLS":
            return Note("NOTE", event.detail)
    return None


def message(event: Progress, lines: int) -> str:
    """How a folded message stands in the log."""
    text = f"message, {event.sent:,} bytes, {lines:,} lines"
    if not event.done and event.total:
        text += f", {min(99, event.sent * 100 // event.total)} %"
    return text


def wall_time(seconds: float) -> str:
    """A time of day with milliseconds."""
    return datetime.fromtimestamp(seconds).strftime("%H:%M:%S.%f")[:-3]


def duration(seconds: float) -> str:
    """A length of time as people read it: ``0.4 ms``, ``31 ms``, ``1.25 s``, ``2 min 5 s``."""
    if seconds < 0.00995:
        return f"{max(0.0, seconds) * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 99.95:
        return f"{seconds:.2f} s"
    return f"{round(seconds) // 60} min {round(seconds) % 60} s"
