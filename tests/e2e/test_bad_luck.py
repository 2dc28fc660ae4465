"""Bad luck of every kind: one sentence with the way out, the picture at NONE, and ``c`` connects again."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from e2e.pictures import here
from e2e.terminal import Terminal, line_of, shows
from servers import certificates
from servers.scripted import Handler, Peer, ScriptedServer, conversation

OFFER = b"250-mail.test\r\n250-STARTTLS\r\n250 SIZE 100000000\r\n"
GOOD = conversation([(None, b"220 mail.test ESMTP\r\n"), (b"EHLO", OFFER), (b"MAIL", b"250 2.1.0 Ok\r\n")])
ENVELOPE = ("-f", "alice@example.org", "--helo", "client.test")


def first(handler: Handler, later: Handler = GOOD) -> Handler:
    """A server that is ``handler`` to the first connection and well-behaved from then on."""

    async def serve(peer: Peer) -> None:
        await (handler if peer.server.connections == 1 else later)(peer)

    return serve


def opened(handler: Handler, home: Path, *words: str, size: tuple[int, int] = (80, 23)) -> "Opened":
    return Opened(handler, home, words, size)


class Opened:
    """A server and smtpscope on it in a terminal; without a traceback at the end."""

    def __init__(self, handler: Handler, home: Path, words: tuple[str, ...], size: tuple[int, int]) -> None:
        self.server = ScriptedServer(handler, timeout=30)
        self._arguments = (home, words, size)

    async def __aenter__(self) -> Terminal:
        home, words, size = self._arguments
        (home / "ca.pem").write_bytes(certificates.ca_pem())
        await self.server.__aenter__()
        trust = ("--tls-ca-path", "ca.pem")
        self.terminal = Terminal(f"127.0.0.1:{self.server.port}", *trust, *ENVELOPE, *words, home=home, size=size)
        return await self.terminal.__aenter__()

    async def __aexit__(self, *error: object) -> None:
        try:
            if error[0] is None:
                assert "Traceback" not in await self.terminal.leave()
        finally:
            await self.terminal.__aexit__()
            await self.server.__aexit__()


async def closed(terminal: Terminal, *sentence: str) -> str:
    """See the connection end: the sentence, the way out in header and log, the picture at NONE."""

    def all_there(screen: str) -> bool:
        rows = screen.splitlines()
        said = all(shows(screen, text) for text in (*sentence, "█NONE█", "space connect to 127.0.0.1:"))
        return said and "c connects again" in rows[0] and shows("\n".join(rows[-6:]), "c connects again")

    return await terminal.until(all_there, f"{sentence} with the way out")


async def connects_again(terminal: Terminal) -> None:
    """A new connection, with the same envelope."""
    await terminal.press("c")
    await terminal.sees("connect again to 127.0.0.1:", "█BANNER✓220█")
    await terminal.space("EHLO client.test")
    await terminal.space("MAIL FROM:<alice@example.org>", "█MAIL✓250█")


# -- no connection


async def test_an_unknown_host(tmp_path: Path) -> None:
    async with Terminal("name.invalid", home=tmp_path) as terminal:
        sentence = "cannot find the host name.invalid"
        screen = await terminal.sees(sentence, "check the name and the name", "c connects again", "█NONE█")
        assert "c connects again" in screen.splitlines()[0]
        await terminal.press("c")
        await terminal.until(lambda now: "connect again to" in now and here(now) == "NONE", "another attempt")
        assert f"*** {sentence}" in await terminal.leave()


async def test_a_port_that_refuses_and_then_does_not(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with Terminal(f"127.0.0.1:{port}", *ENVELOPE, home=tmp_path) as terminal:
        await closed(terminal, f"127.0.0.1 port {port} refused the connection", "is the port right?")
        async with await asyncio.start_server(greet, "127.0.0.1", port):
            await terminal.press("c")
            await terminal.sees("connect again to 127.0.0.1:", "█BANNER✓220█")
            await terminal.press("C-]")
            await terminal.sees("█NONE█")


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.test ESMTP\r\n")
    await reader.read()
    writer.close()


async def test_a_server_that_says_nothing(tmp_path: Path) -> None:
    async def silent(peer: Peer) -> None:
        await peer.gone()

    async with opened(first(silent), tmp_path, "--timeout", "1") as terminal:
        await terminal.sees("waiting for 220  0:00 of 0:01")
        await terminal.sees("no reply within 1 s", "the greeting has not come", "1 wait as long again   2 drop")
        await terminal.press("Space", "F5")
        await terminal.press("1")
        await terminal.sees("answered: wait as long again", "waiting up to 1 s more", "waiting for 220")
        again = await terminal.until(lambda now: now.count("the greeting has not come") >= 2, "the question again")
        assert here(again) == "NONE"
        await terminal.press("2")
        await closed(terminal, "dropped")
        await connects_again(terminal)


async def test_a_greeting_that_refuses(tmp_path: Path) -> None:
    refusing = conversation([(None, b"554 5.7.1 not from there\r\n"), (b"QUIT", b"221 2.0.0 bye\r\n")])
    async with opened(first(refusing), tmp_path) as terminal:
        await terminal.sees("█BANNER✗554█", "554 5.7.1 not from there", "permanent · security and policy")
        await terminal.space("QUIT")
        await closed(terminal, "221 2.0.0 bye", "said goodbye")
        await connects_again(terminal)


# -- TLS


async def test_a_server_that_speaks_plain_where_tls_was_wanted(tmp_path: Path) -> None:
    async def plain(peer: Peer) -> None:
        await peer.send(b"220 mail.test ESMTP\r\n")
        await peer.gone()

    async with opened(plain, tmp_path, "-tlsc") as terminal:
        screen = await closed(terminal, "the server did not answer with TLS")
        assert "220 mail.test ESMTP" in screen


async def test_a_server_that_breaks_off_the_handshake(tmp_path: Path) -> None:
    async def breaks_off(peer: Peer) -> None:
        await peer.send(b"220 mail.test ESMTP\r\n")
        for reply in (OFFER, b"220 2.0.0 go on\r\n"):
            await peer.line()
            await peer.send(reply)
        await peer.read_some()

    async with opened(first(breaks_off), tmp_path, "-tls", "--auto", "ehlo") as terminal:
        await terminal.space("STARTTLS")
        await closed(terminal, "the server closed the connection during the TLS handshake")
        await terminal.press("c")
        await terminal.sees("█BANNER✓220█")


VERDICTS = {
    "expired": "the certificate expired 18",
    "wrongname": "the certificate is for elsewhere.test, not for 127.0.0.1",
    "selfsigned": "is self-signed",
}


@pytest.mark.parametrize("kind", VERDICTS)
async def test_a_certificate_that_is_not_good_is_asked_about(kind: str, tmp_path: Path) -> None:
    async def in_tls(peer: Peer) -> None:
        await peer.starttls(certificates.server_context(kind))
        await GOOD(peer)

    async with opened(in_tls, tmp_path, "-tlsc") as terminal:
        await terminal.sees(VERDICTS[kind], "1 close   2 go on, once", "✗ certificate")
        await terminal.press("Space", "F5", "Escape")
        laid_aside = await terminal.sees("? brings the question back")
        assert "█BANNER" not in laid_aside
        await terminal.press("?", "1")
        await closed(terminal, "closed because of the certificate")
        await terminal.press("c")
        await terminal.sees("1 close   2 go on, once")
        await terminal.press("2")
        await terminal.sees("answered: go on, once", "█BANNER✓")
        await terminal.space("EHLO client.test")
        await terminal.space("MAIL FROM:<alice@example.org>", "█MAIL✓250█", "✗ certificate")


async def test_octets_in_clear_behind_the_220_of_starttls(tmp_path: Path) -> None:
    async def injecting(peer: Peer) -> None:
        await peer.send(b"220 mail.test ESMTP\r\n")
        for reply in (OFFER, b"220 2.0.0 go on\r\n250-evil\r\n250 AUTH PLAIN\r\n"):
            await peer.line()
            await peer.send(reply)
        await peer.starttls()
        await peer.line()
        await peer.send(b"250 mail.test\r\n")
        await peer.gone()

    async with opened(injecting, tmp_path, "-tls") as terminal:
        question = "26 octets came in clear behind the 220 of STARTTLS"
        await terminal.sees(question, "250-evil", "1 drop   2 discard them and go on")
        await terminal.press("1")
        await closed(terminal, "dropped because of octets in clear behind the 220 of STARTTLS")
        await terminal.press("c")
        await terminal.sees("█BANNER✓220█")
        await terminal.space("EHLO client.test")
        await terminal.space("STARTTLS", question)
        await terminal.press("2")
        await terminal.sees("TLS started: certificate good", "TLS1.3 ✓")
        await terminal.space("EHLO client.test", "█CONNECTED✓█", "<~   250 mail.test")


# -- the end in the middle


async def middle_of_a_reply(peer: Peer) -> None:
    await peer.send(b"220 mail.test ESMTP\r\n")
    await peer.line()
    await peer.send(b"250-mail.test\r\n250-SI")


async def goodbye(peer: Peer) -> None:
    await peer.send(b"220 mail.test ESMTP\r\n")
    await peer.line()
    await peer.send(b"421 4.3.2 shutting down\r\n")


async def goodbye_unasked(peer: Peer) -> None:
    await peer.send(b"220 mail.test ESMTP\r\n")
    await peer.line()
    await peer.send(OFFER + b"421 4.4.2 idle too long\r\n")


async def reset(peer: Peer) -> None:
    await peer.send(b"220 mail.test ESMTP\r\n")
    await peer.line()
    peer.reset()


ENDS: dict[str, tuple[Callable[[Peer], Awaitable[None]], str, str]] = {
    "middle of a reply": (
        middle_of_a_reply,
        "the server closed the connection in the middle of a reply",
        "<-   250-SI",
    ),
    "421": (goodbye, "the server closed the session with 421", "421 4.3.2 shutting down"),
    "421 unasked": (goodbye_unasked, "the server closed the session with 421", "421 4.4.2 idle too long"),
    "reset": (reset, "the server reset the connection", "->  EHLO client.test"),
}


@pytest.mark.parametrize("end", ENDS)
async def test_the_connection_ends_and_the_envelope_stays(end: str, tmp_path: Path) -> None:
    handler, sentence, seen = ENDS[end]
    async with opened(first(handler), tmp_path) as terminal:
        await closed(terminal, sentence, seen)
        await connects_again(terminal)


async def test_what_was_typed_stays(tmp_path: Path) -> None:
    hang_up = asyncio.Event()

    async def until_told(peer: Peer) -> None:
        await peer.send(b"220 mail.test ESMTP\r\n")
        await peer.line()
        await peer.send(OFFER)
        await hang_up.wait()
        peer.reset()

    async with opened(first(until_told), tmp_path) as terminal:
        await terminal.sees("█CONNECTED✓█")
        await terminal.press("i")
        await terminal.type("VRFY somebody at length")
        hang_up.set()
        assert line_of(await closed_in_line(terminal)) == " > VRFY somebody at length"
        await terminal.press("Enter")
        assert line_of(await terminal.sees("there is no connection")) == " > VRFY somebody at length"
        await terminal.press("Escape", "c")
        assert line_of(await terminal.sees("█BANNER✓220█")) == " > VRFY somebody at length"


async def closed_in_line(terminal: Terminal) -> str:
    return await terminal.sees("the server reset the connection", "█NONE█")


# -- a big message

SIZE = 20_000_000


async def test_a_server_that_dies_while_a_message_streams(tmp_path: Path) -> None:
    die = asyncio.Event()

    async def dying(peer: Peer) -> None:
        for reply in (b"220 mail.test ESMTP\r\n", OFFER, b"250 ok\r\n", b"250 ok\r\n"):
            await peer.send(reply)
            await peer.line()
        await peer.send(b"354 go on\r\n")
        taken = 0
        while taken < SIZE // 2:  # as over a line of some 10 MB a second, and then no more
            taken += len(await peer.read_some())
            await asyncio.sleep(0.005)
        await die.wait()
        peer.reset()

    with (tmp_path / "big.eml").open("wb") as file:
        file.write(b"Subject: big\r\n\r\n")
        file.writelines([b"x" * 78 + b"\r\n"] * (SIZE // 80))
    async with opened(first(dying), tmp_path, "-t", "bob@example.org", "-d", "@big.eml") as terminal:
        await terminal.space("MAIL FROM:<alice@example.org>")
        await terminal.space("RCPT TO:<bob@example.org>")
        await terminal.space("DATA", "354 go on")
        await terminal.space("send the message text")
        await terminal.sees("SEND_STREAM▒", " MB")
        await quickly(terminal, "?", "Keys in the log")
        await quickly(terminal, "Escape", "wire *")
        half = await terminal.until(lambda now: any(f"{number}%" in now for number in range(45, 70)), "half of it")
        assert here(half) == "DATA"
        await quickly(terminal, "i", "message text; a lone . ends it")
        await quickly(terminal, "Escape", "wire *")
        die.set()
        await closed(terminal, "the server reset the connection", "octets of ours were never sent")
        await connects_again(terminal)


async def quickly(terminal: Terminal, key: str, seen: str) -> None:
    """Press a key; a second is time enough."""
    before = time.monotonic()
    await terminal.press(key)
    await terminal.sees(seen)
    assert time.monotonic() - before < 1.0, key


@pytest.mark.parametrize("mechanism", ["EXTERNAL", "ANONYMOUS"])
async def test_a_login_that_shows_no_password_asks_for_none(mechanism: str, tmp_path: Path) -> None:
    offer = f"250-mail.test\r\n250 AUTH {mechanism}\r\n".encode()
    server = conversation([(None, b"220 mail.test ESMTP\r\n"), (b"EHLO", offer), (b"AUTH", b"235 2.7.0 in\r\n")])
    async with opened(server, tmp_path, "-a", mechanism, "-au", "alice", "--auto", "auth") as terminal:
        await terminal.sees("235 2.7.0 in")
        await terminal.leave()
