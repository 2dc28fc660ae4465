"""Next tests: each sends what it says and nothing else, on real connections; one that waits tries until accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from servers import certificates
from servers.postfix import Postfix
from servers.scripted import END_OF_DATA, Handler, Peer
from session.driving import LOGIN, Driven, driving, running
from session.serving import serving
from smtpscope.demo.server import PracticeServer
from smtpscope.profile import Profile
from smtpscope.session.case import LONGEST, Case, case_of
from smtpscope.session.causes import NEXT_TESTS
from smtpscope.session.next_tests import Planned, offered, which
from smtpscope.smtp.command import C
from smtpscope.smtp.events import Closed, Event, Failed, Opened, Progress, Received, Sent, Told
from smtpscope.smtp.machine import Machine

MINUTE = 0.01
"""Seconds for a minute of the tests that wait."""
FULL = "host.me.test"


def rows(driven: Driven) -> list[int]:
    return [index for index, event in enumerate(driven.recorder) if isinstance(event, Received)]


def case_now(driven: Driven, row: int = -1) -> Case:
    case = case_of(driven.recorder, rows(driven)[row])
    assert case is not None
    return case


def planned(driven: Driven, case: Case) -> dict[str, Planned]:
    found: dict[str, Planned] = {}
    for id in NEXT_TESTS:
        machine = driven.session.machine
        for test in which([id], case, machine, driven.session.profile, FULL, driven.session.transport.local):
            found[id] = test
    return found


def told(driven: Driven, kind: str = "") -> list[str]:
    return [event.text for event in driven.of(Told) if not kind or event.kind == kind]


async def run(driven: Driven, id: str, row: int = -1) -> list[str]:
    """Run a test to its end; the lines that it sent."""
    case = case_now(driven, row)
    test, sent = planned(driven, case)[id], len(driven.sent)
    driven.session.run_test(test, case, MINUTE)
    await driven.until(lambda: driven.of(Told)[-1:] and driven.of(Told)[-1].kind in ("ended", "accepted"))
    await driven.idle()
    return driven.sent[sent:]


# -- what a row is about


async def test_a_case_is_the_reply_and_what_was_said_before() -> None:
    async with driving(serving({"RCPT": b"550 5.1.1 no\r\n"}), auto="ehlo") as driven:
        await driven.do("go")
        case = case_now(driven)
        assert (case.exchange.kind, case.exchange.line, case.exchange.code) == (
            "RCPT",
            b"RCPT TO:<b@mail.test>\r\n",
            550,
        )
        assert [(each.kind, each.code) for each in case.before] == [("BANNER", 220), ("EHLO", 250), ("MAIL", 250)]
        assert "AUTH" in case.ext
        sent = max(index for index, event in enumerate(driven.recorder) if isinstance(event, Sent))
        assert case_of(driven.recorder, sent) == case, "the command's row is about its reply"
        await driven.do("drop")
        last = case_of(driven.recorder, len(driven.recorder) - 1)
        assert last is not None
        assert last[:2] == case[:2], "so is what came after it"


def test_where_nothing_was_said_the_case_is_the_connection_itself() -> None:
    assert case_of([], 0) is None
    case = case_of([Opened(0.0, "a", 2525), Failed(1.0, None, "refused"), Closed(1.0, "refused")], 1)
    assert case is not None
    assert (case.exchange.kind, case.exchange.code, case.port) == ("BANNER", 0, 2525)
    profile = Profile("a", 2525, helo="me.test")
    failure = "192.0.2.1 port 2525 did not answer in time: a firewall may be in the way, or the host is down"
    tests = {test.id: test.sends for test in offered(case, Machine(), profile, failure=failure)}
    assert tests["port_587"] == "connect to port 587, EHLO, STARTTLS, EHLO me.test"
    assert not {"noop", "vrfy"} & set(tests)


@pytest.mark.parametrize(
    ("replies", "first"),
    [
        (
            {"EHLO": b"250-hi\r\n250 STARTTLS\r\n", "MAIL": b"530 5.7.0 Must issue a STARTTLS command first\r\n"},
            "starttls_",
        ),
        ({"RCPT": b"554 5.7.1 <b@mail.test>: Relay access denied\r\n"}, "auth_again"),
        ({"RCPT": b"450 4.2.0 <b@mail.test>: Recipient address rejected: Greylisted\r\n"}, "wait_"),
        ({"RCPT": b"550 5.1.1 <b@mail.test>: Recipient address rejected: User unknown\r\n"}, "vrfy"),
    ],
)
async def test_the_causes_say_which_come_first(replies: dict[str, bytes], first: str) -> None:
    async with driving(serving(replies), auto="ehlo") as driven:
        await driven.do("go")
        tests = offered(case_now(driven), driven.session.machine, driven.session.profile, FULL, "127.0.0.1")
        assert tests[0].id.startswith(first), [test.id for test in tests]
        assert len(tests) <= 9


async def test_a_refusal_of_its_own_kind_has_tests_and_what_was_accepted_has_none() -> None:
    async with driving(serving({"NOOP": b"599 zxqj\r\n"}), auto="ehlo") as driven:
        assert offered(case_now(driven), driven.session.machine, driven.session.profile) == []
        await driven.do("send", b"NOOP\r\n")
        assert offered(case_now(driven), driven.session.machine, driven.session.profile)


def test_a_connection_that_is_too_long_has_no_case() -> None:
    events: list[Event] = [Opened(0.0, "a", 25), *[Progress(1.0, 0, 0)] * LONGEST]
    assert case_of(events, LONGEST) is None
    assert case_of(events, LONGEST - 1) is not None


async def test_a_goodbye_is_about_the_command_before_it() -> None:
    script = [(None, b"220 hi\r\n"), (b"EHLO", b"250 hi\r\n"), (b"NOOP", b"421 4.7.0 too slow\r\n")]
    async with driving(script, auto="ehlo") as driven:
        await driven.do("send", b"NOOP\r\n")
        await driven.over()
        case = case_now(driven)
        assert (case.exchange.kind, case.exchange.code) == ("CUSTOM", 421)
        assert planned(driven, case)["reconnect"].sends == "connect, EHLO, NOOP"


# -- which make sense

ROWS: dict[str, tuple[dict[str, bytes], dict[str, str]]] = {
    "a recipient refused for good": (
        {"RCPT": b"550 5.1.1 no\r\n"},
        {
            "auth_again": "RSET, AUTH PLAIN, MAIL, RCPT TO:<b@mail.test>",
            "full_name": "EHLO host.me.test, MAIL, RCPT TO:<b@mail.test>",
            "literal": "EHLO [127.0.0.1], MAIL, RCPT TO:<b@mail.test>",
            "helo": "HELO me.test, MAIL, RCPT TO:<b@mail.test>",
            "wait_1": "in 1 min, until accepted: connect, the same to RCPT TO:<b@mail.test>",
            "wait_5": "in 5 min, until accepted: connect, the same to RCPT TO:<b@mail.test>",
            "wait_15": "in 15 min, until accepted: connect, the same to RCPT TO:<b@mail.test>",
            "wait_30": "in 30 min, until accepted: connect, the same to RCPT TO:<b@mail.test>",
            "reconnect": "QUIT, connect, the same to RCPT TO:<b@mail.test>",
            "one_by_one": "QUIT, connect, the same to RCPT TO:<b@mail.test>",
            "vrfy": "VRFY b@mail.test",
            "postmaster": "RCPT TO:<postmaster@mail.test>",
            "local_postmaster": "RCPT TO:<postmaster>",
            "made_up": "RCPT TO:<no-such-user-",
            "null_sender": "RSET, MAIL FROM:<>, RCPT TO:<b@mail.test>",
            "own_sender": "RSET, MAIL FROM:<alice@me.test>, RCPT TO:<b@mail.test>",
            "other_user_form": "RSET, AUTH PLAIN as alice@me.test",
            "rset_again": "RSET, MAIL, RCPT TO:<b@mail.test>",
            "noop": "NOOP",
            "help": "HELP",
            "port_25": "QUIT, connect to port 25, EHLO, MAIL, RCPT TO:<b@mail.test>",
            "port_587": "QUIT, connect to port 587, EHLO, STARTTLS, EHLO, MAIL, RCPT TO:<b@mail.test>",
            "port_465": "QUIT, connect to port 465, EHLO, MAIL, RCPT TO:<b@mail.test>",
        },
    ),
    "STARTTLS first": (
        {"EHLO": b"250-hi\r\n250 STARTTLS\r\n", "MAIL": b"530 5.7.0 Must issue STARTTLS first\r\n"},
        {
            "starttls_again": "STARTTLS, EHLO, MAIL FROM:<a@me.test>",
            "auth_again": "STARTTLS, EHLO, AUTH, MAIL FROM:<a@me.test>",
            "null_sender": "MAIL FROM:<>",
            "rset_again": "RSET, MAIL FROM:<a@me.test>",
        },
    ),
    "the text refused": (
        {"DOT": b"552 5.3.4 too big\r\n"},
        {
            "smaller": "MAIL, RCPT, DATA, 1,000 bytes of text and the dot",
            "null_sender": "MAIL FROM:<>, RCPT, DATA, the message and the dot",
            "postmaster": "MAIL, RCPT TO:<postmaster@mail.test>",
        },
    ),
    "a login refused": (
        {"AUTH": b"535 5.7.8 no\r\n"},
        {
            "password_again": "AUTH PLAIN with another password",
            "other_mechanism": "AUTH LOGIN",
            "other_user_form": "AUTH PLAIN as alice@me.test",
            "auth_again": "AUTH PLAIN",
            "reconnect": "QUIT, connect, EHLO, AUTH PLAIN",
        },
    ),
}  # fmt: skip
ABSENT = {
    "a recipient refused for good": {
        "starttls_again", "other_mechanism", "password_again", "one_recipient", "without_param", "smaller",
    },
    "STARTTLS first": {"vrfy", "postmaster", "made_up", "smaller", "without_param", "other_user_form", "one_recipient"},
    "the text refused": {"starttls_again", "without_param", "one_recipient"},
    "a login refused": {"starttls_again", "vrfy", "null_sender", "smaller"},
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
async def test_which_tests_make_sense_and_what_each_would_send(row: str) -> None:
    replies, expected = ROWS[row]
    offer = b"250-mail.test\r\n250 AUTH PLAIN LOGIN\r\n"
    given: dict[str, Any] = {**LOGIN, "login_wanted": row == "a login refused", "auth": ("PLAIN",)}
    async with driving(serving({"EHLO": offer, **replies}), auto="ehlo", **given) as driven:
        await driven.do("go", C.DOT if row == "the text refused" else None)
        tests = planned(driven, case_now(driven))
        for id, sends in expected.items():
            assert tests[id].sends.startswith(sends), id
            assert tests[id].sends == sends or id == "made_up"
        assert not ABSENT[row] & set(tests)


async def test_at_most_nine_and_each_once() -> None:
    async with driving(serving({"RCPT": b"550 no\r\n"}), auto="ehlo") as driven:
        await driven.do("go")
        case = case_now(driven)
        found = which(NEXT_TESTS, case, driven.session.machine, driven.session.profile, FULL, "127.0.0.1")
        assert len(found) == 9
        again = which(["noop", "reconnect", "one_by_one", "nonsense", "noop"], case, Machine(), driven.session.profile)
        assert [test.id for test in again] == ["reconnect"], "without a link NOOP says nothing"


async def test_without_a_full_name_the_line_is_filled_and_nothing_sent() -> None:
    async with driving(serving({"EHLO": b"504 not a name\r\n", "HELO": b"504 no\r\n"}), auto="ehlo") as driven:
        (test,) = which(
            ["full_name"], case_now(driven), driven.session.machine, replace(driven.session.profile, helo="me")
        )
        assert (test.fill, test.steps) == ("EHLO ", ())


async def test_while_a_reply_is_owed_only_what_is_on_a_new_connection_makes_sense() -> None:
    gate = asyncio.Event()
    async with driving(serving({"RCPT": b"550 no\r\n"}, NOOP=gate), auto="ehlo") as driven:
        await driven.do("go")
        case = case_now(driven)
        driven.session.send(b"NOOP\r\n")
        await driven.until(lambda: driven.sent[-1] == "NOOP")
        assert set(planned(driven, case)) == {id for id, test in NEXT_TESTS.items() if test.fresh}
        assert planned(driven, case)["reconnect"].sends.startswith("drop, connect, ")
        gate.set()
        await driven.idle()


# -- doing them


async def starttls_first(peer: Peer) -> None:
    """Takes MAIL inside TLS only."""
    secured = False
    await peer.send(b"220 mail.test ESMTP\r\n")
    while True:
        verb = (await peer.line()).split(b" ")[0].upper()
        if verb == b"EHLO":
            await peer.send(b"250 mail.test\r\n" if secured else b"250-mail.test\r\n250 STARTTLS\r\n")
        elif verb == b"STARTTLS":
            await peer.send(b"220 go\r\n")
            await peer.starttls(certificates.server_context())
            secured = True
        else:
            await peer.send(b"250 ok\r\n" if secured else b"530 5.7.0 Must issue a STARTTLS command first\r\n")


async def test_starttls_then_the_same_again(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(certificates.ca_pem())
    async with driving(starttls_first, auto="ehlo", tls_ca_path=str(tmp_path / "ca.pem")) as driven:
        driven.session.profile = replace(driven.session.profile, server="localhost", family=4)
        await driven.do("drop")
        await driven.do("go", C.CONNECTED)
        await driven.do("step")
        assert driven.sent[-1] == "MAIL FROM:<a@me.test>"
        assert await run(driven, "starttls_again") == ["STARTTLS", "EHLO me.test", "MAIL FROM:<a@me.test>"]
        assert driven.here is C.MAIL
        assert driven.session.machine.facts.tls
        assert told(driven) == [
            "next test: STARTTLS, EHLO, MAIL FROM:<a@me.test>",
            "the test is done: MAIL FROM:<a@me.test> got 250, before it was 530",
        ]


def relay() -> Handler:
    """Takes recipients from those who have logged in."""

    async def handler(peer: Peer) -> None:
        known = False
        await peer.send(b"220 mail.test ESMTP\r\n")
        while True:
            verb = (await peer.line()).split(b" ")[0].upper()
            known |= verb == b"AUTH"
            reply = {
                b"EHLO": b"250-mail.test\r\n250 AUTH PLAIN\r\n",
                b"AUTH": b"235 2.7.0 ok\r\n",
                b"RCPT": b"250 ok\r\n" if known else b"554 5.7.1 Relay access denied\r\n",
            }.get(verb, b"250 ok\r\n")
            await peer.send(reply)

    return handler


async def test_a_login_then_the_same_again() -> None:
    async with driving(relay(), auto="ehlo", **{**LOGIN, "login_wanted": False}) as driven:
        await driven.do("go")
        sent = await run(driven, "auth_again")
        assert sent == ["RSET", "AUTH PLAIN [hidden]", "MAIL FROM:<a@me.test>", "RCPT TO:<b@mail.test>"]
        assert driven.here is C.RCPT
        assert told(driven)[-1].endswith("got 250, before it was 554")
        assert "wonderland" not in repr(told(driven))


SAME = ["MAIL FROM:<a@me.test>", "RCPT TO:<b@mail.test>"]


@pytest.mark.parametrize(
    ("id", "sent"),
    [
        ("full_name", ["EHLO host.me.test", *SAME]),
        ("literal", ["EHLO [127.0.0.1]", *SAME]),
        ("helo", ["HELO me.test", *SAME]),
        ("vrfy", ["VRFY b@mail.test"]),
        ("postmaster", ["RCPT TO:<postmaster@mail.test>"]),
        ("local_postmaster", ["RCPT TO:<postmaster>"]),
        ("null_sender", ["RSET", "MAIL FROM:<>", "RCPT TO:<b@mail.test>"]),
        ("rset_again", ["RSET", *SAME]),
        ("noop", ["NOOP"]),
        ("help", ["HELP"]),
        ("reconnect", ["QUIT", "EHLO me.test", *SAME]),
    ],
)
async def test_each_sends_what_it_says_and_no_more(id: str, sent: list[str]) -> None:
    async with driving(serving({"RCPT": b"550 5.1.1 no\r\n"}), auto="ehlo") as driven:
        await driven.do("go")
        test = planned(driven, case_now(driven))[id]
        assert await run(driven, id) == sent
        said = [step.verb for step in test.steps if step.what != "connect"]
        assert said == [line.partition(" ")[0] for line in sent]
        assert (
            test.sends.split(", ")
            == [step.words if step.new else step.verb for step in test.steps[:-1]] + [test.steps[-1].words]
            or test.sends == "QUIT, connect, the same to RCPT TO:<b@mail.test>"
        )
        assert len(driven.of(Opened)) == 1 + (id == "reconnect")
        assert told(driven)[-1].startswith("the test is done")
        assert driven.failures == []


async def test_a_made_up_recipient_is_the_one_that_was_said() -> None:
    async with driving(serving({"RCPT": b"550 5.1.1 no\r\n"}), auto="ehlo") as driven:
        await driven.do("go")
        case = case_now(driven)
        test = planned(driven, case)["made_up"]
        driven.session.run_test(test, case, MINUTE)
        await driven.idle()
        assert driven.sent[-1] == test.sends
        assert "@mail.test>" in test.sends


async def test_the_parameters_are_left_out() -> None:
    async with driving(serving({"MAIL": [b"555 5.5.4 no\r\n", b"250 ok\r\n"]}), auto="ehlo") as driven:
        await driven.do("send", b"MAIL FROM:<a@me.test> SIZE=99999 BODY=8BITMIME\r\n")
        assert await run(driven, "without_param") == ["MAIL FROM:<a@me.test>"]
        assert driven.here is C.MAIL


async def test_a_smaller_message_has_a_thousand_octets() -> None:
    replies: dict[str, bytes | Sequence[bytes]] = {"DOT": [b"552 5.3.4 too big\r\n", b"250 ok\r\n"]}
    async with driving(serving(replies), auto="ehlo", data=b"x" * 5000 + b"\r\n") as driven:
        await driven.do("go", C.DOT)
        before = len(driven.wire)
        sent = await run(driven, "smaller")
        assert [line for line in sent if line.isupper() or line.startswith(("MAIL", "RCPT"))][:3] == [*SAME, "DATA"]
        text = driven.wire[before:].partition(b"DATA\r\n")[2]
        assert text.endswith(END_OF_DATA)
        assert len(text) == 1000 + len(b".\r\n")
        assert told(driven)[-1].endswith("got 250, before it was 552")
        assert driven.session.profile.data == b"x" * 5000 + b"\r\n", "the profile's message is as it was"


async def test_another_mechanism_and_another_form_of_the_name() -> None:
    replies: dict[str, bytes | Sequence[bytes]] = {"AUTH": b"535 5.7.8 no\r\n"}
    async with driving(serving(replies), auto="auth", auth=("PLAIN",), **LOGIN) as driven:
        assert await run(driven, "other_user_form") == ["AUTH PLAIN [hidden]"]
        assert driven.session.profile.user == "alice", "the name is the profile's again"
        assert b"AGFsaWNlQG1lLnRlc3QAd29uZGVybGFuZA==" in driven.wire  # alice@me.test
        assert await run(driven, "other_mechanism") == ["AUTH CRAM-MD5"]


@pytest.mark.parametrize(
    ("mechanism", "first"), [("PLAIN", "password_again"), ("XOAUTH2", "password_again"), ("EXTERNAL", "")]
)
async def test_after_a_refused_login_with_a_password_another_one_comes_first(mechanism: str, first: str) -> None:
    replies: dict[str, bytes | Sequence[bytes]] = {"AUTH": b"535 5.7.8 Authentication credentials invalid\r\n"}
    async with driving(serving(replies), auto="ehlo", **LOGIN) as driven:
        await driven.do("login", mechanism, None, None)
        case = case_now(driven)
        tests = offered(case, driven.session.machine, driven.session.profile)
        assert tests
        assert (tests[0].id if first else "") == first
        assert [test.id for test in tests if test.asks] == [first] * bool(first)


async def test_where_a_step_is_refused_the_test_ends() -> None:
    replies: dict[str, bytes | Sequence[bytes]] = {"RCPT": b"550 no\r\n", "MAIL": [b"250 ok\r\n", b"451 later\r\n"]}
    async with driving(serving(replies), auto="ehlo") as driven:
        await driven.do("go")
        assert await run(driven, "rset_again") == ["RSET", "MAIL FROM:<a@me.test>"]
        assert told(driven)[-1] == "the test ends here: MAIL FROM:<a@me.test> got 451"


async def test_where_the_server_is_gone_the_test_says_so() -> None:
    async def once(peer: Peer) -> None:
        await serving({"RCPT": b"550 no\r\n"})(peer)

    async with driving(once, auto="ehlo") as driven:
        await driven.do("go")
        driven.session.profile = replace(driven.session.profile, port=1)
        await run(driven, "reconnect")
        assert told(driven)[-1] == "the test ends here, as said above"
        assert "refused the connection" in driven.of(Failed)[-1].reason


async def test_a_refused_greeting_can_be_tried_again() -> None:
    async with driving(serving({"BANNER": b"554 go away\r\n"}), auto="ehlo") as driven:
        assert await run(driven, "reconnect") == ["QUIT"]
        assert told(driven)[-1] == "the test is done: connect got 554, as before"


# -- waiting


async def test_greylisting_is_tried_again_until_accepted() -> None:
    """Three refusals, then yes: with the same envelope, from the same address, on a new connection each time."""
    left = [b"450 4.2.0 Greylisted\r\n"] * 3 + [b"250 2.1.5 Ok\r\n"]
    clients: list[Any] = []

    async def greylisting(peer: Peer) -> None:
        clients.append(peer._sock.getpeername()[0])
        await peer.send(b"220 hi\r\n")
        while verb := (await peer.line()).split(b" ")[0]:
            await peer.send(left.pop(0) if verb == b"RCPT" else b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            if verb == b"QUIT":
                return

    async with driving(greylisting, auto="ehlo") as driven:
        await driven.do("go")
        sent = await run(driven, "wait_5")
        assert sent == ["QUIT", "EHLO me.test", *SAME] * 3
        assert clients == ["127.0.0.1"] * 4
        waits = [event for event in driven.of(Told) if event.kind == "wait"]
        assert [event.text for event in waits] == [f"trying again in 5 min, try {n} of at most 12" for n in (1, 2, 3)]
        assert all(event.until == pytest.approx(event.time + 5 * MINUTE) for event in waits)
        end = driven.of(Told)[-1]
        assert end.kind == "accepted"
        assert end.text.startswith("accepted: RCPT TO:<b@mail.test> got 250 ")
        assert end.text.endswith("after the first try, at the 3rd retry")
        assert driven.here is C.RCPT, "the connection stays, to go on with"
        assert driven.failures == []


async def test_it_gives_up_after_an_hour() -> None:
    async with driving(serving({"RCPT": b"450 later\r\n", "QUIT": b"221 bye\r\n"}), auto="ehlo") as driven:
        await driven.do("go")
        await run(driven, "wait_30")
        assert len(driven.of(Opened)) == 3
        assert told(driven)[-1] == "given up after 2 retries: RCPT TO:<b@mail.test> got 450"
        assert driven.sent[-1] == "QUIT"


async def test_a_refusal_for_good_ends_the_waiting() -> None:
    replies: dict[str, bytes | Sequence[bytes]] = {"RCPT": [b"450 later\r\n", b"550 never\r\n"]}
    async with driving(serving(replies), auto="ehlo") as driven:
        await driven.do("go")
        await run(driven, "wait_1")
        assert told(driven)[-1].startswith("refused for good: RCPT TO:<b@mail.test> got 550 ")
        assert len(driven.of(Opened)) == 2


async def test_a_server_that_is_down_meanwhile_is_tried_again() -> None:
    replies: dict[str, bytes | Sequence[bytes]] = {"RCPT": [b"450 later\r\n", b"250 ok\r\n"]}
    async with driving(serving(replies), auto="ehlo") as driven:
        await driven.do("go")
        profile = driven.session.profile
        driven.session.profile = replace(profile, port=1)
        case = case_now(driven)
        driven.session.run_test(planned(driven, case)["wait_1"], case, MINUTE)
        await driven.until(lambda: driven.of(Failed))
        driven.session.profile = profile
        await driven.until(lambda: driven.of(Told)[-1].kind == "accepted")
        assert driven.here is C.RCPT


async def test_a_try_waits_until_the_user_is_done() -> None:
    """What is half sent is not ended by a countdown."""
    replies: dict[str, bytes | Sequence[bytes]] = {"RCPT": [b"450 later\r\n", b"250 ok\r\n", b"250 ok\r\n"]}
    async with driving(serving(replies), auto="ehlo") as driven:
        await driven.do("go")
        case = case_now(driven)
        test = planned(driven, case)["wait_1"]
        await driven.do("send_lines", [b"RCPT TO:<c@mail.test>\r\n", b"DATA\r\n", b"half\r\n"])
        driven.session.run_test(test, case)
        running = driven.session._test
        assert running is not None
        running._due()  # its time has come
        assert (driven.here, len(driven.of(Opened)), running.waits) == (C.DATA, 1, True)
        await driven.do("send", b".\r\n")
        running._due()
        await driven.until(lambda: driven.of(Told)[-1].kind == "accepted")
        assert b"half\r\n.\r\nQUIT\r\nEHLO" in driven.wire


@pytest.mark.parametrize("way", ["stop_test", "drop"])
async def test_the_countdown_can_be_stopped_and_sends_nothing(way: str) -> None:
    async with driving(serving({"RCPT": b"450 later\r\n"}), auto="ehlo") as driven:
        await driven.do("go")
        case, before = case_now(driven), driven.wire
        driven.session.run_test(planned(driven, case)["wait_5"], case)
        await driven.idle()
        assert driven.of(Told)[-1].until > 299
        await driven.do(way)
        assert told(driven)[-1] == "not tried again: stopped"
        assert driven.wire == before
        assert len(driven.of(Opened)) == 1


async def test_while_it_waits_the_session_is_free_and_another_test_takes_its_place() -> None:
    async with driving(serving({"RCPT": b"450 later\r\n"}), auto="ehlo") as driven:
        await driven.do("go")
        case = case_now(driven)
        driven.session.run_test(planned(driven, case)["wait_5"], case)
        await driven.do("step")
        assert driven.sent[-1] == "RSET"
        assert await run(driven, "noop", row=-2) == ["NOOP"]
        assert "not tried again: stopped" in told(driven)


async def test_a_drop_ends_a_test_that_is_under_way() -> None:
    gate = asyncio.Event()
    async with driving(serving({"RCPT": b"550 no\r\n"}, RSET=gate), auto="ehlo") as driven:
        await driven.do("go")
        case = case_now(driven)
        driven.session.run_test(planned(driven, case)["rset_again"], case)
        await driven.until(lambda: driven.sent[-1] == "RSET")
        await driven.do("drop")
        assert told(driven)[-1] == "the test was dropped"
        assert driven.sent[-1] == "RSET"
        gate.set()


async def test_nothing_begins_while_something_is_under_way() -> None:
    gate = asyncio.Event()
    async with driving(serving({"RCPT": b"550 no\r\n"}, NOOP=gate), auto="ehlo") as driven:
        await driven.do("go")
        case = case_now(driven)
        test = planned(driven, case)["noop"]
        driven.session.send(b"NOOP\r\n")
        driven.session.run_test(test, case)
        assert driven.failures == ["something is under way: wait for its end, or drop"]
        gate.set()
        await driven.idle()
        assert driven.sent.count("NOOP") == 1


# -- with servers that know no script


async def test_the_practice_servers_greylisting(tmp_path: Path) -> None:
    with PracticeServer() as server:
        (tmp_path / "ca.pem").write_bytes(server.ca_pem)
        profile = Profile(
            server.name, server.port, helo="me.test", mail_from="a@me.test", rcpt_to=("greylist@example.org",),
            tls="starttls", tls_ca_path=str(tmp_path / "ca.pem"), family=4, auto="ehlo",
        )  # fmt: skip
        async with running(profile) as driven:
            await driven.do("go")
            assert b"450 4.2.0" in driven.of(Received)[-1].data
            sent = await run(driven, "wait_5")
            assert driven.of(Told)[-1].kind == "accepted"
            assert "1st retry" in driven.of(Told)[-1].text
            assert sent == [
                "QUIT", "EHLO me.test", "STARTTLS", "EHLO me.test", "MAIL FROM:<a@me.test>",
                "RCPT TO:<greylist@example.org>",
            ]  # fmt: skip
            assert driven.session.machine.facts.tls


@pytest.mark.postfix
async def test_next_tests_on_postfix(postfix: Postfix, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(certificates.ca_pem())
    profile = Profile(
        "localhost", postfix.port, helo="me.test", mail_from="a@me.test", rcpt_to=("reject@mail.test",),
        tls_ca_path=str(tmp_path / "ca.pem"), family=4, auto="ehlo", **LOGIN | {"login_wanted": False},
    )  # fmt: skip
    async with running(profile) as driven:
        await driven.do("go")
        sent = await run(driven, "starttls_again")
        assert sent == ["STARTTLS", "EHLO me.test", "MAIL FROM:<a@me.test>", "RCPT TO:<reject@mail.test>"]
        assert told(driven)[-1].endswith("got 550, as before")
        sent = await run(driven, "auth_again")
        assert [line.partition(" ")[0] for line in sent] == ["RSET", "AUTH", "[hidden]", "", "MAIL", "RCPT"]
        assert driven.session.machine.facts.auth
        assert told(driven)[-1].endswith("got 550, as before")
        await run(driven, "postmaster")
        assert told(driven)[-1].startswith("the test is done: RCPT TO:<postmaster@mail.test> got 250; RCPT TO:<reject")
        assert driven.here is C.RCPT
        driven.session.profile = replace(driven.session.profile, rcpt_to=("greylist@mail.test",))
        await driven.do("send", b"RCPT TO:<greylist@mail.test>\r\n")
        await run(driven, "wait_30")
        assert told(driven)[-1].startswith("given up after 2 retries")
        assert driven.failures == []
