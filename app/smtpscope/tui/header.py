"""The header: where we are talking to, how safely, as whom, and what is being waited for; one row."""

from __future__ import annotations

from smtpscope.profile import Profile
from smtpscope.session.view import View
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import LinkStatus
from smtpscope.smtp.stages import stage_of
from smtpscope.tui.picture_state import duration, size
from smtpscope.visible import safe, visible_text
from smtpscope_widgets.spans import Spans, cells, cut

C = SMTPCommand

LONGEST = 40
"""Cells of a name that others gave."""


def header(view: View, profile: Profile, now: float, width: int, picture_size: str) -> Spans:
    """The header's spans for a terminal of ``width`` columns; ``now`` is in seconds since connect.

    Host, TLS and what goes on are always there, however short; the others as far as there is room.
    """
    narrow, gap = width < 60, 2 if width < 100 else 3
    doing, tls = _doing(view, profile, now), _tls(view, narrow)
    room = width - 2 - min(map(cells, doing))
    parts = [cut(_host(view, profile, narrow), room - gap - (cells(tls) + gap if tls else 0)), tls]
    for part in (_login(view), _recipients(view)) if picture_size != "strip" or not narrow else ():
        parts += [part] if _taken([*parts, part], gap) <= room else []
    parts.append(_fitting(doing, width - 2 - _taken(parts, gap)))
    if view.queue_id:
        queue_id: Spans = [("queue id ", "dim"), (_foreign(view, view.queue_id), "strong")]
        parts += [queue_id] if _taken([*parts, queue_id], gap) - gap <= width - 2 else []
    spans: Spans = [(" ", "text")]
    for part in parts:
        if part:
            spans += [*part, (" " * gap, "text")]
    return spans[:-1]


def _fitting(ways: list[Spans], room: int) -> Spans:
    """The first of several ways to say it that has room, else the last."""
    return next((way for way in ways if cells(way) <= room), ways[-1])


def _foreign(view: View, text: str) -> str:
    """Words of others: safe, without secrets, and not so long that nothing else has room."""
    return visible_text(view.redactor.text(text), limit=LONGEST)


def _taken(parts: list[Spans], gap: int) -> int:
    """The cells of the parts, each with the gap behind it."""
    return sum(cells(part) + gap for part in parts if part)


def _host(view: View, profile: Profile, narrow: bool) -> Spans:
    server, port = (view.opened.server, view.opened.port) if view.opened else (profile.server, profile.port)
    host = f"[{server}]" if ":" in server else server
    if profile.demo and not view.opened:
        return [("practice server", "strong")]
    spans: Spans = [(f"{_foreign(view, host)}:{port}", "strong")]
    if view.peer and view.peer != server and not narrow:
        spans.append((f" {_foreign(view, view.peer)}", "dim"))
    return spans


def _tls(view: View, narrow: bool) -> Spans:
    if view.closed is not None:
        return []
    if not view.machine.facts.tls or view.secured is None:
        return [("no TLS", "dim")] if view.machine.facts.link else []
    version = "TLS" if narrow else view.secured.version.replace("TLSv", "TLS")
    if view.secured.faults:
        return [(f"{version} ✗{'' if narrow else ' certificate'}", "bad")]
    return [(f"{version} ✓", "good")]


def _login(view: View) -> Spans:
    facts = view.machine.facts
    if facts.auth and view.closed is None:
        return [(_foreign(view, facts.user) or "logged in", "strong")]
    return []


def _recipients(view: View) -> Spans:
    facts = view.machine.facts
    return [(f"RCPT {facts.ok}/{facts.bad}", "text")] if (facts.ok or facts.bad) and view.closed is None else []


def _doing(view: View, profile: Profile, now: float) -> list[Spans]:
    """What goes on, in words of which the first that fits is taken."""
    machine, link = view.machine, view.link
    if view.question is not None:
        return [[("a question stands", "question")], [("question", "question")]]
    if view.opened is None:
        return [[("not connected", "dim")]]
    if view.closed is not None:
        cause = safe(view.redactor.text(view.closed.cause))
        way_out = "closed, c connects again"
        whole: Spans = [(f"{way_out}: {cause}", "warn")]
        return [
            whole,
            *(cut(whole, room, "...") for room in (100, 80, 60, 45)),
            [(way_out, "warn")],
            [("closed", "warn")],
        ]
    if machine.facts.securing or (link is not None and link.status is LinkStatus.SECURING):
        return [[("TLS handshake", "warn")]]
    if not machine.facts.greeted:
        return _before_greeting(view, profile, now)
    if machine.facts.streaming:
        return _sending(view, now)
    if machine.pending:
        entry = machine.pending[0]
        late = " (late)" if entry.timed_out else ""
        more = f" +{len(machine.pending) - 1}" if len(machine.pending) > 1 else ""
        time = f"{duration(now - entry.sent)}{more}{late}"
        return [
            [(f"waiting: {_foreign(view, entry.verb)[:12]} {time}", "warn")],
            [(f"waiting {time}", "warn")],
            [(time, "warn")],
        ]
    return [[(f"idle {clock(now - view.time)}", "dim")]]


def _sending(view: View, now: float) -> list[Spans]:
    """How much of the message is out, how fast, and how long it will take."""
    progress, elapsed = view.progress, max(0.001, now - view.stream_since)
    sent = progress.sent if progress else 0
    rate = sent / elapsed
    words = [f"sending {size(sent)}", f"{size(int(rate))}/s"]
    if progress is not None and progress.total:
        done = min(1.0, sent / progress.total)
        words[0] = f"sending {bar(done)} {done:.0%} of {size(progress.total)}"
        words.append(f"{clock((progress.total - sent) / max(rate, 1.0) + 0.5)} left")
    return [[(", ".join(words), "warn")], [(words[0], "warn")], [(f"sending {size(sent)}", "warn")]]


def bar(done: float, width: int = 10) -> str:
    """A progress bar for a part between 0 and 1."""
    full = round(done * width)
    return "█" * full + "░" * (width - full)


def _before_greeting(view: View, profile: Profile, now: float) -> list[Spans]:
    link = view.link
    if link is None or link.status is not LinkStatus.CONNECTED:
        words = link.status.value if link else "connecting"
        return [[(words, "warn"), (f" {clock(now)}", "text")]]
    limit = stage_of("BANNER", profile.timeout)
    time = f"  {clock(now)}{f' of {clock(limit)}' if limit else ''}"
    up = duration(link.time)
    return [
        [(f"TCP up {up} from {_foreign(view, view.local)}, waiting for 220", "warn"), (time, "text")],
        [(f"TCP up {up}, waiting for 220", "warn"), (time, "text")],
        [("waiting for 220", "warn"), (time, "text")],
        [(time.replace(" of ", "/").strip(), "text")],
    ]


def clock(seconds: float) -> str:
    """``0:12``, ``5:00``."""
    return f"{int(max(0, seconds)) // 60}:{int(max(0, seconds)) % 60:02}"
