"""Servers of the corpus that misbehave, each found out; and those that do not, let pass."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from servers import hostile
from session.finding import Folded
from smtp.test_hostile import CASES, LIMIT, PATIENCE, Watch, drive
from smtpscope.smtp.events import Event, Link, LinkStatus
from smtpscope.smtp.transport import SMTPTransport

FOUND = [
    ("banner-http", "before-banner"),
    ("banner-plain-on-smtps", "handshake-failed"),
    ("banner-code-only", "nameless-greeting"),
    ("ml-bare-lf", "bare-lf"),
    ("ml-crcrlf", "bare-cr"),
    ("ml-size-weird", "size-malformed"),
    ("term-nul", "nul"),
    ("term-osc52", "control"),
    ("term-latin1", "not-utf-8"),
    ("code-999", "code-range"),
    ("code-enh-mismatch-2", "enhanced-class"),
    ("unsol-same-segment", "reply-to-nothing"),
    ("unsol-421-idle", "unasked-goodbye"),
    ("drop-fin-dot", "outcome-unknown"),
    ("drop-rst-mail", "no-goodbye"),
    ("slow-no-reply", "no-reply"),
    ("tls-inject-same-segment", "injected"),
    ("tls-cert-selfsigned", "certificate"),
    ("tls-cert-wrongname", "certificate-name"),
    ("tls-alert", "handshake-failed"),
    ("tls-no-close-notify", "tls-cut"),
    ("tls-raw-plaintext-inside", "tls-broken"),
    ("auth-bad-base64", "challenge"),
    ("auth-echo-b64", "secret-said-back"),
    ("data-early-550", "early-reply"),
    ("quit-fin", "no-reply-to-quit"),
    ("quit-250", "odd-answer"),
    ("utf8-without-8bitmime", "smtputf8-alone"),
]
HEALTHY = ["lmtp-good-mixed", "lmtp-rejected-rcpt", "data-prdr", "data-5xx-after-dot", "bdat-good", "code-ehlo-502"]


async def found_in(name: str, ca_path: Path) -> Folded:
    """What is found in one case, played fast."""
    case, events = CASES[name], list[Event]()
    async with hostile.playing(case) as server, asyncio.timeout(LIMIT):
        watch = Watch(server, any("starttls" in step for step in case.script))
        transport = SMTPTransport(watch, events.append, timeout=LIMIT)

        def be_patient(event: Event) -> None:
            if isinstance(event, Link) and event.status is LinkStatus.CONNECTED:
                transport.timeout = PATIENCE

        transport.listeners.append(be_patient)
        await drive(transport, case, server.port, str(ca_path))
        await watch.catch_up(over=bool({"EOF", "RST"} & set(case.flags)))
        transport.drop()
    return Folded(events)


@pytest.fixture
def ca_path(tmp_path: Path, ca_pem: bytes) -> Path:
    """A file with the CA of the test servers."""
    file = tmp_path / "ca.pem"
    file.write_bytes(ca_pem)
    return file


@pytest.mark.parametrize(("name", "rule"), FOUND)
async def test_what_a_server_does_wrong_is_found(name: str, rule: str, ca_path: Path) -> None:
    result = await found_in(name, ca_path)
    assert rule in result.rules
    assert all(sentence.isprintable() and "wonderland" not in sentence for sentence in result.sentences)


@pytest.mark.parametrize("name", HEALTHY)
async def test_what_a_server_may_do_is_let_pass(name: str, ca_path: Path) -> None:
    assert (await found_in(name, ca_path)).sentences == []
