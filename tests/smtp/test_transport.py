"""Each method of the transport on a scripted server: what is on the wire, what is returned, what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from servers.scripted import END_OF_DATA, Peer
from smtp.events_seen import DATA, EHLO, GREETING, MAIL, QUIT, RCPT, C, Seen, talking, to_data
from smtpscope.smtp.errors import ConnectionLost, NotConnected, TransportError
from smtpscope.smtp.events import Bdat, Closed, Connect, Issued, Received, Sent, StartTls
from smtpscope.smtp.reply import Reply
from smtpscope.smtp.transport import SMTPTransport

Call = Callable[[SMTPTransport], Awaitable[Reply | list[Reply] | None]]

METHODS: dict[str, tuple[Call, bytes]] = {
    "EHLO": (lambda t: t.command_ehlo("me.test"), b"EHLO me.test\r\n"),
    "EHLO, no name": (lambda t: t.command_ehlo(), b"EHLO [127.0.0.1]\r\n"),
    "LHLO": (lambda t: t.command_ehlo("me.test", lmtp=True), b"LHLO me.test\r\n"),
    "HELO": (lambda t: t.command_helo("me.test"), b"HELO me.test\r\n"),
    "HELO, no name": (lambda t: t.command_helo(), b"HELO [127.0.0.1]\r\n"),
    "MAIL": (lambda t: t.command_mail("a@me.test"), b"MAIL FROM:<a@me.test>\r\n"),
    "MAIL, brackets": (lambda t: t.command_mail("<a@me.test>"), b"MAIL FROM:<a@me.test>\r\n"),
    "MAIL, null": (lambda t: t.command_mail(""), b"MAIL FROM:<>\r\n"),
    "MAIL, null in brackets": (lambda t: t.command_mail("<>"), b"MAIL FROM:<>\r\n"),
    "MAIL, parameters": (
        lambda t: t.command_mail("a@me.test", "SIZE=12", "BODY=8BITMIME"),
        b"MAIL FROM:<a@me.test> SIZE=12 BODY=8BITMIME\r\n",
    ),
    "MAIL, UTF-8": (lambda t: t.command_mail("josé@me.test"), "MAIL FROM:<josé@me.test>\r\n".encode()),
    "MAIL, quoted": (lambda t: t.command_mail('"a <b> c"@me.test'), b'MAIL FROM:<"a <b> c"@me.test>\r\n'),
    "MAIL, characters that end in 0D and 0A": (
        lambda t: t.command_mail("a嘊嘍@me.test"), "MAIL FROM:<a嘊嘍@me.test>\r\n".encode()
    ),
    "RCPT": (lambda t: t.command_rcpt("b@mail.test"), b"RCPT TO:<b@mail.test>\r\n"),
    "RCPT, parameters": (
        lambda t: t.command_rcpt("<b@mail.test>", "NOTIFY=NEVER"),
        b"RCPT TO:<b@mail.test> NOTIFY=NEVER\r\n",
    ),
    "RSET": (lambda t: t.command_rset(), b"RSET\r\n"),
    "DATA": (lambda t: t.command_data(), b"DATA\r\n"),
    "DOT, outside of message text": (lambda t: t.command_dot(), b".\r\n"),
    "BDAT": (lambda t: t.bdat(b"a\r\nb"), b"BDAT 4\r\na\r\nb"),
    "BDAT LAST": (lambda t: t.bdat(b"", last=True), b"BDAT 0 LAST\r\n"),
    "custom": (lambda t: t.custom("vrfy bob"), b"vrfy bob\r\n"),
    "custom with a member": (lambda t: t.custom("rset"), b"rset\r\n"),
    "custom, empty": (lambda t: t.custom(""), b"\r\n"),
    "raw": (lambda t: t.raw(b"\x00 \xff\t\n"), b"\x00 \xff\t\n"),
    "raw with a member": (lambda t: t.raw(b"RSET \r\n"), b"RSET \r\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
async def test_each_method_sends_exactly_its_octets_and_gives_the_reply(name: str) -> None:
    call, octets = METHODS[name]

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        assert await peer.read_exactly(len(octets)) == octets
        await peer.send(b"250-2.0.0 fine\r\n250 2.0.0 really\r\n")
        await peer.gone()

    async with talking(handler) as talk:
        replies = await call(talk.transport)
        reply = replies[-1] if isinstance(replies, list) else replies
        assert reply is not None
        assert (reply.raw, reply.code) == (b"250-2.0.0 fine\r\n250 2.0.0 really\r\n", 250)
        assert reply.lines == ("2.0.0 fine", "2.0.0 really")
        assert talk.server.received == octets  # and nothing else
        assert not talk.machine.pending


async def test_quit_closes_when_its_reply_is_in_and_nothing_can_be_said_any_more() -> None:
    async with talking([GREETING, QUIT]) as talk:
        reply = await talk.transport.command_quit()
        assert (reply.code, reply.text) == (221, "2.0.0 Bye")
        assert (await talk.over()).cause == "said goodbye"
        assert not talk.transport.connected
        with pytest.raises(NotConnected, match="connect first"):
            await talk.transport.custom("NOOP")
        assert talk.server.received == b"QUIT\r\n"


async def test_what_was_asked_for_is_told_before_it_is_sent() -> None:
    async with talking([GREETING, EHLO, (b"BDAT", b"503 no\r\n"), (b"abc", b""), (b"noop", b"250 ok\r\n")]) as talk:
        await talk.transport.command_ehlo("me.test")
        await talk.transport.bdat(b"abc\r\n")
        await talk.transport.custom("noop")
        told = [event for event in talk.seen.events if isinstance(event, Issued | Sent)]
        assert [(event.step, event.line) for event in told if isinstance(event, Issued)] == [
            (Connect(), f"connect 127.0.0.1:{talk.server.port}"),
            (C.EHLO, "EHLO me.test"),
            (Bdat(5), "BDAT 5"),
            (C.CUSTOM, "noop"),
        ]
        assert [type(event) for event in told] == [Issued, Issued, Sent, Issued, Sent, Issued, Sent]
        times = [event.time for event in talk.seen.events]
        assert times == sorted(times)
        assert times[0] == 0.0


NOT_IN_A_FIELD = ["\r", "\n", "\r\n", "\0", "\x01", "\x1b", "\x7f", "\t", "\udcff"]
BAD_CALLS: dict[str, Callable[[SMTPTransport, str], Awaitable[object]]] = {
    "EHLO": lambda t, bad: t.command_ehlo(f"me{bad}test"),
    "HELO": lambda t, bad: t.command_helo(f"me{bad}test"),
    "MAIL": lambda t, bad: t.command_mail(f"a{bad}b@me.test"),
    "MAIL, parameter": lambda t, bad: t.command_mail("a@me.test", f"SIZE={bad}1"),
    "RCPT": lambda t, bad: t.command_rcpt(f"a{bad}b@me.test"),
    "RCPT, parameter": lambda t, bad: t.command_rcpt("a@me.test", f"NOTIFY{bad}"),
    "AUTH": lambda t, bad: t.command_auth(f"PLAIN{bad}", "u", "p"),
    "custom": lambda t, bad: t.custom(f"NOOP{bad}RSET"),
    "send_message, reverse-path": lambda t, bad: t.send_message(f"a{bad}@b", ["c@d"], b"x"),
    "send_message, forward-path": lambda t, bad: t.send_message("a@b", ["c@d", f"e{bad}@f"], b"x"),
}


@pytest.mark.parametrize("name", BAD_CALLS)
async def test_what_would_break_out_of_its_field_is_refused_before_anything_happens(name: str) -> None:
    bad = [*NOT_IN_A_FIELD]
    if name not in ("EHLO", "HELO", "custom"):
        bad += [" ", "\u2028", "\x85"]
    if name in ("MAIL", "RCPT"):
        bad += ["<", ">", "> SIZE=1"]
    async with talking([GREETING]) as talk:
        events = len(talk.seen.events)
        for each in bad:
            with pytest.raises(ValueError, match=r"."):
                await BAD_CALLS[name](talk.transport, each)
        assert len(talk.seen.events) == events
        assert talk.server.received == b""


async def test_the_refusal_of_a_field_names_the_character() -> None:
    with pytest.raises(ValueError, match=r"control character \(U\+000A\) cannot stand in a command: send it raw"):
        await SMTPTransport().custom("NOOP\nRSET")


async def test_an_empty_parameter_or_no_recipient_is_refused() -> None:
    with pytest.raises(ValueError, match="one word"):
        await SMTPTransport().command_mail("a@b", "")
    with pytest.raises(ValueError, match="needs a recipient"):
        await SMTPTransport().send_message("a@b", [], b"x")


async def test_nothing_can_be_done_without_a_connection() -> None:
    seen = Seen()
    transport = SMTPTransport(seen)
    calls: list[Call] = [call for call, _ in METHODS.values()]
    calls += [
        lambda t: t.command_quit(),
        lambda t: t.starttls(),
        lambda t: t.command_auth("CRAM-MD5", "u", "p"),
        lambda t: t.send_data_stream(b"x"),
        lambda t: t.send_message("a@b", ["c@d"], b"x"),
    ]
    for call in calls:
        with pytest.raises(NotConnected, match="there is no connection: connect first"):
            await call(transport)
    assert await transport.disconnect() is None
    transport.drop()
    assert seen.events == []
    with pytest.raises(TransportError, match="no reply is owed"):
        await transport.wait()
    with pytest.raises(TransportError, match="no reply is owed"):
        transport.forget()


# -- the tour


async def test_the_tour_of_all_fifteen_members() -> None:
    """BANNER > HELO > CONNECTED > EHLO > CUSTOM > BANNER > EHLO > AUTH > CONNECTED > ... > QUIT > NONE."""

    async def handler(peer: Peer) -> None:
        async def answer(line: bytes, reply: bytes) -> None:
            got = await peer.line()
            assert got.startswith(line), got
            await peer.send(reply)

        await peer.send(b"220 mail.test\r\n")
        await answer(b"HELO", b"250 mail.test\r\n")
        await answer(b"EHLO", b"250-mail.test\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n")
        await answer(b"STARTTLS", b"220 go\r\n")
        await peer.starttls()
        await answer(b"EHLO", b"250-mail.test\r\n250 AUTH PLAIN\r\n")
        await answer(b"AUTH PLAIN ", b"235 welcome\r\n")
        await answer(b"MAIL", b"250 ok\r\n")
        await answer(b"RCPT", b"250 ok\r\n")
        await answer(b"DATA", b"354 go\r\n")
        assert await peer.read_until(END_OF_DATA) == b"Subject: hi\r\n\r\n..\r\n.\r\n"
        await peer.send(b"250 queued\r\n")
        await answer(b"NOOP", b"250 ok\r\n")
        await answer(b"MAIL", b"250 ok\r\n")
        await answer(b"RSET", b"250 ok\r\n")
        await answer(b"QUIT", b"221 bye\r\n")

    async with talking(handler, 1, want_login=True) as talk:
        transport = talk.transport
        await transport.command_helo("me.test")
        await transport.command_ehlo("me.test")
        await transport.starttls()
        await transport.command_ehlo("me.test")
        await transport.command_auth("PLAIN", "alice", "wonderland")
        await transport.command_mail("a@me.test")
        await transport.command_rcpt("b@mail.test")
        await transport.command_data()
        await transport.send_data_stream(b"Subject: hi\n\n.\n")
        await transport.custom("NOOP")
        await transport.command_mail("a@me.test")
        await transport.command_rset()
        await transport.command_quit()
        await talk.over()
        nodes = [C.NONE]
        for move in talk.machine.moves:
            assert move.path[0] is nodes[-1], f"{move} does not go on from {nodes[-1].name}"
            assert not move.jump
            nodes += move.path[1:]
        assert " > ".join(node.name for node in nodes[1:]) == (
            "BANNER > HELO > CONNECTED > EHLO > CUSTOM > BANNER > EHLO > AUTH > CONNECTED > MAIL > RCPT > DATA > "
            "SEND_STREAM > DOT > SEND_MESSAGE > CUSTOM > SEND_MESSAGE > MAIL > RSET > CONNECTED > QUIT > NONE"
        )
        assert set(nodes) == set(C)


# -- one-shots


async def test_send_message_goes_from_mail_to_the_verdict() -> None:
    script = [GREETING, EHLO, MAIL, RCPT, (b"RCPT", b"550 5.1.1 no\r\n"), DATA, (END_OF_DATA, b"250 queued\r\n")]
    async with talking(script) as talk:
        await talk.transport.command_ehlo("me.test")
        replies = await talk.transport.send_message("a@me.test", ["b@mail.test", "c@mail.test"], b"Subject: x\n\nhi\n")
        assert [reply.text for reply in replies] == ["queued"]
        assert talk.here() is C.SEND_MESSAGE
        assert talk.server.received == (
            b"EHLO me.test\r\nMAIL FROM:<a@me.test>\r\nRCPT TO:<b@mail.test>\r\nRCPT TO:<c@mail.test>\r\nDATA\r\n"
            b"Subject: x\r\n\r\nhi\r\n.\r\n"
        )


SEND_MESSAGE_ENDS = {
    "MAIL": ([(b"MAIL", b"550 no\r\n")], [550], b"MAIL FROM:<a@b>\r\n"),
    "all RCPT": (
        [MAIL, (b"RCPT", b"550 no\r\n"), (b"RCPT", b"450 later\r\n"), (b"RSET", b"250 ok\r\n")],
        [550, 450],
        b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nRSET\r\n",
    ),
    "421 to RCPT": ([MAIL, (b"RCPT", b"421 bye\r\n")], [421], b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"),
    "DATA": (
        [MAIL, RCPT, RCPT, (b"DATA", b"451 later\r\n"), (b"RSET", b"250 ok\r\n")],
        [451],
        b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\nRSET\r\n",
    ),
    "421 to DATA": (
        [MAIL, RCPT, RCPT, (b"DATA", b"421 bye\r\n")],
        [421],
        b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n",
    ),
}


@pytest.mark.parametrize("name", SEND_MESSAGE_ENDS)
async def test_send_message_gives_the_replies_to_what_ended_it(name: str) -> None:
    script, codes, wire = SEND_MESSAGE_ENDS[name]
    async with talking([GREETING, EHLO, *script]) as talk:
        await talk.transport.command_ehlo("me.test")
        replies = await talk.transport.send_message("a@b", ["c@d", "e@f"], b"text")
        assert [reply.code for reply in replies] == codes
        assert talk.server.received == b"EHLO me.test\r\n" + wire


async def test_send_message_is_for_where_mail_is_next() -> None:
    async with talking([GREETING, EHLO, MAIL]) as talk:
        await talk.transport.command_ehlo("me.test")
        await talk.transport.command_mail("a@b")
        with pytest.raises(TransportError, match="where MAIL is the next thing to say"):
            await talk.transport.send_message("a@b", ["c@d"], b"text")


async def test_disconnect_says_quit_and_closes_whatever_comes_of_it() -> None:
    async with talking([GREETING, (b"QUIT", b"500 what?\r\n")]) as talk:
        reply = await talk.transport.disconnect()
        assert reply is not None
        assert reply.code == 500
        assert talk.here() is C.NONE
    async with talking([GREETING, (b"QUIT", b"")], timeout=0.05) as talk:
        assert await talk.transport.disconnect() is None
        assert (await talk.over()).cause == "disconnected"
        assert talk.server.received == b"QUIT\r\n"


async def test_disconnect_inside_message_text_closes_without_a_word() -> None:
    async with talking([GREETING, EHLO, MAIL, RCPT, DATA]) as talk:
        await to_data(talk)
        assert await talk.transport.disconnect() is None
        assert (await talk.over()).cause == "disconnected"
        assert talk.server.received.endswith(b"DATA\r\n")


# -- several in flight


async def test_several_commands_in_flight_get_their_replies_in_order() -> None:
    lines = [b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<c@d>\r\n", b"RCPT TO:<e@f>\r\n", b"DATA\r\n"]

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        await peer.read_exactly(sum(map(len, lines)))
        await peer.send(b"250 one\r\n550 two\r\n25")  # the cuts are not the commands'
        await peer.send(b"0 three\r\n354 four\r\n")
        await peer.gone()

    async with talking(handler) as talk:
        transport = talk.transport
        replies = await asyncio.gather(
            transport.command_mail("a@b"),
            transport.command_rcpt("c@d"),
            transport.command_rcpt("e@f"),
            transport.command_data(),
        )
        assert [reply.raw for reply in replies] == [b"250 one\r\n", b"550 two\r\n", b"250 three\r\n", b"354 four\r\n"]
        assert talk.server.received == b"".join(lines)
        assert talk.here() is C.DATA


async def test_lines_in_one_write_each_leave_a_reply_owed_and_the_last_one_is_given() -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        assert await peer.read_exactly(18) == b"NOOP\r\nRSET\r\nHELP\r\n"
        await peer.send(b"250 one\r\n250 two\r\n214 three\r\n")
        await peer.gone()

    async with talking(handler) as talk:
        reply = await talk.transport.raw(b"NOOP\r\nRSET\r\nHELP\r\n")
        assert reply is not None
        assert reply.text == "three"
        assert talk.seen.sent == b"NOOP\r\nRSET\r\nHELP\r\n"


async def test_a_line_typed_in_pieces_leaves_nothing_owed_until_it_is_whole() -> None:
    async with talking([GREETING, (b"NOOP", b"250 ok\r\n")]) as talk:
        assert await talk.transport.raw(b"NO") is None
        assert not talk.machine.pending
        reply = await talk.transport.raw(b"OP\r\n")
        assert reply is not None
        assert reply.code == 250


async def test_commands_behind_a_data_that_is_accepted_are_text_and_nobody_waits_for_replies_to_them() -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        assert await peer.read_exactly(12) == b"DATA\r\nNOOP\r\n"
        await peer.send(b"354 go\r\n")
        await peer.gone()

    async with talking(handler) as talk:
        data = asyncio.ensure_future(talk.transport.command_data())
        noop = asyncio.ensure_future(talk.transport.custom("NOOP"))
        assert (await data).code == 354
        with pytest.raises(TransportError, match="NOOP became message text"):
            await noop


# -- guards


async def test_in_data_mode_a_command_is_not_sent_as_message_text() -> None:
    async with talking([GREETING, EHLO, MAIL, RCPT, DATA]) as talk:
        await to_data(talk)
        calls: list[Call] = [
            lambda t: t.command_rset(),
            lambda t: t.command_quit(),
            lambda t: t.custom("NOOP"),
            lambda t: t.bdat(b"x"),
            lambda t: t.starttls(),
            lambda t: t.command_auth("PLAIN", "u", "p"),
        ]
        for call in calls:
            with pytest.raises(TransportError, match="would become message text"):
                await call(talk.transport)
        assert talk.server.received.endswith(b"DATA\r\n")


async def test_message_text_needs_a_354_first() -> None:
    async with talking([GREETING]) as talk:
        with pytest.raises(TransportError, match="needs the server's 354 first"):
            await talk.transport.send_data_stream(b"text")
        assert talk.seen.sent == b""


async def test_what_a_chunk_swallows_leaves_no_reply_owed() -> None:
    async with talking([GREETING, (b"BDAT", b"503 no\r\n")]) as talk:
        await talk.transport.raw(b"BDAT 100\r\n")
        with pytest.raises(TransportError, match="became part of what was begun before"):
            await talk.transport.custom("NOOP")


async def test_what_a_chunk_swallows_while_its_reply_is_owed_leaves_no_reply_owed_either() -> None:
    async with talking([GREETING]) as talk:
        talk.transport.send_raw(b"BDAT 100\r\n")
        with pytest.raises(TransportError, match="became part of what was begun before"):
            await talk.transport.custom("NOOP")
        assert [entry.verb for entry in talk.machine.pending] == ["BDAT"]


# -- events and the wire

OCTETS = st.binary(min_size=1, max_size=40)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(out=st.lists(OCTETS, max_size=6), come=st.lists(OCTETS, max_size=6))
async def test_the_events_are_the_wire_both_ways(out: list[bytes], come: list[bytes]) -> None:
    """Whatever goes out and comes in, however it is cut; ``talking`` compares at the end."""

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        for piece in come:
            await peer.send(piece)
        await peer.read_exactly(len(b"".join(out)))

    async with talking(handler) as talk:
        for piece in out:
            try:
                talk.transport.send_raw(piece)
            except TransportError:  # the server's octets said 421, or a 220 to a STARTTLS of ours
                break
        await talk.seen.first(Closed)
        sent = talk.seen.of(Sent)
        assert [event.data for event in sent] == out[: len(sent)]
        assert all(event.data for event in talk.seen.of(Received))


async def test_raw_octets_that_are_none_are_nothing() -> None:
    async with talking([GREETING]) as talk:
        events = len(talk.seen.events)
        assert await talk.transport.raw(b"") is None
        assert len(talk.seen.events) == events


async def test_a_step_is_told_for_raw_lines_as_for_commands() -> None:
    async with talking(
        [GREETING, (b"ehlo", b"250 hi\r\n"), (b"starttls", b"454 no\r\n"), (b"xy", b"500 no\r\n")]
    ) as talk:
        await talk.transport.raw(b"ehlo me\r\n")
        await talk.transport.raw(b"starttls\r\n")
        await talk.transport.raw(b"xy\xffz\r\n")
        steps = [(event.step, event.line) for event in talk.seen.of(Issued)]
        assert steps[1:] == [(C.EHLO, "ehlo me"), (StartTls(), "starttls"), (C.CUSTOM, "xy\\xffz")]


async def test_a_server_that_is_gone_while_commands_are_owed_ends_them_all() -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        await peer.read_exactly(12)
        await peer.send(b"250 first\r\n")

    async with talking(handler) as talk:
        first = asyncio.ensure_future(talk.transport.custom("NOOP"))
        second = asyncio.ensure_future(talk.transport.custom("RSET"))
        with pytest.raises(ConnectionLost, match="the server closed the connection; no reply to RSET came"):
            await second
        assert (await first).text == "first"
        assert talk.here() is C.NONE
