"""Repeating a session: first it says how many connections and logins, then each run does what was done before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers import certificates
from servers.postfix import Postfix
from servers.scripted import Peer
from session.driving import LOGIN, SOON, Driven, driving, running
from session.serving import serving
from smtpscope.profile import Profile
from smtpscope.session.recorder import Recorder
from smtpscope.session.repeat_table import percentile, repeat_lines
from smtpscope.session.timing import Timeline, Times
from smtpscope.smtp.command import C
from smtpscope.smtp.events import Closed, Opened, Sent, Told
from smtpscope.smtp.machine import Machine
from tui.recordings import finished, in_transaction

OFFER = {"EHLO": b"250-mail.test\r\n250 AUTH PLAIN\r\n"}
FIRST = ["EHLO me.test", "MAIL FROM:<a@me.test>", "RCPT TO:<b@mail.test>"]


def folded(recorder: Recorder) -> Times:
    machine, times = Machine(), Times()
    for index, event in enumerate(recorder):
        times.apply(index, event, machine, machine.apply(event))
    return times


def runs(driven: Driven) -> list[Timeline]:
    """Of the newest repetition."""
    start = max(
        index for index, event in enumerate(driven.recorder) if isinstance(event, Told) and event.kind == "repeat"
    )
    return folded(driven.recorder).runs(start)


def text(lines: list[list[tuple[str, str]]]) -> list[str]:
    return ["".join(text for text, _ in line) for line in lines]


async def repeat(driven: Driven, times: int, data: bool = False) -> str:
    """Repeat, saying yes; the question."""
    driven.session.repeat(times, data)
    question = await driven.asked("repeat")
    await driven.answer(2)
    return question.text


async def test_each_run_does_the_same_on_a_fresh_connection_to_before_data() -> None:
    async with driving(serving(), auto="ehlo") as driven:
        await driven.do("go", C.DOT)
        before = len(driven.sent)
        question = await repeat(driven, 3)
        port = driven.session.profile.port
        assert question == (
            f"repeat makes 3 connections to 127.0.0.1:{port}, each with EHLO, MAIL, RCPT, QUIT;"
            " this connection is closed first"
        )
        assert driven.sent[before:] == ["QUIT", *[*FIRST, "QUIT"] * 3]
        assert len(driven.of(Opened)) == len(driven.of(Closed)) == 4
        assert [event.text for event in driven.of(Told)] == [
            "repeating the session, 3 runs", *(f"repeat {number} of 3" for number in (1, 2, 3)),
                "3 runs done; the time tab has the figures",
        ]  # fmt: skip
        assert driven.failures == []


async def test_no_means_that_nothing_is_sent() -> None:
    async with driving(serving(), auto="ehlo") as driven:
        driven.session.repeat()
        question = await driven.asked("repeat")
        assert question.text.startswith("repeat makes 10 connections to ")
        assert question.answers == ("no", "make 10 connections")
        await driven.answer(1)
        assert driven.sent == ["EHLO me.test"]
        assert driven.here is C.CONNECTED


async def test_with_data_the_message_is_sent_each_time_and_that_is_said() -> None:
    async with driving(serving(), auto="ehlo") as driven:
        await driven.do("go", C.DOT)
        await driven.do("step")
        question = await repeat(driven, 2, data=True)
        assert question.endswith("each with EHLO, MAIL, RCPT, DATA, DOT, QUIT; the message is sent 2 times")
        assert driven.wire.count(b"Subject: hi\r\n") == 3
        assert driven.sent.count("QUIT") == 3


async def test_logins_are_counted_before_and_made_with_the_credentials() -> None:
    async with driving(serving({**OFFER, "AUTH": b"235 ok\r\n"}), auto="auth", auth=("PLAIN",), **LOGIN) as driven:
        question = await repeat(driven, 3)
        assert "; that is 3 logins as alice: too many may lock it" in question
        assert driven.sent.count("AUTH PLAIN [hidden]") == 4
        assert "wonderland" not in question


async def test_what_was_written_in_one_go_is_written_so_again() -> None:
    group = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\n"
    async with driving(serving(), auto="ehlo") as driven:
        await driven.do("send", group)
        question = await repeat(driven, 2)
        assert "each with EHLO, MAIL, RCPT, RCPT, QUIT" in question
        assert driven.wire.count(group) == 3


async def test_a_group_that_ends_in_data_is_left_out_whole() -> None:
    async with driving(serving(), auto="ehlo") as driven:
        await driven.do("send", b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
        question = await repeat(driven, 2)
        assert "each with EHLO, QUIT" in question
        assert driven.wire.count(b"DATA") == 1


async def test_refusals_are_part_of_what_is_repeated() -> None:
    async with driving(serving({"RCPT": b"550 no\r\n"}), auto="ehlo") as driven:
        await driven.do("go")
        await repeat(driven, 2)
        assert driven.sent.count("RCPT TO:<b@mail.test>") == 3
        assert driven.of(Told)[-1].text.startswith("2 runs done")


# -- where it stops


@pytest.mark.parametrize(
    ("replies", "why"),
    [
        ({"RCPT": [b"250 ok\r\n"] * 3 + [b"450 slow down\r\n"]}, "an answer is 450 where it was 250"),
        ({"RCPT": [b"250 ok\r\n"] * 3 + [b"421 too many\r\n"]}, "an answer is 421 where it was 250"),
        ({"BANNER": [b"220 hi\r\n"] * 3 + [b"554 no more\r\n"]}, "the greeting is 554"),
        ({"BANNER": [b"220 hi\r\n"] * 3 + [b"421 too many\r\n"]}, "the greeting is 421"),
    ],
)
async def test_it_stops_where_a_run_goes_another_way(replies: dict[str, Sequence[bytes]], why: str) -> None:
    async with driving(serving(replies), auto="ehlo") as driven:
        await driven.do("go")
        await repeat(driven, 10)
        assert driven.of(Told)[-1].text == f"stopped after 2 runs of 10: {why}; the time tab has the figures"
        assert len(driven.of(Opened)) == 4
        assert len(runs(driven)) == 3


async def test_it_stops_where_nobody_listens_any_more() -> None:
    left = [2]

    async def few(peer: Peer) -> None:
        left[0] -= 1
        if not left[0]:
            peer.server._listener.close()
            peer.server._accepting.cancel()
        await serving()(peer)

    async with driving(few, auto="ehlo") as driven:
        await repeat(driven, 10)
        end = driven.of(Told)[-1].text
        assert end.startswith("stopped after 1 run of 10: 127.0.0.1 port ")
        assert "refused the connection" in end


async def test_a_drop_stops_it() -> None:
    gate = asyncio.Event()
    gate.set()
    async with driving(serving({}, MAIL=gate), auto="ehlo") as driven:
        await driven.do("send", b"MAIL FROM:<a@b>\r\n")
        gate.clear()
        driven.session.repeat(5)
        await driven.asked("repeat")
        driven.session.answer(1)
        await driven.until(lambda: driven.sent.count("MAIL FROM:<a@b>") == 2)
        await driven.do("drop")
        assert driven.of(Told)[-1].text.startswith("stopped after 0 runs of 5: dropped")
        assert len(driven.of(Opened)) == 2
        gate.set()


@pytest.mark.parametrize(("times", "why"), [(0, "1 to 1,000"), (1001, "1 to 1,000"), (-3, "1 to 1,000")])
async def test_other_numbers_are_refused(times: int, why: str) -> None:
    async with driving(serving(), auto="ehlo") as driven:
        await driven.do("repeat", times)
        assert why in driven.failures[-1]
        assert driven.question is None


async def test_before_anything_was_done_there_is_nothing_to_repeat() -> None:
    async with driving(serving()) as driven:
        await driven.do("repeat")
        assert driven.failures == ["there is nothing to repeat yet: connect first"]
        await driven.do("connect")
        assert "each with QUIT" in await repeat(driven, 2), "greeting and goodbye can be repeated"


async def test_while_a_reply_is_owed_it_does_not_begin() -> None:
    gate = asyncio.Event()
    async with driving(serving({}, NOOP=gate), auto="ehlo") as driven:
        driven.session.send(b"NOOP\r\n")
        driven.session.repeat(3)
        assert driven.failures == ["something is under way: wait for its end, or drop"]
        gate.set()
        await driven.idle()


# -- the figures


async def test_the_table_has_each_step_by_its_place() -> None:
    async def slow(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        while line := await peer.line():
            if line == b"NOOP slow":
                await asyncio.sleep(SOON * 2)
            await peer.send(b"221 bye\r\n" if line == b"QUIT" else b"250 ok\r\n")
            if line == b"QUIT":
                return

    async with driving(slow, auto="ehlo") as driven:
        await driven.do("send_lines", [b"NOOP\r\n", b"NOOP slow\r\n"])
        await repeat(driven, 4)
        lines = text(repeat_lines(runs(driven)))
        assert lines[0] == "4 runs on fresh connections"
        assert lines[1].split() == ["step", "n", "min", "median", "p95", "max"]
        table = {line[:8].strip(): line[8:].split() for line in lines[2:]}
        assert list(table) == ["DNS", "TCP", "banner", "EHLO", "NOOP 1", "NOOP 2", "QUIT", "all"]
        assert all(figures[0] == "4" for figures in table.values())
        assert float(table["NOOP 2"][1]) >= SOON * 2000, "its shortest, in ms"
        assert float(table["NOOP 1"][1]) < SOON * 1000
        assert all(len(line) <= 46 for line in lines)
        assert folded(driven.recorder).runs(3) == [], "the session before is not among them"


def test_times_tell_connections_apart_and_end_with_the_moment() -> None:
    events = [*finished(), *in_transaction().recorder]
    first = len(finished())
    recorder = Recorder()
    for event in events:
        recorder.append(event)
    times = folded(recorder)
    assert [step.name for step in times.at(first - 1).steps][-1] == "QUIT"
    assert [step.name for step in times.at(len(events) - 1, now=99.0).steps][-1] == "DATA"
    early = times.at(6, now=0.1)
    assert [(step.name, step.outcome) for step in early.steps] == [("DNS", ""), ("TCP", ""), ("banner", "")]
    sent = next(index for index, event in enumerate(events) if isinstance(event, Sent) and event.data[:4] == b"AUTH")
    then = times.at(sent, now=events[sent].time + 0.01).steps[-1]
    assert (then.name, then.code, then.outcome, round(then.seconds, 3)) == ("AUTH", None, "waiting", 0.01)
    assert times.at(10_000) == times.at(len(events) - 1)


def test_without_runs_there_is_no_table() -> None:
    assert repeat_lines([]) == []
    assert repeat_lines([Timeline()]) == []


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.floats(0, 1))
def test_a_percentile_is_one_of_the_values_and_enough_do_not_exceed_it(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)


def test_p95_of_ten_is_the_slowest_and_of_twenty_the_one_before() -> None:
    assert percentile(range(10), 0.95) == 9
    assert percentile(range(20), 0.95) == 18


@pytest.mark.postfix
async def test_repeat_on_postfix(postfix: Postfix, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(certificates.ca_pem())
    profile = Profile(
        "localhost", postfix.port, helo="me.test", mail_from="a@me.test", rcpt_to=("b@mail.test",), tls="starttls",
        tls_ca_path=str(tmp_path / "ca.pem"), family=4, auto="auth", **LOGIN,
    )  # fmt: skip
    async with running(profile) as driven:
        await driven.do("go")
        question = await repeat(driven, 5)
        assert "each with EHLO, STARTTLS, EHLO, AUTH, MAIL, RCPT, QUIT; that is 5 logins as alice" in question
        assert driven.of(Told)[-1].text.startswith("5 runs done")
        lines = text(repeat_lines(runs(driven)))
        steps = [line.split()[0] for line in lines[2:]]
        assert steps == [
            "DNS", "TCP", "banner", "EHLO", "STARTTLS", "TLS", "EHLO", "AUTH", "AUTH", "AUTH", "MAIL", "RCPT", "QUIT",
            "all",
        ]  # fmt: skip
        assert driven.failures == []
