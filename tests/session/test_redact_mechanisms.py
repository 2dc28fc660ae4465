"""No mechanism gives its password away: not the log, not a page, nothing copied, kept or exported, no comparison."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.echoing import b64, echoing, forms, leaks
from session.driving import Driven, driving
from smtpscope.again import line_of
from smtpscope.profile import Profile
from smtpscope.secret import Secret
from smtpscope.session.capabilities import capability_lines
from smtpscope.session.case import case_of
from smtpscope.session.compare import compare, comparison_text
from smtpscope.session.export import KINDS, export
from smtpscope.session.findings import findings_lines
from smtpscope.session.keep import Keeper, load
from smtpscope.session.log import Kind
from smtpscope.session.next_tests import offered
from smtpscope.session.recipients import recipient_lines
from smtpscope.session.redact import HIDDEN
from smtpscope.session.ring import Ring
from smtpscope.session.transcript import transcript
from smtpscope.session.vary_runs import newest
from smtpscope.session.vary_table import table
from smtpscope.session.view import View
from smtpscope.smtp.events import Event, Received, Sent
from smtpscope.smtp.sasl import MECHANISMS
from smtpscope.visible import Spans

PASSWORD = "Wönder/l+nd7%"
QUOTED = 'it\'s <"Wö\\\\n">&=7'
CASES = [*((mechanism, PASSWORD) for mechanism in MECHANISMS), ("LOGIN", "Open sesame, 7!"), ("PLAIN", QUOTED)]


async def logged_in(mechanism: str, password: str, tmp_path: Path, said: str | None = None) -> tuple[Driven, View]:
    """A refused login, a good one, and a message; kept in a file and in the ring meanwhile, as with a screen."""
    tls = mechanism.endswith("-PLUS")
    given = {"tls": "implicit", "tls_insecure": True} if tls else {}
    secret = Secret(password)
    async with driving(
        echoing(password, " ".join(MECHANISMS), tls=tls, said=said), user="alice", password=secret, **given
    ) as driven:
        keepers = [
            Keeper(tmp_path / "kept.jsonl", driven.recorder, "127.0.0.1", 25, secrets=[secret]),
            Ring(tmp_path / "ring").keeper(driven.recorder, "127.0.0.1", 25, [secret], lambda problem: None),
        ]
        session = driven.session
        await driven.do("connect")
        await driven.do("send", b"EHLO me.test\r\n")
        await driven.do("login", mechanism, "alice", secret)
        assert session.machine.facts.auth_refused
        await driven.do("send", b"VRFY alice\r\n")
        await driven.do("login", mechanism, "alice", secret)
        assert session.machine.facts.auth
        assert not driven.failures
        await driven.do("send_message")
        for keeper in keepers:
            await asyncio.to_thread(keeper.close)
            assert not keeper.problem
        view = View(driven.recorder)
        view.redactor.know(secret)  # as the screen does with what it is given
        view.take()
    return driven, view


def words(lines: list[Spans]) -> str:
    return "\n".join("".join(text for text, _ in line) for line in lines)


def pages(view: View, profile: Profile) -> Iterator[tuple[str, str]]:
    """What the screen makes of the session."""
    log, redactor, last = view.log, view.redactor, len(view.recorder) - 1
    for row in range(len(log)):
        yield f"row {row}", words([log.spans(row, whole=True)])
        data = log.octets(row)
        shown = bytearray(data)
        for start, end in log.hidden(row, data):
            shown[start:end] = bytes(end - start)
        yield f"octets of row {row}", shown.decode(errors="backslashreplace")
        yield f"octets of row {row} as hexadecimal", shown.hex()
        case = case_of(view.recorder, log.event[row])
        if case is not None:
            for test in offered(case, view.machine, profile, None, view.now.local, ""):
                yield f"test after row {row}", redactor.text(test.sends)
    yield "EHLO", words(capability_lines(view.capabilities, last, redactor))
    yield "rcpt", words(recipient_lines(view.machine.facts, redactor))
    yield "findings", words(findings_lines(view.findings.found, last, redactor))


def handed_on(driven: Driven, view: View, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """What leaves the program."""
    events, redactor = list(driven.recorder), view.redactor
    for kind in KINDS:
        yield f"export as {kind}", export(events, kind, redactor=redactor)
    yield "transcript", transcript(events, redact=redactor)
    kept = load(tmp_path / "kept.jsonl")
    assert not kept.problem
    yield "comparison", comparison_text(compare(events, kept.recorder, redactor=redactor), ("a", "b"), 200)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            yield f"file {path.name}", path.read_text(encoding="utf-8")
            for kind in KINDS:
                yield f"{path.name} exported as {kind}", export(load(path).recorder, kind)
    yield "command line", line_of(driven.session.profile)
    yield "repr", repr((driven.session, driven.session.profile, view, redactor, driven.session.transport))


def derived(events: list[Event]) -> set[str]:
    """What was marked as secret when it went out, such as proofs in base64."""
    said = {event.data[a:b].decode() for event in events if isinstance(event, Sent) for a, b in event.secrets}
    return {each.rstrip("=").lower() for each in said if len(each) > 8}


@pytest.mark.parametrize(("mechanism", "password"), CASES)
async def test_no_mechanism_gives_its_password_away(mechanism: str, password: str, tmp_path: Path) -> None:
    driven, view = await logged_in(mechanism, password, tmp_path)
    events = list(driven.recorder)
    raw = b"".join(event.data for event in events if isinstance(event, Received | Sent))
    assert set(leaks(raw.decode(errors="backslashreplace"), password)) == set(forms(password))  # so it would be seen
    proofs = derived(events)
    assert bool(proofs) is (mechanism not in ("EXTERNAL", "ANONYMOUS"))
    hidden = 0
    for where, text in [*pages(view, driven.session.profile), *handed_on(driven, view, tmp_path)]:
        assert not leaks(text, password), f"{where}:\n{text}"
        together = "".join(text.lower().split())
        assert not [proof for proof in proofs if proof in together], f"{where}:\n{text}"
        hidden += HIDDEN in text
    assert hidden > 20
    decoded = [row for row in range(len(view.log)) if view.log.kind[row] == Kind.DECODED]
    assert decoded


async def test_a_variation_does_not_give_it_away() -> None:
    async with driving(echoing(PASSWORD, " ".join(MECHANISMS)), user="alice", password=Secret(PASSWORD)) as driven:
        driven.session.vary("auth", ("PLAIN", "SCRAM-SHA-256", "XOAUTH2"))
        await driven.asked("vary")
        await driven.answer(2)
        view = View(driven.recorder)
        view.redactor.know(Secret(PASSWORD))
        view.take()
        varied = newest(driven.recorder)
        assert varied is not None
        assert len(varied.made) == 3
        shown = words([line.spans for line in table(varied, view.redactor, 200)])
        assert "535" in shown
        for where, text in [("table", shown), *pages(view, driven.session.profile)]:
            assert not leaks(text, PASSWORD), f"{where}:\n{text}"


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_a_short_password_is_hidden_where_it_goes_out(mechanism: str, tmp_path: Path) -> None:
    """It is looked for nowhere else: a server's "250" is not hidden because that is the password."""
    password = "~Q#"
    driven, view = await logged_in(mechanism, password, tmp_path, said="nothing")
    proofs = derived(list(driven.recorder))
    for where, text in [*pages(view, driven.session.profile), *handed_on(driven, view, tmp_path)]:
        for form in (password, b64(b"~Q#").decode(), b"~Q#".hex()):
            assert form.lower() not in text.lower(), f"{where}:\n{text}"
        together = "".join(text.lower().split())
        assert not [proof for proof in proofs if proof in together], f"{where}:\n{text}"
