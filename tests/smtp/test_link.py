"""The link under the commands: replies to whom they belong, time, goodbyes and every way a connection ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from servers.scripted import Peer
from smtp.events_seen import EHLO, GREETING, MAIL, QUIT, RCPT, C, Seen, greet_to_data, talking, to_data
from smtpscope.smtp import link
from smtpscope.smtp.errors import (
    AlreadyConnected,
    ConnectFailed,
    ConnectionLost,
    NotConnected,
    ReplyTimeout,
)
from smtpscope.smtp.events import (
    Closed,
    Connect,
    Drop,
    Failed,
    Forgot,
    Issued,
    Link,
    LinkStatus,
    Opened,
    Received,
    TimedOut,
    Waited,
)
from smtpscope.smtp.reply import Defect
from smtpscope.smtp.transport import SMTPTransport

SHORT = 0.05
"""Seconds after which a reply is late, where it is to be late."""


def refused_port() -> int:
    """A port of this host where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


# -- connecting


async def test_connecting_is_told_phase_by_phase() -> None:
    async with talking([GREETING], want_login=True) as talk:
        opened = talk.seen.of(Opened)[0]
        assert (opened.server, opened.port, opened.want_login) == ("127.0.0.1", talk.server.port, True)
        links = talk.seen.of(Link)
        assert [event.status for event in links] == [
            LinkStatus.FINDINGHOST,
            LinkStatus.CONNECTING,
            LinkStatus.CONNECTED,
        ]
        assert links[-1].detail.startswith("connected to 127.0.0.1 in ")
        assert links[-1].detail.endswith(" ms, waiting for the greeting")
        assert (links[-1].peer, links[-1].local) == ("127.0.0.1", "127.0.0.1")
        assert talk.greeting is not None
        assert talk.greeting.code == 220
        assert talk.here() is C.BANNER


async def failing_connect(host: str, port: int, **options: object) -> tuple[str, Seen, SMTPTransport]:
    """The sentence of a connect that has to fail, which is the same in the error and in the events."""
    seen = Seen()
    transport = SMTPTransport(seen, timeout=20.0)
    with pytest.raises(ConnectFailed) as caught:
        await transport.connect(host, port, **options)  # type: ignore[arg-type]
    assert seen.of(Failed) == [Failed(seen.of(Failed)[0].time, Connect(), caught.value.message)]
    assert [type(event) for event in seen.events[-2:]] == [Failed, Closed]
    assert seen.ends == [caught.value.message] * 2
    assert transport.machine.here is C.NONE
    assert transport.machine.facts.status is LinkStatus.DISCONNECTED
    assert not transport.connected
    return caught.value.message, seen, transport


async def test_an_unknown_host_is_one_sentence() -> None:
    reason, _, _ = await failing_connect("no-such-host.invalid", 25)
    assert reason.startswith("cannot find the host no-such-host.invalid (")
    assert reason.endswith("): check the name and the name server")


@pytest.mark.parametrize("host", ["a" * 70 + ".invalid", "nul\0.invalid", "", "..", "\udcff.invalid"])
async def test_a_host_that_is_no_name_is_one_sentence_too(host: str) -> None:
    reason, _, _ = await failing_connect(host or "\u3002", 25)
    assert reason.startswith("cannot find the host")


async def test_a_family_without_an_address_is_said_so() -> None:
    reason, _, _ = await failing_connect("127.0.0.1", 25, family=6)
    assert reason.startswith("cannot find the host 127.0.0.1 with an IPv6 address (")


async def test_a_refused_port_is_one_sentence_and_another_attempt_can_succeed() -> None:
    port = refused_port()
    reason, seen, transport = await failing_connect("127.0.0.1", port)
    assert reason == (
        f"127.0.0.1 port {port} refused the connection: is a mail server running there, and is the port right?"
    )
    async with talking([GREETING], connect=False, same=False) as talk:
        assert (await transport.connect("127.0.0.1", talk.server.port)).code == 220
        assert transport.machine.here is C.BANNER
        transport.drop()
    assert len(seen.of(Opened)) == 2


async def test_a_port_that_is_none_is_one_sentence() -> None:
    reason, _, _ = await failing_connect("127.0.0.1", 70000)
    assert "127.0.0.1" in reason


async def test_an_unreachable_address_is_one_sentence() -> None:
    reason, _, _ = await failing_connect("255.255.255.255", 25)
    assert reason.startswith("255.255.255.255 port 25 ")


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("192.0.2.1", "cannot assign requested address"),
        ("::1", "the server's address is not an IPv6 one"),
        ("mail.test", "this is not an IP address"),
    ],
)
async def test_an_address_of_our_own_that_cannot_be_used_is_one_sentence(address: str, why: str) -> None:
    reason, _, _ = await failing_connect("127.0.0.1", refused_port(), local_address=(address, 0))
    assert reason == f"cannot connect from {address}: {why}; choose one of this host's addresses with -li"


async def test_we_connect_from_the_address_that_was_asked_for() -> None:
    async with talking([GREETING], local_address=("127.0.0.2", 0)) as talk:
        assert talk.transport.local == "127.0.0.2"


async def test_every_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = refused_port()
    async with talking([GREETING], connect=False) as talk:
        good = talk.server.port

        def two(*_: object) -> list[object]:
            found = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
            return [(*found, ("127.0.0.1", refused)), (*found, ("127.0.0.1", good))]

        monkeypatch.setattr(socket, "getaddrinfo", two)
        assert (await talk.transport.connect("two.test", good)).code == 220
        assert [event.status for event in talk.seen.of(Link)].count(LinkStatus.CONNECTING) == 2


async def test_a_second_connect_is_refused_while_there_is_a_connection() -> None:
    async with talking([GREETING]) as talk:
        events = len(talk.seen.events)
        with pytest.raises(AlreadyConnected, match="drop it first"):
            await talk.connect()
        assert len(talk.seen.events) == events


async def test_drop_while_connecting_ends_it_at_once() -> None:
    """A name server that does not answer is not waited for, and a new connection can be made meanwhile."""
    answered = asyncio.Event()

    async with talking([GREETING], connect=False) as talk:
        with socket.socket() as silent:  # bound and not listening, its queue never answers a SYN to a full backlog
            silent.bind(("127.0.0.1", 0))
            silent.listen(0)
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(silent.getsockname())
            connecting = asyncio.ensure_future(talk.transport.connect("127.0.0.1", silent.getsockname()[1]))
            await talk.seen.until(lambda: any(e.status is LinkStatus.CONNECTING for e in talk.seen.of(Link)))
            talk.transport.drop()
            with pytest.raises(ConnectionLost, match="dropped before the connection could be used"):
                await connecting
            assert talk.seen.ends == ["dropped"]
            assert talk.here() is C.NONE
            for filler in fillers:
                filler.close()
        assert (await talk.connect()).code == 220
    assert not answered.is_set()


async def test_to_cancel_a_connect_drops_it() -> None:
    async with talking([], connect=False) as talk:
        connecting = asyncio.ensure_future(talk.transport.connect("no-such-host.invalid", 25))
        await talk.seen.first(Link)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        assert talk.seen.ends == ["dropped"]
        assert not talk.transport.connected


async def test_the_same_transport_connects_again_and_everything_known_of_the_first_is_void() -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 number %d\r\n" % peer.server.connections)
        while line := await peer.line():
            await peer.send(b"250-hi\r\n250 AUTH PLAIN\r\n" if line.startswith(b"EHLO") else b"250 ok\r\n")

    async with talking(handler) as talk:
        await talk.transport.command_ehlo("me.test")
        await talk.transport.command_mail("a@b")
        talk.transport.drop()
        assert (await talk.connect()).text == "number 2"
        assert talk.here() is C.BANNER
        assert talk.machine.facts.ext == {}
        assert talk.seen.of(Opened)[1].time == 0.0
        assert (await talk.transport.command_ehlo("me.test")).code == 250


# -- greetings


async def test_a_refusing_greeting_rests_at_banner_and_quit_works() -> None:
    async with talking([(None, b"554 no service\r\n"), QUIT]) as talk:
        assert talk.greeting is not None
        assert talk.greeting.code == 554
        assert talk.here() is C.BANNER
        assert talk.machine.facts.refused
        assert talk.transport.connected
        assert (await talk.transport.command_quit()).code == 221
        assert talk.here() is C.NONE


async def test_a_greeting_421_is_returned_and_ends_the_session() -> None:
    async with talking([(None, b"421 too busy\r\n")], connect=False) as talk:
        assert (await talk.connect()).code == 421
        assert talk.here() is C.NONE
        assert (await talk.over()).cause == "the server closed the session with 421"


async def test_a_server_that_closes_before_its_greeting() -> None:
    async def handler(peer: Peer) -> None:
        peer.close()

    async with talking(handler, connect=False) as talk:
        with pytest.raises(
            ConnectionLost, match=r"the server closed the connection; no reply to the connection \(the greeting\) came"
        ):
            await talk.connect()
        assert talk.seen.ends == ["the server closed the connection"]


async def test_an_early_talker_may_speak_before_the_greeting() -> None:
    async def handler(peer: Peer) -> None:
        assert await peer.line() == b"EHLO early.test"
        await peer.send(b"220 hi\r\n250 hello\r\n")
        await peer.gone()

    async with talking(handler, connect=False) as talk:
        greeting = asyncio.ensure_future(talk.connect())
        await talk.seen.until(lambda: talk.machine.facts.link)
        assert (await talk.transport.command_ehlo("early.test")).text == "hello"
        assert (await greeting).text == "hi"


# -- replies to whom they belong


async def test_a_second_reply_in_one_segment_answers_nothing() -> None:
    async with talking([GREETING, (b"NOOP", b"250 first\r\n250 extra\r\n"), (b"RSET", b"250 for RSET\r\n")]) as talk:
        assert (await talk.transport.custom("NOOP")).text == "first"
        assert (await talk.transport.command_rset()).text == "for RSET"
        assert talk.server.received == b"NOOP\r\nRSET\r\n"


async def test_a_reply_that_nobody_asked_for_is_an_event_and_answers_nothing() -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        await peer.send(b"250 surprise\r\n334 surprise\r\n")  # a 334 too: there is no AUTH
        assert await peer.line() == b"NOOP"
        await peer.send(b"250 real\r\n")

    async with talking(handler) as talk:
        await talk.seen.receives(b"334 surprise\r\n")
        assert (await talk.transport.custom("NOOP")).text == "real"


async def test_a_334_to_what_is_no_auth_is_the_end_of_that_command() -> None:
    async with talking([GREETING, (b"NOOP", b"334 abc\r\n"), (b"RSET", b"250 ok\r\n")]) as talk:
        assert (await talk.transport.custom("NOOP")).code == 334
        assert (await talk.transport.command_rset()).code == 250


async def test_lines_that_are_no_replies_are_seen_and_settle_nothing() -> None:
    async with talking([GREETING, (b"NOOP", b"hello\r\n25 x\r\n\r\n250 ok\r\n")]) as talk:
        assert (await talk.transport.custom("NOOP")).raw == b"250 ok\r\n"
        assert talk.seen.received.endswith(b"hello\r\n25 x\r\n\r\n250 ok\r\n")


async def test_odd_replies_keep_their_octets_and_say_their_defects() -> None:
    async with talking([GREETING, (b"NOOP", b"250-a\r\n550-b\n451 c\xff\r\n")]) as talk:
        reply = await talk.transport.custom("NOOP")
        assert (reply.code, reply.raw) == (451, b"250-a\r\n550-b\n451 c\xff\r\n")
        assert set(reply.defects) == {Defect.MIXED_CODES, Defect.BARE_LF, Defect.UNDECODABLE}


async def test_a_reply_cut_to_octets_is_one_reply_with_two_times() -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        await peer.line()
        for octet in b"250-a\r\n250 b\r\n":
            await peer.send(bytes([octet]))
            await asyncio.sleep(0.001)  # so that reads are apart

    async with talking(handler) as talk:
        reply = await talk.transport.custom("NOOP")
        assert reply.lines == ("a", "b")
        assert 0 < reply.first < reply.last
        assert len(talk.seen.of(Received)) > 5


# -- time


def late(first: bytes = b"") -> Callable[[Peer], Awaitable[None]]:
    """A server that answers NOOP only when the line after it has come, then that one too."""

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        assert await peer.line() == b"NOOP"
        assert await peer.line() == b"RSET"
        await peer.send(b"250 late\r\n")
        await peer.send(b"250 in time\r\n")
        await peer.gone()

    return handler


async def test_a_reply_that_is_late_is_still_owed_and_goes_to_the_command_it_belongs_to() -> None:
    async with talking(late(), timeout=SHORT) as talk:
        with pytest.raises(ReplyTimeout, match=r"no reply to NOOP within 0.05 s: it is still owed"):
            await talk.transport.custom("NOOP")
        assert [event.seconds for event in talk.seen.of(TimedOut)] == [SHORT]
        assert talk.transport.connected
        assert [entry.verb for entry in talk.machine.pending] == ["NOOP"]
        waiting = asyncio.ensure_future(talk.transport.wait(10.0))
        reset = talk.transport.command_rset()
        assert (await reset).text == "in time"
        assert (await waiting).text == "late"
        assert [event.seconds for event in talk.seen.of(Waited)] == [10.0]


async def test_waiting_longer_has_an_end_too() -> None:
    async with talking([GREETING], timeout=SHORT) as talk:
        with pytest.raises(ReplyTimeout):
            await talk.transport.custom("NOOP")
        with pytest.raises(ReplyTimeout):
            await talk.transport.wait()
        assert [type(e) for e in talk.seen.events if isinstance(e, TimedOut | Waited)] == [TimedOut, Waited, TimedOut]


async def test_a_late_reply_that_nobody_waits_for_answers_its_command_all_the_same() -> None:
    async with talking(late(), timeout=SHORT) as talk:
        with pytest.raises(ReplyTimeout):
            await talk.transport.custom("NOOP")
        assert (await talk.transport.reply_to(talk.transport.send_raw(b"RSET\r\n"), 10.0)).text == "in time"  # type: ignore[arg-type]


async def test_a_reply_behind_one_that_is_waited_for_is_not_called_late() -> None:
    """Replies come in order: as long as somebody waits for the older one, that is the one that is late."""
    async with talking([GREETING], timeout=SHORT) as talk:
        noop = talk.transport.send_raw(b"NOOP\r\n")
        assert noop is not None
        first = asyncio.ensure_future(talk.transport.reply_to(noop, 0))
        second = asyncio.ensure_future(talk.transport.custom("HELP"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(second), 4 * SHORT)
        talk.transport.forget()
        with pytest.raises(ReplyTimeout, match="the reply to NOOP was given up"):
            await first
        with pytest.raises(ReplyTimeout, match="no reply to HELP"):
            await second


async def test_a_reply_behind_one_that_the_user_is_asked_about_is_not_called_late() -> None:
    async with talking([GREETING], timeout=SHORT) as talk:
        talk.transport.send_raw(b"NOOP\r\n")
        asking = asyncio.ensure_future(talk.transport.put_question("timeout", "NOOP", "wait", "forget"))
        second = asyncio.ensure_future(talk.transport.custom("HELP"))
        third = asyncio.ensure_future(talk.transport.custom("HELP"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(second), 3 * SHORT)
        asking.cancel()
        with pytest.raises(ReplyTimeout, match="no reply to HELP"):
            await second
        with pytest.raises(ReplyTimeout):
            await third


async def test_a_reply_behind_one_that_nobody_waits_for_has_its_own_time() -> None:
    async with talking([GREETING], timeout=SHORT) as talk:
        with pytest.raises(ReplyTimeout, match="no reply to NOOP"):
            await talk.transport.custom("NOOP")
        with pytest.raises(ReplyTimeout, match="no reply to HELP"):
            await talk.transport.custom("HELP")
        assert [entry.verb for entry in talk.machine.pending] == ["NOOP", "HELP"]


async def test_two_may_wait_for_one_reply() -> None:
    async with talking(late()) as talk:
        first = asyncio.ensure_future(talk.transport.custom("NOOP"))
        await talk.seen.until(lambda: talk.machine.pending)
        second = asyncio.ensure_future(talk.transport.wait())
        third = asyncio.ensure_future(talk.transport.wait())
        await talk.seen.first(Waited, 2)
        third.cancel()
        await talk.transport.command_rset()
        assert (await first).text == (await second).text == "late"


async def test_without_a_limit_nothing_times_out() -> None:
    async with talking(late(), timeout=0) as talk:
        noop = asyncio.ensure_future(talk.transport.custom("NOOP"))
        await talk.seen.until(lambda: talk.machine.pending)
        await talk.transport.command_rset()
        assert (await noop).text == "late"


async def test_a_forgotten_reply_is_not_owed_and_a_late_one_counts_for_the_next_command() -> None:
    """SMTP has no tags: whoever forgets says that the reply will never come."""

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        assert await peer.line() == b"NOOP"
        assert await peer.line() == b"RSET"
        await peer.send(b"250 for RSET\r\n")
        await peer.gone()

    async with talking(handler, timeout=SHORT) as talk:
        with pytest.raises(ReplyTimeout):
            await talk.transport.custom("NOOP")
        talk.transport.forget()
        assert [event.code for event in talk.seen.of(Forgot)] == [None]
        assert not talk.machine.pending
        talk.transport.timeout = 10.0
        assert (await talk.transport.command_rset()).text == "for RSET"


async def test_to_forget_ends_the_waiting() -> None:
    async with talking([GREETING]) as talk:
        noop = asyncio.ensure_future(talk.transport.custom("NOOP"))
        await talk.seen.until(lambda: talk.machine.pending)
        talk.transport.forget()
        with pytest.raises(ReplyTimeout, match="the reply to NOOP was given up"):
            await noop


async def test_a_forgotten_data_is_refused_or_taken_as_354() -> None:
    async with talking([GREETING, EHLO, MAIL, RCPT, (b"DATA", b""), (b"DATA", b""), (b"text", b"")]) as talk:
        transport = talk.transport
        await transport.command_ehlo("me.test")
        await transport.command_mail("a@b")
        await transport.command_rcpt("c@d")
        transport.timeout = SHORT
        with pytest.raises(ReplyTimeout):
            await transport.command_data()
        transport.forget()
        assert talk.here() is C.RCPT
        with pytest.raises(ReplyTimeout):
            await transport.command_data()
        transport.forget(354)
        assert talk.here() is C.DATA
        assert await transport.send_data_stream(b"text", hold_dot=True) == []
        assert talk.here() is C.SEND_STREAM


async def test_a_greeting_that_does_not_come_is_owed_and_quit_can_be_sent() -> None:
    async def handler(peer: Peer) -> None:
        assert await peer.line() == b"QUIT"
        await peer.send(b"220 at last\r\n221 bye\r\n")

    def be_short(event: object) -> None:
        if isinstance(event, Link) and event.status is LinkStatus.CONNECTED:
            talk.transport.timeout = SHORT

    async with talking(handler, connect=False) as talk:
        talk.transport.listeners.append(be_short)
        with pytest.raises(ReplyTimeout, match=r"no reply to the connection \(the greeting\) within 0\.05 s"):
            await talk.connect()
        assert talk.transport.connected
        talk.transport.timeout = 10.0
        assert (await talk.transport.command_quit()).code == 221


async def test_who_stops_waiting_does_not_close_and_the_reply_is_still_its_own() -> None:
    async with talking(late()) as talk:
        noop = asyncio.ensure_future(talk.transport.custom("NOOP"))
        await talk.seen.until(lambda: talk.machine.pending)
        noop.cancel()
        with pytest.raises(asyncio.CancelledError):
            await noop
        assert (await talk.transport.command_rset()).text == "in time"


# -- goodbyes


async def test_a_421_settles_its_command_and_the_others_are_told_that_none_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "GOODBYE_GRACE", SHORT)

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        await peer.read_exactly(12)
        await peer.send(b"421 4.3.2 going down\r\n")
        await peer.gone()  # it is us who close

    async with talking(handler) as talk:
        first = asyncio.ensure_future(talk.transport.custom("NOOP"))
        second = asyncio.ensure_future(talk.transport.custom("RSET"))
        assert (await first).code == 421
        assert talk.here() is C.NONE
        assert not talk.transport.connected
        with pytest.raises(ConnectionLost, match="the server closed the session with 421; no reply to RSET came"):
            await second
        assert (await talk.over()).cause == "the server closed the session with 421"


@pytest.mark.parametrize("code", [421, 521, 221])
async def test_a_goodbye_that_nobody_asked_for(code: int) -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        await peer.line()
        await peer.send(b"250 ok\r\n%d bye\r\n250 and more\r\n" % code)

    async with talking(handler) as talk:
        assert (await talk.transport.custom("NOOP")).code == 250
        assert (await talk.over()).cause == f"the server closed the session with {code}"
        assert talk.here() is C.NONE


async def test_after_a_421_the_server_may_talk_on_and_nothing_is_sent_any_more() -> None:
    more = asyncio.Event()

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n421 bye\r\n")
        await more.wait()
        await peer.send(b"and the reason is ...\r\n")

    async with talking(handler) as talk:
        await talk.seen.receives(b"421 bye\r\n")
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: talk.transport.custom("NOOP"),
            lambda: talk.transport.raw(b"NOOP\r\n"),
            lambda: talk.transport.command_dot(),
            lambda: talk.transport.command_quit(),
            lambda: talk.transport.send_message("a@b", ["c@d"], b"x"),
        ]
        for call in calls:
            with pytest.raises(NotConnected, match="the server closed the session with 421: connect again"):
                await call()
        more.set()
        await talk.over()
        assert talk.seen.received.endswith(b"421 bye\r\nand the reason is ...\r\n")
        assert talk.seen.sent == b""


async def test_after_a_421_we_close_if_the_server_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "GOODBYE_GRACE", SHORT)

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n421 bye\r\n")
        await peer.gone()

    async with talking(handler) as talk:
        assert (await talk.over()).cause == "the server closed the session with 421"
        assert link.GOODBYE_GRACE == SHORT


async def test_after_a_421_one_can_connect_again_at_once() -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n" + (b"421 bye\r\n" if peer.server.connections == 1 else b""))
        await peer.gone()

    async with talking(handler) as talk:
        await talk.seen.receives(b"421 bye\r\n")
        assert not talk.transport.connected
        assert (await talk.connect()).code == 220
        assert talk.seen.ends == ["the server closed the session with 421"]
        assert talk.here() is C.BANNER


async def test_after_a_421_disconnect_waits_for_nothing() -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"421 bye\r\n")
        await peer.gone()

    async with talking(handler) as talk:
        assert await talk.transport.disconnect() is None
        assert talk.seen.ends == ["disconnected"]


# -- ends


async def test_a_close_in_the_middle_of_a_reply_keeps_what_came() -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        await peer.line()
        await peer.send(b"250-one\r\n250-tw")

    async with talking(handler) as talk:
        with pytest.raises(ConnectionLost, match="closed the connection in the middle of a reply; no reply to EHLO"):
            await talk.transport.command_ehlo("me.test")
        assert talk.seen.received.endswith(b"250-one\r\n250-tw")
        assert talk.seen.ends == ["the server closed the connection in the middle of a reply"]
        assert talk.here() is C.NONE


async def test_a_reset_is_told_from_a_close() -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        await peer.line()
        peer.reset()

    async with talking(handler, same=False) as talk:
        with pytest.raises(ConnectionLost, match="the server reset the connection; no reply to NOOP came"):
            await talk.transport.custom("NOOP")
        assert talk.seen.ends == ["the server reset the connection"]


async def test_a_close_or_reset_while_nothing_is_owed_is_seen_at_once() -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        await peer.line()
        await peer.send(b"250 ok\r\n")
        peer.close() if peer.server.connections == 1 else peer.reset()

    async with talking(handler, same=False) as talk:
        await talk.transport.custom("NOOP")
        await talk.seen.first(Closed)
        await talk.connect()
        await talk.transport.custom("NOOP")
        await talk.seen.first(Closed, 2)
        assert talk.seen.ends == ["the server closed the connection", "the server reset the connection"]
        assert talk.here() is C.NONE


async def test_a_half_close_is_the_end_like_any_other_close() -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        peer.half_close()
        await peer.gone()

    async with talking(handler) as talk:
        assert (await talk.over()).cause == "the server closed the connection"


async def test_quit_may_be_answered_by_the_close_alone() -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        await peer.line()

    async with talking(handler) as talk:
        with pytest.raises(ConnectionLost, match="the server closed the connection; no reply to QUIT came"):
            await talk.transport.command_quit()
        assert [node for move in talk.machine.moves for node in move.path][-3:] == [C.BANNER, C.QUIT, C.NONE]


async def test_drop_closes_at_once_and_says_nothing() -> None:
    async with talking([GREETING]) as talk:
        noop = asyncio.ensure_future(talk.transport.custom("NOOP"))
        await talk.seen.until(lambda: talk.machine.pending)
        talk.transport.drop()
        with pytest.raises(ConnectionLost, match="dropped; no reply to NOOP came"):
            await noop
        assert [type(event) for event in talk.seen.events[-2:]] == [Issued, Closed]
        assert talk.seen.of(Issued)[-1].step == Drop()
        assert talk.here() is C.NONE
        events = len(talk.seen.events)
        talk.transport.drop()
        assert len(talk.seen.events) == events


@pytest.mark.parametrize("tls", [False, True])
async def test_a_reply_in_hand_is_not_lost_to_a_write_that_fails(tls: bool) -> None:
    """The server refuses the message and resets while we write: the 552 is read, not hidden behind EPIPE."""
    refused = asyncio.Event()

    async def handler(peer: Peer) -> None:
        if tls:
            await peer.starttls()
        await greet_to_data(peer)
        await peer.read_some()
        await peer.send(b"552 5.3.4 too big\r\n")
        peer.reset()
        refused.set()

    async with talking(handler, same=False, implicit_tls=tls, insecure=True) as talk:
        await to_data(talk)
        talk.transport.send_raw(b"x" * 1000 + b"\r\n")
        await refused.wait()  # the 552 and the RST are here, and nothing has read them yet
        talk.transport.send_raw(b"more\r\n")
        await talk.seen.first(Closed)
        assert talk.seen.received.endswith(b"552 5.3.4 too big\r\n")
        assert talk.seen.ends == ["the server reset the connection"]


async def test_the_dot_whose_reply_never_came_leaves_the_message_unknown() -> None:
    async def handler(peer: Peer) -> None:
        await greet_to_data(peer)
        await peer.read_until(b"\r\n.\r\n")

    async with talking(handler) as talk:
        await to_data(talk)
        with pytest.raises(ConnectionLost, match="no reply to DOT came"):
            await talk.transport.send_data_stream(b"text")
        assert talk.machine.facts.done == "unknown"


async def test_a_question_whose_connection_has_ended_is_void() -> None:
    answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def ask(_: object) -> int:
        return await answer

    async with talking([GREETING]) as talk:
        talk.transport.ask = ask
        asking = asyncio.ensure_future(talk.transport.put_question("kind", "text", "no", "yes"))
        await asyncio.sleep(0)
        talk.transport.drop()
        await talk.connect()
        answer.set_result(1)
        with pytest.raises(ConnectionLost, match="the connection ended while the question stood"):
            await asking
        assert talk.seen.questions == [("kind", None)]
