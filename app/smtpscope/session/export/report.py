"""What a report says, whatever it is written in: every text printable and without secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from smtpscope.session.capabilities import Capabilities
from smtpscope.session.certificates import described
from smtpscope.session.compare import outcome
from smtpscope.session.exchanges import Connection, Exchange, connections
from smtpscope.session.export.hiding import Hide
from smtpscope.session.findings import Finding, Findings, Severity
from smtpscope.smtp.events import Event
from smtpscope.smtp.machine import Machine

STEPS = 5000
"""Steps of a connection that are listed."""
CELLS = 2000
"""Cells of the longest line that is shown whole."""
SLOWEST = 3

_SEVERITIES = {Severity.DANGER: "danger", Severity.FAULT: "fault", Severity.NOTE: "note"}


class Step(NamedTuple):
    """One row of the table of steps."""

    time: str
    said: str
    reply: tuple[str, ...]
    took: str
    result: str
    """``ok``, ``refused``, ``no reply``, or empty where nothing was asked."""
    tls: bool


class Found(NamedTuple):
    """One finding."""

    severity: str
    text: str
    time: str
    source: str


@dataclass(slots=True)
class Part:
    """One connection."""

    title: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    more: int = 0
    """Steps that are not listed."""
    slowest: str = ""
    certificates: list[list[tuple[str, str]]] = field(default_factory=list)
    """The fields of each certificate of the chain, the server's own first."""


@dataclass(slots=True)
class Report:
    """All of it."""

    where: str
    """The server; empty where there was no connection."""
    parts: list[Part]
    findings: list[Found]


def report(events: list[Event], hide: Hide) -> Report:
    """The report of a session."""
    every = connections(events)
    parts = [_part(each, hide, number if len(every) > 1 else 0) for number, each in enumerate(every, 1)]
    where = f"{hide.shown(every[-1].opened.server)} port {every[-1].opened.port}" if every else ""
    return Report(where, parts, [_found(each, hide) for each in _findings(events, hide)])


def _findings(events: list[Event], hide: Hide) -> list[Finding]:
    machine, capabilities = Machine(), Capabilities()
    findings = Findings(capabilities, hide.redactor)
    for index, event in enumerate(events):
        answers = machine.apply(event)
        capabilities.apply(index, event, machine, answers)
        findings.apply(index, event, machine, answers)
    return findings.found


def _found(finding: Finding, hide: Hide) -> Found:
    more = finding.count() - 1
    text = hide.shown(finding.text) + (f", and {more:,} more" if more else "")
    return Found(_SEVERITIES[finding.severity], text, f"{finding.time:.3f} s", hide.shown(finding.source))


def _part(connection: Connection, hide: Hide, number: int) -> Part:
    opened, secured = connection.opened, connection.secured
    part = Part(f"Connection {number}" if number else "The connection")
    when = f"{datetime.fromtimestamp(opened.wall, UTC):%Y-%m-%d %H:%M:%S} UTC" if opened.wall else ""
    tls = "none"
    if secured is not None:
        how = "from the start" if opened.implicit_tls else "by STARTTLS"
        tls = f"{how}, {secured.version}, {secured.cipher}, {secured.bits} bits"
        tls += f", {secured.group}" if secured.group else ""
    logins = [each for each in connection.of("AUTH") if each.good]
    facts = (
        ("Server", f"{opened.server} port {opened.port}"),
        ("Address", connection.peer),
        ("From", connection.local),
        ("Time", when),
        ("TLS", tls),
        ("Certificate", ("; ".join(secured.faults) or f"good for {secured.server_name}") if secured else ""),
        ("Login", f"{logins[-1].user or 'yes'}" if logins else ""),
        ("End", connection.closed.cause if connection.closed else "still open"),
    )
    part.facts = [("Outcome", outcome(connection, hide))]
    part.facts += [(label, hide.shown(value)) for label, value in facts if value]
    if connection.found is not None:
        part.steps.append(Step("0.000", "find the server's address", (), _took(connection.found), "ok", False))
    part.steps += [_step(each, hide) for each in connection.exchanges[:STEPS] if each.kind != "UNASKED" or each.replies]
    part.more = max(0, len(connection.exchanges) - STEPS)
    timed = sorted((each for each in connection.exchanges if each.took), key=lambda each: -(each.took or 0.0))
    part.slowest = ", ".join(f"{_name(each, hide)} {_took(each.took)}" for each in timed[:SLOWEST])
    part.certificates = [_certificate(der, hide) for der in (secured.chain if secured else ())]
    return part


def _name(exchange: Exchange, hide: Hide) -> str:
    names = {"CONNECT": "connect", "BANNER": "greeting", "TLS": "TLS handshake", "DOT": "end of data"}
    return names.get(exchange.kind) or hide.shown(exchange.verb, 40)


def _step(exchange: Exchange, hide: Hide) -> Step:
    match exchange.kind:
        case "CONNECT":
            said = "connect"
        case "BANNER":
            said = "(greeting)"
        case "TLS":
            said = "(TLS handshake)"
        case "UNASKED" | "FAILED":
            said = f"({exchange.note or exchange.kind.lower()})"
        case "DATA" if exchange.size:
            said = f"DATA  (and then {exchange.size:,} octets of text)"
        case _:
            said = exchange.line.decode("utf-8", "surrogateescape")
    lines = tuple(hide.shown(line, CELLS) for reply in exchange.replies for line in reply.raw.split(b"\r\n") if line)
    return Step(
        f"{exchange.time:.3f}", hide.shown(said, CELLS), lines, _took(exchange.took), _result(exchange), exchange.tls
    )


def _result(exchange: Exchange) -> str:
    if exchange.kind == "FAILED":
        return "failed"
    if exchange.kind == "UNASKED" or exchange.became_text:
        return ""
    if exchange.secured is not None and exchange.secured.faults:
        return "not good"
    if exchange.good:
        return "ok"
    return "refused" if exchange.replies else "no reply"


def _took(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds >= 10:
        return f"{seconds:,.1f} s"
    return f"{seconds * 1000:,.{0 if seconds >= 0.01 else 1}f} ms"


def _certificate(der: bytes, hide: Hide) -> list[tuple[str, str]]:
    it = described(der)
    fields = (
        ("Subject", it.subject),
        ("Names", ", ".join(it.names)),
        ("Issuer", it.issuer),
        ("Valid from", f"{it.not_before:%Y-%m-%d %H:%M:%S} UTC" if it.not_before else ""),
        ("Valid until", f"{it.not_after:%Y-%m-%d %H:%M:%S} UTC" if it.not_after else ""),
        ("SHA-256", it.fingerprint),
    )
    return [(label, hide.shown(value)) for label, value in fields if value]
