"""The session as one HTML page: nothing is loaded, nothing runs, and it prints."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from smtpscope.session.export.hiding import Hide
from smtpscope.session.export.report import Part, Report, Step, report
from smtpscope.session.transcript import BAD, ERROR, GOOD, INFO, NO_REPLY, SENT, transcript
from smtpscope.smtp.events import Event

_STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --dim: #57606a; --line: #d0d7de;
  --sent: #0550ae; --good: #116329; --bad: #a40e26; --panel: #f6f8fa; }
@media (prefers-color-scheme: dark) { :root { --back: #0d1117; --text: #e6edf3; --dim: #9198a1; --line: #3d444d;
  --sent: #79c0ff; --good: #56d364; --bad: #ff9a92; --panel: #161b22; } }
body { background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto;
  max-width: 75rem; padding: 0 1rem; }
table { border-collapse: collapse; margin: 0 0 1.5rem; }
th, td { border: 1px solid var(--line); padding: .25rem .6rem; text-align: left; vertical-align: top; }
thead th { background: var(--panel); }
code, pre { font: 14px/1.45 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
pre { background: var(--panel); border: 1px solid var(--line); padding: .8rem; }
.wide { overflow-x: auto; }
.sent { color: var(--sent); } .ok { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
.dim { color: var(--dim); } .number { text-align: right; white-space: nowrap; }
@media print { :root { color-scheme: light; --back: #fff; --text: #000; --dim: #444; --line: #999; --sent: #0550ae;
  --good: #116329; --bad: #a40e26; --panel: #fff; } body { font-size: 11pt; margin: 0; max-width: none; }
  tr, li { break-inside: avoid; } h2, h3 { break-after: avoid; } thead { display: table-header-group; } }
"""

_IN_TLS = ' <span class="dim">TLS</span>'
_CLASSES = {INFO: "dim", ERROR: "bad", NO_REPLY: "bad"}
_CLASSES |= dict.fromkeys(SENT, "sent") | dict.fromkeys(GOOD, "ok") | dict.fromkeys(BAD, "bad")


def write(events: list[Event], hide: Hide) -> str:
    """A page with findings, tables of each connection, and the transcript."""
    it = report(events, hide)
    title = escape(f"SMTP session with {it.where}" if it.where else "SMTP session")
    body = [f"<h1>{title}</h1>", *_findings(it)]
    for part in it.parts:
        body += _part(part)
    body += ["<h2>Transcript</h2>", f"<pre>{_transcript(events, hide)}</pre>"]
    head = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{title}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        "<main>",
    ]
    return "\n".join([*head, *body, "</main>", "</body>", "</html>", ""])


def _findings(it: Report) -> list[str]:
    if not it.findings:
        return ["<h2>Findings</h2>", "<p>Nothing is wrong or notable.</p>"]
    lines = ["<h2>Findings</h2>", "<ul>"]
    for each in it.findings:
        kind = "dim" if each.severity == "note" else "bad"
        where = f'<span class="dim">{escape(each.time)}, {escape(each.source)}</span>'
        lines.append(f'<li><strong class="{kind}">{each.severity}</strong>: {escape(each.text)} {where}</li>')
    return [*lines, "</ul>"]


def _part(part: Part) -> list[str]:
    lines = [f"<h2>{escape(part.title)}</h2>", *_fields(part.facts), "<h3>Steps</h3>", '<div class="wide">', "<table>"]
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Time", "Sent", "Reply", "Took", "Result"))
    lines += [f"<thead><tr>{head}</tr></thead>", "<tbody>", *map(_step, part.steps), "</tbody>", "</table>", "</div>"]
    if part.more:
        lines.append(f"<p>{part.more:,} more steps are not listed.</p>")
    if part.slowest:
        lines.append(f"<p>Slowest: {escape(part.slowest)}</p>")
    for number, fields in enumerate(part.certificates):
        lines += ["<h3>Certificate</h3>" if number == 0 else "<h3>Issuer's certificate</h3>", *_fields(fields)]
    return lines


def _fields(fields: Iterable[tuple[str, str]]) -> list[str]:
    rows = [f'<tr><th scope="row">{label}</th><td>{_code(value)}</td></tr>' for label, value in fields]
    return ["<table>", "<tbody>", *rows, "</tbody>", "</table>"]


def _step(step: Step) -> str:
    kind = {"ok": "ok", "": "dim"}.get(step.result, "bad")
    cells = (
        f'<td class="number">{step.time} s</td>',
        f"<td>{_code(step.said)}{_IN_TLS if step.tls else ''}</td>",
        f"<td>{'<br>'.join(map(_code, step.reply))}</td>",
        f'<td class="number">{step.took}</td>',
        f'<td class="{kind}">{step.result}</td>',
    )
    return f"<tr>{''.join(cells)}</tr>"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>" if text else ""


def _transcript(events: list[Event], hide: Hide) -> str:
    lines = transcript(events, redact=hide.redactor).split("\n")[:-1]
    return "\n".join(f'<span class="{_CLASSES.get(line[:4], "")}">{escape(line)}</span>' for line in lines)
