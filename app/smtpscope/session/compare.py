"""Two sessions side by side, step by step: what differs, and what differs first.

Of several connections the one that came furthest is compared. Steps are aligned by command, then each thing a step is
made of is a row. What differs by nature (times, texts of replies, names of the two servers) never is the difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

from smtpscope.session.certificates import described
from smtpscope.session.comparison import Comparison, Row, comparison_lines, comparison_text
from smtpscope.session.exchanges import STAGES, Connection, Exchange, connections, furthest, stage
from smtpscope.session.export.hiding import Hide
from smtpscope.session.recorder import Recorder
from smtpscope.session.redact import Redactor
from smtpscope.smtp.events import Event
from smtpscope.smtp.facts import capabilities
from smtpscope.visible import octets

__all__ = ["Comparison", "Row", "compare", "comparison_lines", "comparison_text", "outcome"]

STEPS = 1000
"""Steps of each session that are compared."""
CELLS = 1000
"""Cells of the longest text of a row."""
SLOWER = 4.0
"""A time is remarked on from so many times the other on, if it is ``SLOW`` too."""
SLOW = 0.25
"""Seconds."""

_HELLO = ("EHLO", "HELO")


def compare(
    a: Recorder | Iterable[Event], b: Recorder | Iterable[Event], *, redactor: Redactor | None = None
) -> Comparison:
    """Lay two sessions side by side; their secrets are hidden, and those that ``redactor`` knows."""
    events = list(a), list(b)
    hide = Hide(redactor, *events)
    every = connections(events[0]), connections(events[1])
    chosen = [each[furthest(each)] if each else None for each in every]
    rows = _Rows(hide)
    if chosen[0] is not None and chosen[1] is not None:
        rows.minor("connections", str(len(every[0])), str(len(every[1])))
        rows.connection(chosen[0], chosen[1])
    else:
        rows.add("connection", *("made" if each is not None else None for each in chosen))
    first = next((index for index, row in enumerate(rows.rows) if row.differs), None)
    return Comparison(tuple(rows.rows), first, (outcome(chosen[0], hide), outcome(chosen[1], hide)))


def outcome(connection: Connection | None, hide: Hide) -> str:
    """How a connection ended, in a few words."""
    if connection is None:
        return "no connection was made"
    refused = accepted = failed = ""
    for each in connection.exchanges:
        shown = f"{hide.shown(each.verb, 20)}: {_reply(each, hide)}"
        if each.kind in ("DOT", "BDAT LAST") and each.good:
            accepted = _reply(each, hide) or ""
        elif each.kind == "FAILED":
            failed = hide.shown(each.note, CELLS)
        elif each.replies and not each.good and not each.became_text and each.kind != "UNASKED":
            refused = shown
    if accepted:
        return f"message accepted, {accepted}" + (f"; refused {refused}" if refused else "")
    if failed:
        return f"failed, {failed}"
    owed = next((each.verb for each in connection.exchanges if each.ended is None), "")
    if refused or owed:
        said = [f"refused {refused}"] * bool(refused) + [f"no reply to {hide.shown(owed, 20)}"] * bool(owed)
        return "; ".join(said)
    if not connection.exchanges:
        return "not connected"
    last = max(connection.exchanges, key=lambda each: STAGES.index(stage(each)))
    return f"nothing refused, as far as {_LABELS.get(last.kind) or hide.shown(last.verb, 20)}"


class _Rows:
    """Makes the rows."""

    def __init__(self, hide: Hide) -> None:
        self.rows: list[Row] = []
        self._hide = hide
        self._one_server = True

    # -- rows

    def add(self, label: str, a: str | None, b: str | None, *, step: bool = False) -> None:
        """A row of something that should be alike."""
        if a is not None or b is not None:
            self.rows.append(Row(label, a, b, differs=a != b, step=step))

    def minor(self, label: str, a: str | None, b: str | None) -> None:
        """A row of something that may differ."""
        if a is not None or b is not None:
            self.rows.append(Row(label, a, b, minor=a != b))

    def by_server(self, label: str, a: str | None, b: str | None) -> None:
        """A row of something that may differ between two servers, and not on one."""
        (self.add if self._one_server else self.minor)(label, a, b)

    # -- a connection

    def connection(self, a: Connection, b: Connection) -> None:
        """The link, then all steps, then the end."""
        opened = a.opened, b.opened
        self._one_server = opened[0].server.lower() == opened[1].server.lower()
        places = [self._hide.shown(f"{each.server} port {each.port}") for each in opened]
        self.minor("server", places[0], places[1])
        self.minor("address", self._shown(a.peer), self._shown(b.peer))
        self.minor("from", self._shown(a.local), self._shown(b.local))
        self.time("name found", a.found, b.found)
        for left, right in _aligned(_compared(a), _compared(b)):
            self._step(left, right)
        if max(len(_steps(a)), len(_steps(b))) > STEPS:
            self.rows.append(Row(f"only the first {STEPS:,} steps are compared", "", ""))
        self._end(a, b)

    def _end(self, a: Connection, b: Connection) -> None:
        causes = [self._shown(each.closed.cause) if each.closed is not None else None for each in (a, b)]
        over = None not in causes and self._one_server and causes[0] != causes[1]
        said = [each or "still open" for each in causes]
        self.rows.append(Row("end", said[0], said[1], over, not over and said[0] != said[1], step=True))

    def _shown(self, words: str | bytes) -> str | None:
        return self._hide.shown(words, CELLS) if words else None

    def time(self, label: str, a: float | None, b: float | None) -> None:
        """Times differ always; only one that is much longer is remarked on."""
        if a is None and b is None:
            return
        slow = a is not None and b is not None and max(a, b) >= SLOW and max(a, b) >= SLOWER * min(a, b)
        self.rows.append(Row(label, _seconds(a), _seconds(b), minor=slow or a is None or b is None))

    # -- one step

    def _step(self, a: Exchange | None, b: Exchange | None) -> None:
        one = a or b
        assert one is not None
        label = self._label(one)
        said = [self._said(each) for each in (a, b)]
        if a is None or b is None or one.kind == "FAILED":
            self.add(label, said[0], said[1], step=True)
        elif a.kind in _HELLO and a.verb == b.verb:
            self.rows.append(Row(label, said[0], said[1], minor=said[0] != said[1], step=True))
        else:
            self.add(label, said[0], said[1], step=True)
        if one.kind in ("FAILED", "CONNECT"):
            pass
        elif one.kind == "TLS":
            self._tls(a, b)
        else:
            self._replies(a, b)
        self.time("  time", a.took if a else None, b.took if b else None)

    def _label(self, exchange: Exchange) -> str:
        verb = self._hide.shown(exchange.verb, 20)
        if exchange.kind in _HELLO and exchange.tls:
            return f"{verb} in TLS"
        return _LABELS.get(exchange.kind) or verb

    def _said(self, exchange: Exchange | None) -> str | None:
        if exchange is None:
            return None
        match exchange.kind:
            case "CONNECT":
                return "connected" if exchange.good else "not connected"
            case "BANNER":
                return "(the greeting)"
            case "TLS":
                return "handshake" if exchange.good else "handshake, not finished"
            case "UNASKED" | "FAILED":
                return self._hide.shown(exchange.note or exchange.kind.lower(), CELLS)
            case "AUTH":
                who = f" as {exchange.user}" if exchange.user else ""
                return self._hide.shown(exchange.line, CELLS) + self._hide.shown(who, CELLS)
        end = "" if exchange.ending == b"\r\n" else self._hide.shown(exchange.ending)
        late = "  (became text)" if exchange.became_text else ""
        return self._hide.shown(exchange.line, CELLS) + end + late

    def _replies(self, a: Exchange | None, b: Exchange | None) -> None:
        self.add("  code", _code(a), _code(b))
        self.minor("  says", _text(a, self._hide), _text(b, self._hide))
        offers = [_offer(each, self._hide) for each in (a, b)]
        if a is not None and b is not None:
            self._keywords(*offers)
        else:
            self.minor("  offers", *(self._listed(each) if each else None for each in offers))
        if any(each is not None and each.size for each in (a, b)):
            sizes = [f"{each.size:,} octets" if each is not None and each.size else None for each in (a, b)]
            self.minor("  text", sizes[0], sizes[1])

    def _keywords(self, a: dict[str, str], b: dict[str, str]) -> None:
        """A row for each EHLO keyword that is not the same in both; one for all that are."""
        alike = {word: a[word] for word in a if word in b and _same_offer(word, a[word], b[word])}
        for word in dict.fromkeys([*a, *b]):
            if word not in alike:
                said = [self._hide.shown(each[word] or "offered", CELLS) if word in each else None for each in (a, b)]
                self.add(f"  {self._hide.shown(word, 20)}", said[0], said[1])
        if alike:
            self.add("  both offer", self._listed(alike), self._listed(alike))

    def _listed(self, offers: dict[str, str]) -> str:
        return self._hide.shown(", ".join(f"{word} {offers[word]}".strip() for word in offers), CELLS)

    def _tls(self, a: Exchange | None, b: Exchange | None) -> None:
        tls = [each.secured if each is not None else None for each in (a, b)]
        left, right = tls
        self.add("  TLS version", left and self._shown(left.version), right and self._shown(right.version))
        ciphers = [each and self._shown(f"{each.cipher}, {each.bits} bits") for each in tls]
        self.add("  cipher", ciphers[0], ciphers[1])
        self.add("  key exchange", left and self._shown(left.group), right and self._shown(right.group))
        self.by_server("  SNI", left and self._shown(left.server_name), right and self._shown(right.server_name))
        verdicts = [each and (self._shown("; ".join(each.faults)) or "good") for each in tls]
        self.add("  verdict", verdicts[0], verdicts[1])
        chains = [described(each.chain[0]) if each is not None and each.chain else None for each in tls]
        names = [self._shown(each.line) if each is not None else None for each in chains]
        self.by_server("  certificate", names[0], names[1])


# -- steps


def _steps(connection: Connection) -> list[Exchange]:
    return [each for each in connection.exchanges if each.kind != "QUIT" or each.replies or connection.closed]


def _compared(connection: Connection) -> list[Exchange]:
    return _steps(connection)[:STEPS]


def _kind(exchange: Exchange) -> str:
    """What a step is aligned by at first: its command, and for a hello whether it was said in TLS."""
    if exchange.kind in _HELLO:
        return "hello in TLS" if exchange.tls else "hello"
    return exchange.verb if exchange.kind == "CUSTOM" else exchange.kind


def _key(exchange: Exchange) -> tuple[str, bytes]:
    """The command with what it is about: the same recipient is the same step."""
    return _kind(exchange), exchange.line.lower() if exchange.kind in ("RCPT", "CUSTOM") else b""


def _aligned(a: list[Exchange], b: list[Exchange]) -> list[tuple[Exchange | None, Exchange | None]]:
    """The steps in pairs, in an order in which both keep theirs."""
    pairs: list[tuple[Exchange | None, Exchange | None]] = []
    exact = SequenceMatcher(None, [_key(each) for each in a], [_key(each) for each in b], autojunk=False)
    for tag, a_start, a_end, b_start, b_end in exact.get_opcodes():
        left, right = a[a_start:a_end], b[b_start:b_end]
        if tag == "equal":
            pairs += zip(left, right, strict=True)
            continue
        near = SequenceMatcher(None, [_kind(each) for each in left], [_kind(each) for each in right], autojunk=False)
        for inner, i, j, k, m in near.get_opcodes():
            if inner == "equal":
                pairs += zip(left[i:j], right[k:m], strict=True)
            else:
                pairs += [(each, None) for each in left[i:j]]
                pairs += [(None, each) for each in right[k:m]]
    return pairs


_LABELS = {"CONNECT": "connect", "BANNER": "greeting", "UNASKED": "unasked", "FAILED": "failed", "DOT": "."}


def _code(exchange: Exchange | None) -> str | None:
    """The codes that decide: those of the final replies, with their enhanced ones."""
    if exchange is None:
        return None
    if not exchange.replies:
        return "no reply"
    codes = [" ".join(filter(None, (str(each.code or "none"), each.enhanced))) for each in exchange.replies]
    return ", ".join(codes[:20])


def _text(exchange: Exchange | None, hide: Hide) -> str | None:
    reply = exchange.reply if exchange is not None else None
    if exchange is None or reply is None:
        return None
    lines = reply.lines[:1] if exchange.kind == "EHLO" and reply.positive else reply.lines
    return hide.shown(" / ".join(line.removeprefix(f"{reply.enhanced} ") for line in lines), CELLS) or None


def _reply(exchange: Exchange, hide: Hide) -> str:
    reply = exchange.reply
    return hide.shown(f"{reply.code or ''} {' / '.join(reply.lines)}".strip(), 120) if reply is not None else ""


def _offer(exchange: Exchange | None, hide: Hide) -> dict[str, str]:
    """The keywords of an EHLO. A secret is hidden before the lines are taken to words: it may be several."""
    reply = exchange.reply if exchange is not None else None
    if exchange is None or exchange.kind != "EHLO" or reply is None or not reply.positive:
        return {}
    return capabilities(tuple(hide(octets(line)).decode("utf-8", "surrogateescape") for line in reply.lines))


def _same_offer(keyword: str, a: str, b: str) -> bool:
    """Whether what stands behind a keyword says the same; the order of mechanisms says nothing."""
    return a == b or (keyword == "AUTH" and sorted(a.split()) == sorted(b.split()))


def _seconds(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1000:.{0 if seconds >= 0.01 else 1}f} ms"
