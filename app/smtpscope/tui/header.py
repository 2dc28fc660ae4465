"""The header: where we are talking to, how safely, as whom, and what is being waited for; one row."""

from __future__ import annotations

from typing import NamedTuple

from smtpscope.profile import Profile
from smtpscope.session.moment import Moment
from smtpscope.session.redact import Redactor
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import LinkStatus
from smtpscope.smtp.stages import stage_of
from smtpscope.tui.picture_state import duration, size
from smtpscope.visible import safe, visible_text
from smtpscope_widgets.spans import Spans, cells, cut

C = SMTPCommand

LONGEST = 40
"""Cells of a name that others gave."""


class Shown(NamedTuple):
    """What the screen shows: a moment, the time there, and how it is told from the present."""

    moment: Moment
    redactor: Redactor
    now: float
    """Seconds since connect."""
    past: bool = False
    came: int = 0
    """Rows that have come since the past was gone back to."""
    question: bool = False
    """A question stands in the present."""
    notice: str = ""
    """What is told before all else, empty for nothing."""
    findings: str = ""
    """How many there are, ``2 findings``; empty for none."""


def header(shown: Shown, profile: Profile, width: int, picture_size: str) -> Spans:
    """The header's spans for a terminal of ``width`` columns.

    Host, TLS and what goes on are always there, however short; the others as far as there is room.
    """
    narrow, gap = width < 60, 2 if width < 100 else 3
    doing, tls = _doing(shown, profile), _tls(shown, narrow)
    room = width - 2 - min(map(cells, doing))
    parts = [cut(_host(shown, profile, narrow), room - gap - (cells(tls) + gap if tls else 0)), tls]
    for part in (_login(shown), _recipients(shown)) if picture_size != "strip" or not narrow else ():
        parts += [part] if _taken([*parts, part], gap) <= room else []
    parts.append(_fitting(doing, width - 2 - _taken(parts, gap)))
    if shown.moment.queue_id:
        queue_id: Spans = [("queue id ", "dim"), (_foreign(shown, shown.moment.queue_id), "strong")]
        parts += [queue_id] if _taken([*parts, queue_id], gap) - gap <= width - 2 else []
    if shown.findings:
        words = shown.findings if width >= 100 else f"!{shown.findings.split()[0]}"
        found: Spans = [(words, "warn")]
        parts += [found] if _taken([*parts, found], gap) - gap <= width - 2 else []
    spans: Spans = [(" ", "text")]
    for part in parts:
        if part:
            spans += [*part, (" " * gap, "text")]
    return spans[:-1]


def _fitting(ways: list[Spans], room: int) -> Spans:
    """The first of several ways to say it that has room, else the last."""
    return next((way for way in ways if cells(way) <= room), ways[-1])


def _foreign(shown: Shown, text: str) -> str:
    """Words of others: safe, without secrets, and not so long that nothing else has room."""
    return visible_text(shown.redactor.text(text), limit=LONGEST)


def _taken(parts: list[Spans], gap: int) -> int:
    """The cells of the parts, each with the gap behind it."""
    return sum(cells(part) + gap for part in parts if part)


def _host(shown: Shown, profile: Profile, narrow: bool) -> Spans:
    opened = shown.moment.opened
    server, port = (opened.server, opened.port) if opened else (profile.server, profile.port)
    host = f"[{server}]" if ":" in server else server
    if profile.demo and not opened:
        return [("practice server", "strong")]
    spans: Spans = [(f"{_foreign(shown, host)}:{port}", "strong")]
    if shown.moment.peer and shown.moment.peer != server and not narrow:
        spans.append((f" {_foreign(shown, shown.moment.peer)}", "dim"))
    return spans


def _tls(shown: Shown, narrow: bool) -> Spans:
    if shown.moment.closed is not None:
        return []
    if not shown.moment.machine.facts.tls or shown.moment.secured is None:
        return [("no TLS", "dim")] if shown.moment.machine.facts.link else []
    version = "TLS" if narrow else shown.moment.secured.version.replace("TLSv", "TLS")
    if shown.moment.secured.faults:
        return [(f"{version} ✗{'' if narrow else ' certificate'}", "bad")]
    return [(f"{version} ✓", "good")]


def _login(shown: Shown) -> Spans:
    facts = shown.moment.machine.facts
    if facts.auth and shown.moment.closed is None:
        return [(_foreign(shown, facts.user) or "logged in", "strong")]
    return []


def _recipients(shown: Shown) -> Spans:
    facts = shown.moment.machine.facts
    return [(f"RCPT {facts.ok}/{facts.bad}", "text")] if (facts.ok or facts.bad) and shown.moment.closed is None else []


def _doing(shown: Shown, profile: Profile) -> list[Spans]:
    """What goes on, in words of which the first that fits is taken."""
    if shown.past:
        return _past(shown)
    if shown.notice:
        return [[(shown.notice, "warn")], *(cut([(shown.notice, "warn")], room, "...") for room in (60, 45, 30, 15))]
    machine, link = shown.moment.machine, shown.moment.link
    if shown.moment.question is not None:
        return [[("a question stands", "question")], [("question", "question")]]
    if shown.moment.opened is None:
        return [[("not connected", "dim")]]
    if shown.moment.closed is not None:
        cause = safe(shown.redactor.text(shown.moment.closed.cause))
        way_out = "closed, c connects again"
        how, _, why = cause.partition(": ")
        if how.startswith("closed"):  # it says so itself
            way_out, cause = f"{how}; c connects again", why
        whole: Spans = [(f"{way_out}: {cause}" if cause else way_out, "warn")]
        return [
            whole,
            *(cut(whole, room, "...") for room in (100, 80, 60, 45)),
            [(way_out, "warn")],
            [("closed, c connects again", "warn")],
            [("closed", "warn")],
        ]
    if machine.facts.securing or (link is not None and link.status is LinkStatus.SECURING):
        return [[("TLS handshake", "warn")]]
    if machine.facts.status is LinkStatus.DISCONNECTING:
        return [[(machine.facts.status.value, "warn")]]
    if not machine.facts.greeted:
        return _before_greeting(shown, profile)
    if machine.facts.streaming:
        return _sending(shown)
    if shown.moment.proposed is not None or machine.asks_user:
        return [[("AUTH: your step", "warn")], [("your step", "warn")]]
    if machine.pending:
        entry = machine.pending[0]
        late = " (late)" if entry.timed_out else ""
        more = f" +{len(machine.pending) - 1}" if len(machine.pending) > 1 else ""
        time = f"{duration(shown.now - entry.sent)}{more}{late}"
        return [
            [(f"waiting: {_foreign(shown, entry.verb)[:12]} {time}", "warn")],
            [(f"waiting {time}", "warn")],
            [(time, "warn")],
        ]
    return [[(f"idle {clock(shown.now - shown.moment.time)}", "dim")]]


def _past(shown: Shown) -> list[Spans]:
    """The moment that is shown, and what goes on in the present."""
    mark = (f" PAST {shown.now:.3f} s ", "question")
    news = f"  {shown.came:,} new row{'' if shown.came == 1 else 's'}" if shown.came else ""
    asked: Spans = [("  a question stands", "warn")] if shown.question else []
    return [
        [mark, (news, "text"), *asked],
        [mark, (f"  +{shown.came:,}" if shown.came else "", "text"), *([("  ?", "warn")] if asked else [])],
        [mark],
        [("PAST", "question")],
    ]


def _sending(shown: Shown) -> list[Spans]:
    """How much of the message is out, how fast, and how long it will take."""
    progress, elapsed = shown.moment.progress, max(0.001, shown.now - shown.moment.stream_since)
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


def _before_greeting(shown: Shown, profile: Profile) -> list[Spans]:
    link = shown.moment.link
    if link is None or link.status is not LinkStatus.CONNECTED:
        words = link.status.value if link else "connecting"
        return [[(words, "warn"), (f" {clock(shown.now)}", "text")]]
    limit = stage_of("BANNER", profile.timeout)
    time = f"  {clock(shown.now)}{f' of {clock(limit)}' if limit else ''}"
    up = duration(link.time)
    return [
        [(f"TCP up {up} from {_foreign(shown, shown.moment.local)}, waiting for 220", "warn"), (time, "text")],
        [(f"TCP up {up}, waiting for 220", "warn"), (time, "text")],
        [("waiting for 220", "warn"), (time, "text")],
        [(time.replace(" of ", "/").strip(), "text")],
    ]


def clock(seconds: float) -> str:
    """``0:12``, ``5:00``."""
    return f"{int(max(0, seconds)) // 60}:{int(max(0, seconds)) % 60:02}"
