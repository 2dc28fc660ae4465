"""Every misbehaving server of the corpus, driven as a user would: no traceback, no hang, no octet lost, no secret."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from servers import hostile
from servers.hostile import FAST, Case
from servers.scripted import SENT_KEPT, ScriptedServer
from smtp.playbook import REST
from smtp.test_message import on_the_wire
from smtpscope.smtp.errors import TransportError
from smtpscope.smtp.events import Asked, Cipher, Closed, Event, Failed, Link, LinkStatus, Received, Sent, TimedOut
from smtpscope.smtp.machine import Machine
from smtpscope.smtp.transport import SMTPTransport

CASES = hostile.load()
LIMIT = 60.0
"""Seconds for one case; only a hang takes that long."""
PATIENCE = 0.25
"""Seconds for one reply: longer than any pause of a fast play that is followed by a reply on purpose."""
SECRETS = (b"d29uZGVybGFuZA==", b"AGFsaWNlAHdvbmRlcmxhbmQ=", b"Yz1iaXdzLHI9YWJjZGVmLHA9AAAA")

OURS = {"TIMEOUT", "RST", "EOF", "CERT", "TLS_INJECTION", "TLS_FAIL"}
"""The corpus's warning classes that the transport itself can raise."""
NOT_IN_A_FAST_PLAY = {
    "slow-late-reply": "the pause is shorter than the patience",
    "slow-tarpit": "the case is for NOOP, and its drive sends none",
    "quit-221-twice": "we close at the first 221",
}
CLEAR_IN_TLS = {"tls-raw-plaintext-inside"}


class Watch:
    """Folds events as they come and keeps no more of a flood than the server does."""

    def __init__(self, server: ScriptedServer, in_tls: bool) -> None:
        """``in_tls`` says that the server encrypts: what it has sent is then to be seen decrypted."""
        self.server = server
        self.kinds = (Received,) if in_tls else (Received, Cipher)
        self.received = bytearray()
        self.count = 0
        self.events: list[Event] = []
        self.machine = Machine()
        self._news = asyncio.Event()

    def __call__(self, event: Event) -> None:
        self.machine.apply(event)
        if isinstance(event, self.kinds) and not getattr(event, "outgoing", False):
            self.count += len(event.data)
            self.received += event.data[: SENT_KEPT - len(self.received)]
        else:
            self.events.append(event)
        self._news.set()

    @property
    def caught_up(self) -> bool:
        """Whether everything that the server has sent has come."""
        return self.count == self.server.sent_count

    def saw(self, kind: type[Event]) -> bool:
        return any(isinstance(event, kind) for event in self.events)

    @property
    def ends(self) -> str:
        """What went wrong or ended, in words."""
        reasons = [event.reason for event in self.events if isinstance(event, Failed)]
        return "; ".join(reasons + [event.cause for event in self.events if isinstance(event, Closed)])

    @property
    def asked(self) -> set[str]:
        return {event.kind for event in self.events if isinstance(event, Asked)}

    async def catch_up(self, over: bool) -> None:
        """Wait until the connection is over, or, if that is not to be, until everything that was sent has come."""
        while not (self.saw(Closed) or (self.caught_up and not over)):
            self._news.clear()
            await self._news.wait()


async def drive(transport: SMTPTransport, case: Case, port: int, ca_path: str) -> None:
    """Do what the case's ``drive`` says; a line that gets no reply in time is left behind."""
    lines: list[bytes | float | None] = [None]
    for line in case.drive:
        if line.startswith("__WAIT"):
            lines.append(float(line.split()[1]))
        elif line != "__TLS":  # which comes by itself
            lines.append(hostile.unescape(line))
    sentences = []
    for each in lines:
        try:
            if each is None:
                await transport.connect("127.0.0.1", port, implicit_tls=case.smtps, ca_path=ca_path)
            elif isinstance(each, float):
                await asyncio.sleep(each * FAST)  # the user's pause
            else:
                await transport.raw(each)
        except TransportError as error:
            sentences.append(error.message)
    assert all(sentence and "\n" not in sentence for sentence in sentences)


async def play(case: Case, ca_path: str, answer: int = 0) -> Watch:
    """Play one case and see what is the same for all of them."""

    async def ask(question: Asked) -> int:
        return answer

    async with hostile.playing(case) as server:
        in_tls = any("starttls" in step for step in case.script)
        watch = Watch(server, in_tls)
        transport = SMTPTransport(watch, timeout=LIMIT, ask=ask)

        def be_patient(event: Event) -> None:
            if isinstance(event, Link) and event.status is LinkStatus.CONNECTED:
                transport.timeout = PATIENCE

        transport.listeners.append(be_patient)
        async with asyncio.timeout(LIMIT):
            await drive(transport, case, server.port, ca_path)
            await watch.catch_up(over=bool({"EOF", "RST"} & set(case.flags)))
            caught_up = watch.caught_up
            transport.drop()
    resets = any(step.get("close") == "rst" for step in case.script)
    if not (resets or in_tls or watch.saw(Failed) or "said goodbye" in watch.ends):  # then it is us who closed
        assert caught_up
    if case.id not in CLEAR_IN_TLS:
        assert server.sent.startswith(bytes(watch.received))
    machine = transport.machine
    assert machine.here in REST
    assert watch.machine.here is machine.here
    assert [entry.kind for entry in watch.machine.pending] == [entry.kind for entry in machine.pending]
    assert not transport._waiters
    return watch


@pytest.fixture
def ca_path(tmp_path: Path, ca_pem: bytes) -> str:
    """A file with the CA of the test servers."""
    file = tmp_path / "ca.pem"
    file.write_bytes(ca_pem)
    return str(file)


def shown_flags(watch: Watch) -> set[str]:
    """The corpus's warning classes that the transport itself can raise, by what was seen."""
    flags = {
        "TIMEOUT": watch.saw(TimedOut) or "not finished within" in watch.ends,
        "RST": "reset" in watch.ends,
        "EOF": "closed" in watch.ends,
        "CERT": "certificate" in watch.asked,
        "TLS_INJECTION": "injected" in watch.asked or "did not answer with TLS" in watch.ends,
        "TLS_FAIL": "TLS" in watch.ends,
    }
    return {flag for flag, seen in flags.items() if seen}


@pytest.mark.parametrize("name", CASES)
async def test_a_misbehaving_server_is_survived(name: str, ca_path: str) -> None:
    case = CASES[name]
    watch = await play(case, ca_path)
    if name not in NOT_IN_A_FAST_PLAY:
        assert OURS & set(case.flags) <= shown_flags(watch), watch.ends
    shown = b""
    for event in watch.events:
        if isinstance(event, Sent):
            data = bytearray(event.data)
            for start, end in event.secrets:
                data[start:end] = b"*" * (end - start)
            shown += bytes(data)
        else:
            shown += repr(event).encode()
    assert not [secret for secret in SECRETS if secret in shown]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.group == "starttls"])
async def test_a_user_who_goes_on_all_the_same_survives_too(name: str, ca_path: str) -> None:
    await play(CASES[name], ca_path, answer=1)


# -- where the client is the one to misbehave


def fields() -> list[str]:
    return [name for name, case in CASES.items() if case.input and case.input["field"] != "body"]


async def put(transport: SMTPTransport, field: str, value: str) -> None:
    """Give ``value`` to the method whose field it is."""
    match field:
        case "ehlo_name":
            await transport.command_ehlo(value)
        case "mail_from":
            await transport.command_mail(value)
        case "mail_params":
            await transport.command_mail("a@c.test", value)
        case "rcpt_to":
            await transport.command_rcpt(value)
        case _:
            raise AssertionError(field)


@pytest.mark.parametrize("name", fields())
async def test_a_field_that_would_break_out_never_reaches_the_wire_and_raw_octets_do_as_they_are(name: str) -> None:
    case = CASES[name]
    assert case.input is not None
    octets = hostile.unescape(case.input["value"])
    async with hostile.playing(case) as server:
        watch = Watch(server, in_tls=False)
        transport = SMTPTransport(watch, timeout=PATIENCE)
        async with asyncio.timeout(LIMIT):
            await transport.connect("127.0.0.1", server.port)
            await transport.command_ehlo("c.test")
            if name == "in-unicode-newlines":  # characters whose code ends in 0D and 0A are none
                await put(transport, case.input["field"], octets.decode())
                assert server.received == b"EHLO c.test\r\nMAIL FROM:<" + octets + b">\r\n"
            else:
                with pytest.raises(ValueError, match=r"send it raw|one word"):
                    await put(transport, case.input["field"], octets.decode())
                assert server.received == b"EHLO c.test\r\n"
                await transport.raw(octets + b"\r\n")
                assert server.received == b"EHLO c.test\r\n" + octets + b"\r\n"
            transport.drop()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.input and case.input["field"] == "body"])
async def test_no_body_is_more_than_one_message(name: str) -> None:
    case = CASES[name]
    assert case.input is not None
    async with hostile.playing(case) as server:
        transport = SMTPTransport(timeout=LIMIT)
        async with asyncio.timeout(LIMIT):
            await transport.connect("127.0.0.1", server.port)
            await transport.command_ehlo("c.test")
            body = b"Subject: t\r\n\r\n" + hostile.unescape(case.input["value"])
            (verdict,) = await transport.send_message("a@c.test", ["b@hostile.test"], body)
            assert verdict.code == 250
            assert server.received.endswith(b"DATA\r\n" + on_the_wire(body) + b".\r\n")
            transport.drop()
