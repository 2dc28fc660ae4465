"""Where the time went: every wait is a step, no moment is counted twice, and the network's part is told apart."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.scripted import Peer
from session.driving import LOGIN, C, driving
from smtpscope.session.timing import KEPT, PAUSE, TEXT, Step, Timeline, timeline
from smtpscope.session.waterfall import bars, head, label
from smtpscope.smtp.events import (
    Cipher,
    Closed,
    Connect,
    Event,
    Failed,
    Forgot,
    Issued,
    Link,
    LinkStatus,
    Opened,
    Progress,
    Received,
    Secured,
    Sent,
)
from tui.recordings import finished, in_transaction, logged_in

S = LinkStatus


def connected(*later: Event, tcp: float = 0.02) -> list[Event]:
    """A connection that has been greeted after 0.1 s, and what came then."""
    return [
        Opened(0.0, "mx.test", 25),
        Issued(0.0, Connect()),
        Link(0.0, S.FINDINGHOST, "mx.test"),
        Link(0.01, S.CONNECTING, "192.0.2.7 port 25"),
        Link(0.01 + tcp, S.CONNECTED, "", "192.0.2.7"),
        Received(0.13, b"220 mx.test\r\n"),
        *later,
    ]


def names(line: Timeline) -> list[str]:
    return [label(step) for step in line.steps]


def step(line: Timeline, name: str) -> Step:
    return next(step for step in line.steps if step.name == name)


def ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


# -- what is a step


def test_a_whole_session_is_told_step_by_step() -> None:
    line = timeline(finished())
    assert names(line) == [
        "DNS mx1.example.org", "TCP 192.0.2.7 port 587", "banner 220", "EHLO 250 client.example.net", "STARTTLS 220",
        "TLS TLSv1.3", "EHLO 250 client.example.net", "AUTH 235 PLAIN", "MAIL 250 alice@example.org",
        "RCPT 550 carol@example.org", "RCPT 250 bob@example.org", "RCPT 250 dave@example.org",
        "DATA 354", "text 61 bytes", "DOT 250", "QUIT 221",
    ]  # fmt: skip
    assert [ms(each.seconds) for each in line.steps] == [
        8, 22, 12, 2, 4, 31, 2, 70, 4, 4, 4, 4, 400, 1, 85, 4,
    ]  # fmt: skip
    assert [each.name for each in line.slowest] == ["DATA", "DOT", "AUTH"]
    assert not any(step.outcome for step in line.steps)


def test_the_limits_are_those_of_rfc_5321() -> None:
    line = timeline(finished())
    limits = {each.name: each.limit for each in line.steps}
    assert limits["banner"] == limits["EHLO"] == limits["MAIL"] == limits["RCPT"] == 300
    assert (limits["DATA"], limits["text"], limits["DOT"]) == (120, 180, 600)
    assert limits["DNS"] == limits["TCP"] == limits["TLS"] == 0
    assert step(line, "DATA").share == pytest.approx(0.4 / 120)


def test_the_network_has_its_round_trip_and_the_server_the_rest() -> None:
    line = timeline(finished())
    assert (ms(line.floor or 0), line.floor_of) == (22, "TCP")
    auth, mail = step(line, "AUTH"), step(line, "MAIL")
    assert (ms(auth.network), ms(auth.server)) == (22, 48)
    assert (ms(mail.network), ms(mail.server)) == (4, 0), "no step has more of the network than it took"
    assert ms(line.server + line.network + line.seconds("host", TEXT)) == ms(line.waited)


def test_a_quick_noop_lowers_the_floor() -> None:
    noop: list[Event] = [Sent(1.0, b"NOOP\r\n"), Received(1.005, b"250 ok\r\n")]
    line = timeline(connected(*noop))
    assert (ms(line.floor or 0), line.floor_of) == (5, "NOOP")
    assert ms(step(line, "banner").server) == 95


def test_a_noop_behind_others_is_no_round_trip() -> None:
    group: list[Event] = [Sent(1.0, b"RSET\r\nNOOP\r\n"), Received(1.03, b"250 ok\r\n"), Received(1.031, b"250 ok\r\n")]
    assert timeline(connected(*group)).floor_of == "TCP"


def test_what_goes_out_together_is_waited_for_one_after_the_other() -> None:
    group: list[Event] = [
        Sent(1.0, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
        Received(1.05, b"250 ok\r\n"),
        Received(1.55, b"250 ok\r\n354 go\r\n"),
    ]
    line = timeline(connected(Sent(0.5, b"EHLO me\r\n"), Received(0.51, b"250 hi\r\n"), *group))
    assert [(each.name, ms(each.seconds)) for each in line.steps[4:]] == [("MAIL", 50), ("RCPT", 500), ("DATA", 0)]
    assert ms(step(line, "RCPT").network) == 0, "its way to the server was over before"


def test_each_answer_of_a_login_is_waited_for_but_not_the_user() -> None:
    login: list[Event] = [
        Issued(1.0, C.AUTH, "AUTH LOGIN"),
        Sent(1.0, b"AUTH LOGIN\r\n"),
        Received(1.1, b"334 VXNlcm5hbWU6\r\n"),
        Sent(31.1, b"YWxpY2U=\r\n"),
        Received(31.4, b"334 UGFzc3dvcmQ6\r\n"),
        Sent(31.4, b"c2VjcmV0\r\n"),
        Received(33.4, b"535 no\r\n"),
    ]
    line = timeline(connected(*login))
    assert [(label(each), ms(each.seconds)) for each in line.steps[3:]] == [
        ("AUTH 334 LOGIN", 100), ("idle", 30_000), ("AUTH 334 response", 300), ("AUTH 535 response", 2000),
    ]  # fmt: skip
    waiting = timeline(connected(*login[:3]), now=20.0)
    assert waiting.steps[-1].outcome == "", "what is waited for now is the user"


def test_what_goes_on_has_its_time_until_now() -> None:
    line = timeline(in_transaction().recorder, now=100.0)
    assert line.steps[-1].outcome == "waiting"
    assert line.steps[-1].end == 100.0
    assert line.steps[-1].share > 0.5
    dialing = timeline(connected()[:4], now=5.0)
    assert [(each.name, each.outcome, each.end) for each in dialing.steps] == [("DNS", "", 0.01), ("TCP", "waiting", 5)]
    assert dialing.floor is None


@pytest.mark.parametrize(
    ("end", "name", "outcome"),
    [
        ([Failed(3.0, Connect(), "refused"), Closed(3.0, "refused")], "TCP", "failed"),
        ([Link(1.0, S.CONNECTED), Closed(3.0, "the server closed")], "banner", "no answer"),
        ([Link(1.0, S.CONNECTED), Forgot(3.0)], "banner", "no answer"),
        ([Link(1.0, S.SECURING), Failed(3.0, Connect(), "TLS"), Closed(3.0, "TLS")], "TLS", "failed"),
    ],
)
def test_what_came_to_nothing_says_so(end: list[Event], name: str, outcome: str) -> None:
    line = timeline([*connected()[:4], *end])
    assert (line.steps[-1].name, line.steps[-1].outcome, line.steps[-1].end) == (name, outcome, 3.0)
    assert bars(line)[-1].kind == "bad"


def test_an_address_that_did_not_answer_is_a_step_and_no_floor() -> None:
    events = connected()
    events.insert(3, Link(0.001, S.CONNECTING, "2001:db8::7 port 25"))
    line = timeline(events)
    assert names(line)[1:3] == ["TCP failed 2001:db8::7 port 25", "TCP 192.0.2.7 port 25"]
    assert ms(line.floor or 0) == 20


def test_a_handshake_has_the_round_trips_that_were_seen() -> None:
    flights: list[Event] = [Cipher(0.03 + n / 100, b"x", outgoing=n % 2 == 0) for n in range(4)]
    events = [*connected()[:4], Link(0.03, S.SECURING, "mx.test"), *flights, Secured(0.1, "TLSv1.2", "", 256, "")]
    line = timeline(events)
    assert (ms(step(line, "TLS").network), ms(step(line, "TLS").server)) == (40, 30)
    late = [event._replace(time=event.time + 0.02) if isinstance(event, Cipher) else event for event in events]
    assert ms(step(timeline(late), "TLS").seconds) == 50, "what we do before our first octet is not waited for"


def test_only_the_newest_connection_counts() -> None:
    again = connected(Closed(5.0, "dropped"))
    line = timeline([*finished(), *again])
    assert names(line)[:3] == ["DNS mx.test", "TCP 192.0.2.7 port 25", "banner 220"]
    assert len(line.steps) == 3


def test_a_long_message_keeps_the_last_steps_and_says_how_many_are_gone() -> None:
    events = connected(
        Sent(1.0, b"EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
        Received(1.1, b"250 hi\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
        Issued(1.2, C.SEND_STREAM),
    )
    for n in range(KEPT + 10):
        at = 2.0 + n / 100
        events += [Sent(at, b"x" * 78 + b"\r\n"), Progress(at + 0.005, 80 * n + 80, 0)]
    line = timeline(events)
    assert len(line.steps) == KEPT
    assert line.dropped == 17  # ten of the text, and all before it
    assert any("first 17 steps are left out" in words[0][0] for words in head(line))
    assert line.floor is not None, "the network's round trip is not forgotten with its step"


def test_each_step_can_be_found_from_its_rows() -> None:
    recorder = finished()
    line = timeline(recorder)
    for index, event in enumerate(recorder):
        if isinstance(event, Sent) and event.data.startswith((b"MAIL", b"EHLO", b"QUIT")):
            found = line.steps[line.at(index)]
            assert event.data.startswith(found.name.encode())
            assert line.steps[line.at(index + 1)] is found, "its reply"
    assert timeline([]).at(3) == -1


@given(st.lists(st.sampled_from(list(finished()) + list(logged_in().recorder)), max_size=40), st.floats(0, 100))
def test_whatever_the_events_are_no_time_is_counted_twice(events: list[Event], now: float) -> None:
    events = [event._replace(time=n / 7) for n, event in enumerate(events)]
    line = timeline(events, now=max(now, len(events) / 7))
    for each in line.steps:
        assert 0 <= each.network <= each.seconds + 1e-9
        assert each.share >= 0
    assert all(one.end <= two.start + 1e-9 for one, two in zip(line.steps, line.steps[1:], strict=False))
    assert [each.event for each in line.steps] == sorted(each.event for each in line.steps)
    assert len(bars(line)) == len(line.steps)
    assert head(line)


# -- in words


def test_the_words_say_whose_the_time_was() -> None:
    words = ["".join(text for text, _ in line) for line in head(timeline(finished()))]
    assert words == [
        "waited 657 ms of 10.16 s: server 498 ms, network 150 ms, DNS 8.0 ms, text 1.0 ms",
        "slowest: DATA 400 ms, DOT 85 ms, AUTH 70 ms",
        "█ server  ░ network (round trip 22 ms, TCP)",
    ]
    assert "".join(text for text, _ in head(timeline(finished()), ascii_only=True)[-1]).isascii()


def test_a_share_of_the_limit_is_a_mark_and_half_of_it_an_alarm() -> None:
    line = timeline(connected(Sent(1.0, b"NOOP\r\n"), Received(161.0, b"250 late\r\n")))
    bar = bars(line)[-1]
    assert (bar.mark, bar.alarm, bar.note) == ("53%", True, "2 min 40 s")
    assert "RFC 5321 4.5.3.2" in "".join(text for text, _ in head(line)[-1])
    assert bars(line)[2].mark == ""


def test_idle_times_take_no_room_among_the_bars() -> None:
    line = timeline(connected(Sent(500.0, b"NOOP\r\n"), Received(500.1, b"250 ok\r\n")))
    drawn = bars(line)
    assert [bar.kind for bar in drawn][-2:] == ["idle", "good"]
    assert line.steps[-2].kind == PAUSE
    assert drawn[-1].end < 1.0


def test_labels_are_safe_and_without_secrets() -> None:
    line = timeline(connected(Sent(1.0, b"RCPT TO:<\x1b]0;x\x07hunter2>\r\n"), Received(1.1, b"550 no\r\n")))
    text = bars(line, lambda text: text.replace("hunter2", "[hidden]"))[-1].label
    assert text.isprintable()
    assert "hunter2" not in text
    assert text.startswith("RCPT 550 ")


# -- on a real connection


async def test_a_slow_server_is_seen_as_that() -> None:
    async def slow(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        await peer.line()
        await asyncio.sleep(0.3)
        await peer.send(b"250-hi\r\n250 AUTH PLAIN\r\n")
        await peer.line()
        await peer.send(b"235 ok\r\n")
        await peer.gone()

    async with driving(slow, auto="auth", auth=("PLAIN",), **LOGIN) as driven:
        line = timeline(driven.recorder)
        assert [each.name for each in line.steps] == ["DNS", "TCP", "banner", "EHLO", "AUTH"]
        assert line.slowest[0].name == "EHLO"
        assert line.slowest[0].server > 0.25
        assert line.floor is not None
        assert line.floor < 0.2
        assert "d29uZGVybGFuZA" not in repr(line)
