"""TLS under the transport: what is asked, what is never used, every octet of it, and every way it fails."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from servers import certificates
from servers.scripted import Gone, Peer
from smtp.events_seen import C, Script, Talk, talking
from smtp.wiretap import events_on_the_wire, tapped
from smtpscope.smtp.errors import ConnectionLost, HandshakeFailed, ReplyTimeout, TransportError
from smtpscope.smtp.events import (
    Asked,
    Cipher,
    Closed,
    Connect,
    Failed,
    Link,
    LinkStatus,
    Received,
    Secured,
    Sent,
    StartTls,
)

GO = b"220 2.0.0 go\r\n"
EHLO_CLEAR = b"250-mail.test\r\n250-STARTTLS\r\n250 XCLEAR\r\n"
EHLO_TLS = b"250-mail.test\r\n250 AUTH PLAIN\r\n"

Handler = Callable[[Peer], Awaitable[None]]


@pytest.fixture
def ca_path(tmp_path: Path, ca_pem: bytes) -> str:
    """A file with the CA of the test servers."""
    file = tmp_path / "ca.pem"
    file.write_bytes(ca_pem)
    return str(file)


async def until_starttls(peer: Peer, reply: bytes = GO) -> None:
    """Greet, answer EHLO, and reply to STARTTLS."""
    await peer.send(b"220 mail.test\r\n")
    while (await peer.line())[:4].upper() == b"EHLO":
        await peer.send(EHLO_CLEAR)
    await peer.send(reply)


def after_go(then: Handler, reply: bytes = GO) -> Handler:
    """A server that does ``then`` where the handshake has its place."""

    async def handler(peer: Peer) -> None:
        await until_starttls(peer, reply)
        await then(peer)

    return handler


async def secure_and_serve(peer: Peer) -> None:
    """The handshake, then an answer to every line."""
    await peer.starttls()
    await serve(peer)


async def serve(peer: Peer) -> None:
    while line := await peer.line():
        if line[:4] == b"EHLO":
            await peer.send(EHLO_TLS)
        elif line == b"QUIT":
            await peer.send(b"221 bye\r\n")
            return
        else:
            await peer.send(b"250 " + line + b"\r\n")


GOOD = after_go(secure_and_serve)


async def greet_in_tls(peer: Peer) -> None:
    """A server that begins with TLS."""
    await peer.starttls()
    await peer.send(b"220 mail.test\r\n")
    await serve(peer)


# -- good ones


async def test_starttls_secures_verifies_and_makes_what_was_known_void(ca_path: str) -> None:
    async with talking(GOOD, ca_path=ca_path) as talk:
        await talk.transport.command_ehlo("me.test")
        assert "XCLEAR" in talk.machine.facts.ext
        assert (await talk.transport.starttls()).code == 220
        secured = talk.seen.of(Secured)[0]
        assert (secured.version, secured.server_name, secured.faults) == ("TLSv1.3", "127.0.0.1", ())
        assert secured.chain
        assert secured.bits >= 128
        assert talk.here() is C.BANNER
        assert talk.machine.facts.tls
        assert talk.machine.facts.ext == {}
        await talk.transport.command_ehlo("me.test")
        assert talk.machine.facts.ext == {"AUTH": "PLAIN"}
        assert [event.tls for event in talk.seen.of(Sent)] == [False, False, True]
        assert talk.seen.questions == []
        statuses = [event.status for event in talk.seen.of(Link)]
        assert statuses[-3:] == [LinkStatus.CONNECTED, LinkStatus.SECURING, LinkStatus.CONNECTED]


async def test_implicit_tls_comes_before_the_greeting(ca_path: str) -> None:
    async with talking(greet_in_tls, ca_path=ca_path, implicit_tls=True) as talk:
        assert talk.greeting is not None
        assert talk.greeting.code == 220
        assert all(event.tls for event in talk.seen.of(Received))
        order = [type(event) for event in talk.seen.events if isinstance(event, Secured | Received)]
        assert order == [Secured, Received]
        statuses = [event.status for event in talk.seen.of(Link)]
        assert statuses[-2:] == [LinkStatus.SECURING, LinkStatus.CONNECTED]
        assert talk.here() is C.BANNER
        assert (await talk.transport.command_ehlo("me.test")).code == 250


@pytest.mark.parametrize("implicit", [False, True])
async def test_the_cipher_events_are_the_octets_of_the_wire(ca_path: str, implicit: bool) -> None:
    """To the last one: the close_notify too."""
    async with talking(greet_in_tls if implicit else GOOD, connect=False) as talk, tapped(talk.server.port) as tap:
        await talk.transport.connect("127.0.0.1", tap.port, ca_path=ca_path, implicit_tls=implicit)
        if not implicit:
            await talk.transport.command_ehlo("me.test")
            await talk.transport.starttls()
        await talk.transport.command_ehlo("me.test")
        await talk.transport.custom("NOOP " + "x" * 40_000)
        await talk.transport.command_quit()
        assert isinstance(talk.seen.events[-1], Closed)
        await tap.ended()
        up, down = events_on_the_wire(talk.seen)
        assert up == bytes(tap.up)
        assert bytes(tap.down).startswith(down)  # what comes after we said goodbye is not read
        assert b"NOOP" not in tap.up


async def test_a_greeting_in_one_piece_with_the_end_of_the_handshake_is_not_missed(ca_path: str) -> None:
    """TLS 1.2: the server has the last word of the handshake, and may say more in the same segment."""
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    certificates.authority().issue_cert(*certificates.NAMES).configure_cert(old)

    async def handler(peer: Peer) -> None:
        flights: list[bytes] = []
        write = peer._write

        async def all_but_the_last(octets: bytes) -> None:
            if octets:
                flights.append(octets)
            if len(flights) == 1:
                await write(octets)

        peer._write = all_but_the_last  # type: ignore[method-assign]
        await peer.starttls(old)
        await peer.send(b"220 at once\r\n")
        await write(b"".join(flights[1:]))
        peer._write = write  # type: ignore[method-assign]
        await serve(peer)

    async with talking(handler, ca_path=ca_path, implicit_tls=True) as talk:
        assert talk.greeting is not None
        assert talk.greeting.text == "at once"
        assert talk.seen.of(Secured)[0].version == "TLSv1.2"
        assert (await talk.transport.custom("NOOP")).code == 250


async def test_starttls_typed_by_hand_shakes_hands_too(ca_path: str) -> None:
    for octets in (b"STARTTLS\r\n", b"starttls\n"):
        async with talking(GOOD, ca_path=ca_path) as talk:
            reply = await talk.transport.raw(octets)
            assert reply is not None
            assert reply.code == 220
            assert talk.machine.facts.tls
            assert (await talk.transport.custom("NOOP")).text == "NOOP"
    async with talking(GOOD, ca_path=ca_path) as talk:
        assert (await talk.transport.custom("StartTLS")).code == 220
        assert talk.machine.facts.tls


async def test_nothing_is_sent_while_the_handshake_runs(ca_path: str) -> None:
    async with talking(GOOD, ca_path=ca_path) as talk:
        talk.transport.send_raw(b"STARTTLS\r\n")
        await talk.seen.until(lambda: talk.machine.facts.securing)
        for call in (talk.transport.custom("NOOP"), talk.transport.raw(b"x\r\n"), talk.transport.command_quit()):
            with pytest.raises(TransportError, match="the TLS handshake is running"):
                await call
        await talk.transport.secured()
        assert (await talk.transport.custom("NOOP")).text == "NOOP"


async def test_tls_inside_tls(ca_path: str) -> None:
    async def handler(peer: Peer) -> None:
        await until_starttls(peer)
        await peer.starttls()
        await until_starttls(peer)
        come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
        inner = certificates.server_context().wrap_bio(come, go, server_side=True)
        while True:
            try:
                inner.do_handshake()
                break
            except ssl.SSLWantReadError:
                await peer.send(go.read())
                come.write(await peer.read_some())
        inner.write(b"250 deep inside\r\n")
        await peer.send(go.read())
        await peer.gone()

    async with talking(handler, connect=False, same=False) as talk, tapped(talk.server.port) as tap:
        await talk.transport.connect("127.0.0.1", tap.port, ca_path=ca_path)
        await talk.transport.starttls()
        await talk.seen.until(lambda: talk.seen.received.count(b"220 mail.test\r\n") == 2)
        await talk.transport.starttls()
        await talk.seen.receives(b"250 deep inside\r\n")
        assert len(talk.seen.of(Secured)) == 2
        up, down = events_on_the_wire(talk.seen)
        assert up == bytes(tap.up)
        assert down == bytes(tap.down)


async def test_a_refused_second_starttls_is_a_reply(ca_path: str) -> None:
    async with talking(GOOD, ca_path=ca_path) as talk:
        await talk.transport.starttls()
        assert (await talk.transport.starttls()).code == 250  # not 220: no handshake
        assert talk.transport.connected
        assert len(talk.seen.of(Secured)) == 1


@pytest.mark.parametrize("reply", [b"454 4.7.0 not now\r\n", b"502 what?\r\n", b"250 ok\r\n", b"334 \r\n"])
async def test_without_a_220_there_is_no_handshake(reply: bytes) -> None:
    async with talking(after_go(serve, reply)) as talk:
        assert (await talk.transport.starttls()).raw == reply
        assert not talk.machine.facts.tls
        assert (await talk.transport.custom("NOOP")).text == "NOOP"


# -- octets in clear behind the 220

INJECTIONS = {
    "a whole reply": b"250-evil\r\n250 AUTH PLAIN LOGIN XEVIL\r\n",
    "two replies": b"250 one\r\n250 two\r\n",
    "a part of a line": b"250-ev",
    "one octet": b"2",
    "nonsense": b"\x16\x03",
}


@pytest.mark.parametrize("name", INJECTIONS)
async def test_octets_behind_the_220_end_the_session_by_the_safe_answer(name: str) -> None:
    injected = INJECTIONS[name]

    async def wait(peer: Peer) -> None:
        await peer.gone()

    async with talking(after_go(wait, GO + injected), 0) as talk:
        with pytest.raises(HandshakeFailed, match="dropped because of octets in clear behind the 220 of STARTTLS"):
            await talk.transport.starttls()
        question = talk.seen.of(Asked)[0]
        assert question.kind == "injected"
        count = "1 octet" if len(injected) == 1 else f"{len(injected):,} octets"
        assert question.text.startswith(f"{count} came in clear behind the 220 of STARTTLS")
        assert question.answers == ("drop", "discard them and go on")
        assert [type(event) for event in talk.seen.events[-2:]] == [Failed, Closed]
        assert talk.seen.of(Failed)[0].step == StartTls()
        assert talk.here() is C.NONE
        assert talk.seen.of(Cipher) == []
        assert talk.seen.received.endswith(GO + injected)


@pytest.mark.parametrize("name", INJECTIONS)
async def test_octets_behind_the_220_are_never_used(name: str, ca_path: str) -> None:
    async with talking(after_go(secure_and_serve, GO + INJECTIONS[name]), 1, ca_path=ca_path) as talk:
        assert (await talk.transport.starttls()).code == 220
        assert talk.seen.questions == [("injected", 1)]
        reply = await talk.transport.command_ehlo("me.test")
        assert reply.raw == EHLO_TLS
        assert talk.machine.facts.ext == {"AUTH": "PLAIN"}
        assert (await talk.transport.custom("NOOP")).text == "NOOP"


async def test_who_is_not_there_to_be_asked_drops() -> None:
    async def wait(peer: Peer) -> None:
        await peer.gone()

    async with talking(after_go(wait, GO + b"250 x\r\n"), connect=False) as talk:
        del talk.transport.ask  # what it is by itself
        talk.transport.ask = type(talk.transport)().ask
        await talk.connect()
        with pytest.raises(HandshakeFailed, match="octets in clear"):
            await talk.transport.starttls()


async def test_octets_in_clear_that_come_later_are_no_handshake() -> None:
    async def inject(peer: Peer) -> None:
        await peer.read_some()  # the client's hello
        await peer.send(b"250 injected\r\n")
        await peer.gone()

    async with talking(after_go(inject), same=False) as talk:
        with pytest.raises(HandshakeFailed, match=r"did not answer with TLS: it sent 250 injected"):
            await talk.transport.starttls()
        assert talk.here() is C.NONE


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_server_that_ends_while_it_is_asked_about(end: str) -> None:
    asked = asyncio.Event()

    async def leave(peer: Peer) -> None:
        await asked.wait()
        getattr(peer, end)()

    async with talking(after_go(leave, GO + b"250 x\r\n"), same=False) as talk:
        securing = asyncio.ensure_future(talk.transport.starttls())
        await talk.seen.first(Asked)
        asked.set()
        with pytest.raises(ConnectionLost, match=r"the server (closed|reset) the connection"):
            await securing
        assert talk.here() is C.NONE
        assert not talk.transport.connected
        assert talk.seen.questions == [("injected", None)]


# -- handshakes that fail


async def secure(talk: Talk, implicit: bool, ca_path: str | None = None) -> None:
    """Connect, and have TLS one way or the other."""
    await talk.connect(implicit_tls=implicit, ca_path=ca_path)
    if not implicit:
        await talk.transport.starttls()


async def close(peer: Peer) -> None:
    peer.close()


async def reset(peer: Peer) -> None:
    await peer.read_some()
    peer.reset()


async def alert(peer: Peer) -> None:
    await peer.read_some()
    await peer.send(b"\x15\x03\x03\x00\x02\x02\x28")


async def nonsense(peer: Peer) -> None:
    await peer.read_some()
    await peer.send(b"500 what?\r\n")
    await peer.gone()


async def old_version(peer: Peer) -> None:
    await peer.starttls(certificates.server_context("old"))


FAILURES: dict[str, tuple[Handler, str]] = {
    "closes": (close, "the server closed the connection during the TLS handshake"),
    "resets": (reset, "the server reset the connection during the TLS handshake"),
    "alert": (alert, r"the server broke off TLS: it shares no cipher.* \(alert 40, handshake_failure\), after"),
    "no TLS": (nonsense, r"the server did not answer with TLS: it sent 500 what\?"),
    "old": (old_version, "the server (chose a TLS version older than 1.2|broke off TLS)"),
}


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("name", FAILURES)
async def test_a_failed_handshake_is_one_sentence_and_the_end(name: str, implicit: bool) -> None:
    then, reason = FAILURES[name]
    async with talking(then if implicit else after_go(then), connect=False, same=False) as talk:
        with pytest.raises(HandshakeFailed, match=reason) as caught:
            await secure(talk, implicit)
        assert talk.seen.of(Failed) == [
            Failed(talk.seen.of(Failed)[0].time, Connect() if implicit else StartTls(), caught.value.message)
        ]
        assert talk.seen.ends == [caught.value.message] * 2
        assert talk.here() is C.NONE
        assert talk.machine.facts.status is LinkStatus.DISCONNECTED
        assert not talk.transport.connected
        assert talk.seen.of(Secured) == []


@pytest.mark.parametrize("implicit", [False, True])
async def test_a_handshake_that_takes_too_long(implicit: bool) -> None:
    async def hang(peer: Peer) -> None:
        await peer.gone()

    async with talking(hang if implicit else after_go(hang), connect=False, same=False) as talk:
        if not implicit:
            await talk.connect()
        talk.transport.timeout = 0.1
        with pytest.raises(HandshakeFailed, match=r"the TLS handshake was not finished within 0\.1 seconds"):
            await (talk.connect(implicit_tls=True) if implicit else talk.transport.starttls())
        assert talk.here() is C.NONE


async def test_a_ca_file_that_cannot_be_read_is_said_so() -> None:
    async with talking(GOOD, ca_path="/no/such/file", same=False) as talk:
        with pytest.raises(HandshakeFailed, match="no certificates can be read from /no/such/file"):
            await talk.transport.starttls()
        assert talk.here() is C.NONE
        statuses = [event.status for event in talk.seen.of(Link)]
        assert (
            LinkStatus.SECURING not in statuses
        )  # what TLS stands on is loaded before the clock of the handshake runs


async def test_after_a_failed_handshake_one_connects_again(ca_path: str) -> None:
    async def handler(peer: Peer) -> None:
        await until_starttls(peer)
        if peer.server.connections > 1:
            await secure_and_serve(peer)

    async with talking(handler, ca_path=ca_path, same=False) as talk:
        with pytest.raises(HandshakeFailed):
            await talk.transport.starttls()
        await talk.connect(ca_path=ca_path)
        assert (await talk.transport.starttls()).code == 220
        assert (await talk.transport.custom("NOOP")).code == 250


async def test_a_handshake_typed_by_hand_that_fails_is_an_event() -> None:
    async with talking(after_go(close), same=False) as talk:
        talk.transport.send_raw(b"STARTTLS\r\n")
        failed = await talk.seen.first(Failed)
        assert failed == Failed(
            failed.time, StartTls(), "the server closed the connection during the TLS handshake, after our ClientHello"
        )
        await talk.over()


# -- certificates

KINDS = {
    "expired": "expired",
    "notyet": "not valid before|not yet valid",
    "wrongname": "127.0.0.1",
    "untrusted": "trust|issuer",
    "selfsigned": "self-signed|signed by itself|itself",
}


def with_certificate(kind: str, implicit: bool) -> Script:
    async def then(peer: Peer) -> None:
        await peer.starttls(certificates.server_context(kind))
        if implicit:
            await peer.send(b"220 mail.test\r\n")
        await serve(peer)

    return then if implicit else after_go(then)


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_bad_certificate_is_asked_about_and_closing_is_the_safe_answer(
    kind: str, implicit: bool, ca_path: str
) -> None:
    async with talking(with_certificate(kind, implicit), 0, connect=False, same=not implicit) as talk:
        with pytest.raises(HandshakeFailed, match="closed because of the certificate: ") as caught:
            await secure(talk, implicit, ca_path)
        question = talk.seen.of(Asked)[0]
        assert question.kind == "certificate"
        assert question.answers == ("close", "go on, once", "go on for this server and this certificate")
        faults = talk.seen.of(Secured)[0].faults
        assert faults
        assert question.text == f"127.0.0.1: {'; '.join(faults)}"
        assert caught.value.message.endswith("; ".join(faults))
        assert talk.seen.ends == [caught.value.message] * 2
        assert talk.here() is C.NONE


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("kind", KINDS)
async def test_the_user_may_go_on_once_and_it_stays_in_sight(kind: str, implicit: bool, ca_path: str) -> None:
    async with talking(with_certificate(kind, implicit), 1, connect=False) as talk:
        await secure(talk, implicit, ca_path)
        assert talk.seen.questions == [("certificate", 1)]
        assert (await talk.transport.custom("NOOP")).code == 250
        assert talk.seen.of(Secured)[0].faults


@pytest.mark.parametrize("kind", KINDS)
async def test_insecure_is_not_asked_about_and_stays_in_sight(kind: str, ca_path: str) -> None:
    async with talking(with_certificate(kind, False), ca_path=ca_path, insecure=True) as talk:
        await talk.transport.starttls()
        assert talk.seen.questions == []
        assert talk.seen.of(Secured)[0].faults
        assert (await talk.transport.custom("NOOP")).code == 250


@pytest.mark.parametrize("implicit", [False, True])
async def test_nothing_goes_out_while_the_question_about_the_certificate_stands(implicit: bool) -> None:
    """Least of all in clear, which is what is below TLS until it is taken into use."""
    async with talking(with_certificate("selfsigned", implicit), connect=False, same=False) as talk:
        work = asyncio.ensure_future(secure(talk, implicit))
        await talk.seen.first(Asked)
        sent = talk.seen.sent
        calls = [
            talk.transport.custom("NOOP"),
            talk.transport.raw(b"AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=\r\n"),
            talk.transport.command_auth("PLAIN", "alice", "wonderland"),
        ]
        for call in calls:
            with pytest.raises(TransportError):
                await call
        assert talk.seen.sent == sent
        talk.transport.drop()
        with pytest.raises(ConnectionLost, match="dropped before the connection could be used"):
            await work


# -- drops


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("moment", ["handshake", "certificate"])
async def test_drop_ends_it_at_once_and_the_server_sees_it(implicit: bool, moment: str) -> None:
    async def hang(peer: Peer) -> None:
        await peer.read_some()
        await peer.gone()

    handshake: Script = hang if implicit else after_go(hang)
    script = handshake if moment == "handshake" else with_certificate("selfsigned", implicit)
    async with talking(script, connect=False, timeout=None, same=False) as talk:
        work = asyncio.ensure_future(secure(talk, implicit))
        await talk.seen.first(Cipher if moment == "handshake" else Asked)
        talk.transport.drop()
        with pytest.raises(ConnectionLost, match="dropped before the connection could be used"):
            await work
        assert talk.seen.ends == ["dropped"]
        assert isinstance(talk.seen.events[-1], Closed)
        assert talk.here() is C.NONE
        await talk.over()
        assert isinstance(talk.seen.events[-1], Closed)


async def test_who_stops_waiting_for_a_handshake_does_not_stop_it(ca_path: str) -> None:
    async with talking(GOOD, ca_path=ca_path) as talk:
        securing = asyncio.ensure_future(talk.transport.starttls())
        await talk.seen.first(Cipher)
        securing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await securing
        await talk.transport.secured()
        assert (await talk.transport.custom("NOOP")).code == 250


# -- ends inside TLS


@pytest.mark.parametrize("said", [True, False])
async def test_an_end_without_close_notify_is_told_from_one_with(said: bool, ca_path: str) -> None:
    async def then(peer: Peer) -> None:
        await peer.starttls()
        await peer.line()
        await peer.finish(close_notify=said)
        raise Gone

    async with talking(after_go(then), ca_path=ca_path) as talk:
        await talk.transport.starttls()
        how = "" if said else r" without saying so in TLS \(no close_notify\)"
        with pytest.raises(ConnectionLost, match=f"^the server closed the connection{how}; no reply to NOOP came$"):
            await talk.transport.custom("NOOP")


async def test_clear_text_inside_tls_is_the_end_and_no_reply(ca_path: str) -> None:
    async def then(peer: Peer) -> None:
        await peer.starttls()
        await peer.line()
        await peer.send(b"250 injected\r\n", clear=True)
        await peer.gone()

    async with talking(after_go(then), ca_path=ca_path, same=False) as talk:
        await talk.transport.starttls()
        with pytest.raises(ConnectionLost, match="the server went on with something that is not TLS; no reply to NOOP"):
            await talk.transport.custom("NOOP")
        assert b"injected" not in talk.seen.received
        assert b"250 injected\r\n" in b"".join(event.data for event in talk.seen.of(Cipher))
        assert talk.here() is C.NONE


async def test_a_421_to_starttls_ends_the_session() -> None:
    async with talking(after_go(close, b"421 bye\r\n")) as talk:
        assert (await talk.transport.starttls()).code == 421
        assert (await talk.over()).cause == "the server closed the session with 421"


async def test_a_reply_that_is_late_inside_tls_is_its_own(ca_path: str) -> None:
    async def then(peer: Peer) -> None:
        await peer.starttls()
        await peer.line()
        await peer.line()
        await peer.send(b"250 late\r\n250 in time\r\n")
        await peer.gone()

    async with talking(after_go(then), ca_path=ca_path) as talk:
        await talk.transport.starttls()
        talk.transport.timeout = 0.05
        with pytest.raises(ReplyTimeout):
            await talk.transport.custom("NOOP")
        talk.transport.timeout = 10.0
        assert (await talk.transport.custom("RSET")).text == "in time"
