"""The session as its user drives it: how far it runs by itself, steps, and what is done again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from servers.scripted import Peer
from session.driving import (
    AUTH,
    DATA,
    DOT,
    EHLO,
    GREETING,
    LOGIN,
    MAIL,
    QUIT,
    RCPT,
    TRANSACTION,
    C,
    driving,
    running,
)
from smtpscope.demo.recipients import FILLED_RECIPIENTS, SENDER
from smtpscope.demo.server import PracticeServer
from smtpscope.profile import Profile
from smtpscope.secret import Secret
from smtpscope.smtp.events import Connect, Opened, Sent


@pytest.fixture(scope="module")
def practice() -> Iterator[PracticeServer]:
    with PracticeServer() as server:
        yield server


def practice_profile(server: PracticeServer, folder: Path, **given: Any) -> Profile:
    """What ``smtpscope demo`` starts from, on a server that runs already."""
    (folder / "ca.pem").write_bytes(server.ca_pem)
    user, password = server.account
    settings: dict[str, Any] = {
        "helo": "me.test",
        "mail_from": SENDER,
        "rcpt_to": FILLED_RECIPIENTS,
        "tls_ca_path": str(folder / "ca.pem"),
        "login_wanted": True,
        "user": user,
        "password": Secret(password),
        "family": 4,
        "auto": "none",
    }
    return Profile(server.name, server.port, **{**settings, **given})


# -- how far it runs by itself

LEVELS = {
    "none": (C.NONE, []),
    "banner": (C.BANNER, []),
    "ehlo": (C.CONNECTED, ["EHLO me.test"]),
    "tls": (C.EHLO, ["EHLO me.test", "STARTTLS", "EHLO me.test"]),
    "auth": (C.CONNECTED, ["EHLO me.test", "STARTTLS", "EHLO me.test", "AUTH CRAM-MD5", "[hidden]"]),
}


@pytest.mark.parametrize("auto", LEVELS)
async def test_it_runs_on_as_far_as_it_was_told(auto: str, practice: PracticeServer, tmp_path: Path) -> None:
    here, sent = LEVELS[auto]
    async with running(practice_profile(practice, tmp_path, auto=auto)) as driven:
        assert driven.here is here
        assert driven.sent == sent
        assert len(driven.of(Opened)) == (0 if auto == "none" else 1)
        assert driven.session.machine.facts.auth == (auto == "auth")


@pytest.mark.parametrize(
    ("script", "sent", "here", "then"),
    [
        ([(None, b"554 no\r\n"), QUIT], [], C.BANNER, C.QUIT),
        ([GREETING, (b"EHLO", b"451 later\r\n")], ["EHLO me.test"], C.BANNER, None),
        ([GREETING, (b"EHLO", b"502 no\r\n"), (b"HELO", b"250 hi\r\n")], ["EHLO me.test", "HELO me.test"], C.CONNECTED,
         None),
        ([GREETING, (b"EHLO", b"500 no\r\n"), (b"HELO", b"550 no\r\n")], ["EHLO me.test", "HELO me.test"], C.BANNER,
         None),
        ([GREETING, (b"EHLO", b"250-a\r\n250 STARTTLS\r\n"), (b"STARTTLS", b"454 no\r\n")],
         ["EHLO me.test", "STARTTLS"], C.CONNECTED, None),
        ([GREETING, EHLO, (b"AUTH", b"535 no\r\n")], ["EHLO me.test", "AUTH PLAIN [hidden]"], C.EHLO, None),
        ([GREETING, (b"EHLO", b"250 mail.test\r\n")], ["EHLO me.test"], C.CONNECTED, None),
        ([(None, b"421 busy\r\n")], [], C.NONE, Connect()),
    ],
)  # fmt: skip
async def test_a_refusal_ends_the_run(script: Any, sent: list[str], here: C, then: object) -> None:
    async with driving(script, auto="auth", auth=("PLAIN",), **LOGIN) as driven:
        if here is C.NONE:
            await driven.over()
        assert (driven.sent, driven.here, driven.next.step) == (sent, here, then)
        assert driven.failures == []


async def test_the_run_is_once_and_then_one_steps(practice: PracticeServer, tmp_path: Path) -> None:
    async with running(practice_profile(practice, tmp_path, auto="ehlo")) as driven:
        await driven.do("drop")
        await driven.do("connect")
        assert driven.here is C.BANNER
        await driven.do("drop")
        await driven.do("step")
        assert driven.here is C.BANNER
        assert driven.sent == ["EHLO me.test"]


# -- space


async def test_space_walks_the_whole_practice_session(practice: PracticeServer, tmp_path: Path) -> None:
    visited: list[C] = []
    async with running(practice_profile(practice, tmp_path, data=b"hi\r\n")) as driven:
        for _ in range(12):
            await driven.do("step")
            visited.append(driven.here)
        assert driven.next.step == Connect()
        assert driven.sent == [
            "EHLO me.test", "STARTTLS", "EHLO me.test", "AUTH CRAM-MD5", "[hidden]", "MAIL FROM:<alice@example.org>",
            "RCPT TO:<reject@example.org>", "RCPT TO:<bob@example.org>", "DATA", "hi", ".", "QUIT",
        ]  # fmt: skip
        assert driven.failures == []
    assert visited[:11] == [
        C.BANNER, C.CONNECTED, C.BANNER, C.EHLO, C.CONNECTED, C.MAIL, C.MAIL, C.RCPT, C.DATA, C.SEND_STREAM,
        C.SEND_MESSAGE,
    ]  # fmt: skip
    assert practice.messages[-1].content == b"hi\r\n"


async def test_a_second_press_while_a_reply_is_owed_does_nothing() -> None:
    async with driving([GREETING, EHLO, MAIL, RCPT]) as driven:
        for _ in range(3):
            driven.session.step()
            driven.session.step()
            driven.session.go()
            driven.session.step()
            await driven.idle()
        assert driven.sent == ["EHLO me.test", "MAIL FROM:<a@me.test>"]


async def test_where_an_argument_is_missing_nothing_is_sent() -> None:
    async with driving([GREETING, EHLO], auto="ehlo", mail_from=None) as driven:
        await driven.do("step")
        assert driven.sent == ["EHLO me.test"]
        assert (driven.next.line, driven.next.cursor) == ("MAIL FROM:<>", 11)


async def test_without_a_next_step_nothing_happens() -> None:
    async with driving([GREETING, EHLO, (b"MAIL", b"550 no\r\n")], auto="ehlo") as driven:
        await driven.do("step")
        await driven.do("step")
        assert driven.sent == ["EHLO me.test", "MAIL FROM:<a@me.test>"]
        assert driven.next.label.startswith("MAIL was refused")


# -- F5


async def test_go_stops_before_data() -> None:
    async with driving([GREETING, EHLO, MAIL, RCPT]) as driven:
        await driven.do("go")
        assert driven.sent == ["EHLO me.test", "MAIL FROM:<a@me.test>", "RCPT TO:<b@mail.test>"]
        assert driven.here is C.RCPT
        await driven.do("go")
        assert driven.here is C.RCPT


async def test_go_stops_at_a_refusal_and_goes_on_from_there() -> None:
    recipients = ("no@mail.test", "b@mail.test")
    async with driving([GREETING, EHLO, MAIL, (b"RCPT", b"550 no\r\n"), RCPT], rcpt_to=recipients) as driven:
        await driven.do("go")
        assert driven.sent[-1] == "RCPT TO:<no@mail.test>"
        await driven.do("go")
        assert driven.here is C.RCPT
        assert driven.sent[-1] == "RCPT TO:<b@mail.test>"


@pytest.mark.parametrize(
    ("node", "last", "here"),
    [
        (C.BANNER, None, C.BANNER),
        (C.EHLO, "EHLO me.test", C.EHLO),
        (C.AUTH, "AUTH PLAIN [hidden]", C.CONNECTED),
        (C.CONNECTED, "AUTH PLAIN [hidden]", C.CONNECTED),
        (C.MAIL, "MAIL FROM:<a@me.test>", C.MAIL),
        (C.DATA, "DATA", C.DATA),
        (C.SEND_STREAM, "hi", C.SEND_STREAM),
        (C.DOT, ".", C.SEND_MESSAGE),
        (C.SEND_MESSAGE, ".", C.SEND_MESSAGE),
        (C.QUIT, "QUIT", C.NONE),
        (C.NONE, "QUIT", C.NONE),
    ],
    ids=lambda value: value.name if isinstance(value, C) else "",
)
async def test_go_on_a_node_runs_to_there(node: C, last: str | None, here: C) -> None:
    script = [GREETING, EHLO, AUTH, *TRANSACTION, QUIT]
    async with driving(script, auth=("PLAIN",), **LOGIN) as driven:
        if node is C.NONE:
            await driven.do("step")
        await driven.do("go", node)
        assert (driven.sent[-1] if driven.sent else None) == last
        assert driven.here is here


@pytest.mark.parametrize(
    "node",
    [C.BANNER, C.EHLO, C.HELO, C.AUTH, C.CONNECTED, C.MAIL, C.RCPT, C.RSET, C.CUSTOM],
    ids=lambda node: node.name,
)
async def test_go_never_goes_round_in_circles(node: C) -> None:
    """What does not lie ahead is not reached by sending a message and connecting anew."""
    async with driving([GREETING, EHLO, MAIL, RCPT]) as driven:
        await driven.do("go")
        await driven.do("go", node)
        assert len(driven.sent) == 3
        assert driven.failures == [f"the next steps do not lead from RCPT to {node.name}: use its own key"]


async def test_go_stops_where_the_way_does_not_touch_the_node() -> None:
    async with driving([GREETING, EHLO]) as driven:
        await driven.do("go", C.AUTH)
        assert driven.here is C.CONNECTED
        assert driven.failures == ["the next steps do not lead from CONNECTED to AUTH: use its own key"]


async def test_go_leads_through_tls_to_a_login(practice: PracticeServer, tmp_path: Path) -> None:
    async with running(practice_profile(practice, tmp_path, auto="ehlo")) as driven:
        assert driven.here is C.CONNECTED
        await driven.do("go", C.AUTH)
        assert driven.sent[1:] == ["STARTTLS", "EHLO me.test", "AUTH CRAM-MD5", "[hidden]"]


# -- F6


async def test_again_sends_the_last_transaction_once_more() -> None:
    first = (b"RCPT", b"550 no\r\n")
    transaction = [MAIL, first, RCPT, DATA, DOT]
    rset, noop = (b"RSET", b"250 ok\r\n"), (b"NOOP", b"250 ok\r\n")
    script = [GREETING, EHLO, MAIL, rset, *transaction, noop, *transaction]
    async with driving(script, rcpt_to=("no@mail.test", "b@mail.test"), auto="ehlo") as driven:
        for line in (b"MAIL FROM:<old@me.test>\r\n", b"RSET\r\n"):
            await driven.do("send", line)
        for _ in range(6):
            await driven.do("step")
        await driven.do("send", b"NOOP\r\n")
        assert driven.here is C.SEND_MESSAGE
        before = len(driven.sent)
        await driven.do("again")
        assert driven.here is C.SEND_MESSAGE
        assert driven.sent[before:] == driven.sent[3 : before - 1]
        assert driven.sent[before] == "MAIL FROM:<a@me.test>"


async def test_again_repeats_a_message_sent_in_one_go_and_nothing_behind_it() -> None:
    noop = (b"NOOP", b"250 ok\r\n")
    async with driving([GREETING, EHLO, *TRANSACTION, noop, *TRANSACTION], auto="ehlo") as driven:
        await driven.do("send_message")
        await driven.do("send", b"NOOP\r\n")
        await driven.do("again")
        assert driven.sent.count("NOOP") == 1
        assert driven.sent.count(".") == 2
        assert driven.here is C.SEND_MESSAGE


async def test_again_repeats_text_typed_by_hand_up_to_its_dot() -> None:
    noop = (b"NOOP", b"250 ok\r\n")
    async with driving([GREETING, EHLO, *TRANSACTION, noop, *TRANSACTION], auto="ehlo") as driven:
        lines = [b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>", b"DATA", b"MAIL is no command here", b"\r\n.", b"NOOP"]
        for line in lines:
            await driven.do("send", line + b"\r\n")
        before = len(driven.wire)
        await driven.do("again")
        assert driven.wire[before:] == b"\r\n".join(lines[:-1]) + b"\r\n"


async def test_again_stops_where_an_answer_differs() -> None:
    refused = (b"RCPT", b"450 later\r\n")
    async with driving([GREETING, EHLO, *TRANSACTION, MAIL, refused], auto="ehlo") as driven:
        await driven.do("send_message")
        await driven.do("again")
        assert driven.sent[-2:] == ["MAIL FROM:<a@me.test>", "RCPT TO:<b@mail.test>"]
        assert driven.here is C.MAIL


async def test_again_without_a_transaction_says_so() -> None:
    async with driving([GREETING, EHLO], auto="ehlo") as driven:
        await driven.do("again")
        assert driven.failures == ["there is no transaction to send again: m begins one"]
        assert driven.sent == ["EHLO me.test"]


async def test_again_works_on_the_next_connection_too() -> None:
    async with driving([GREETING, EHLO, MAIL], auto="ehlo") as driven:
        await driven.do("step")
        await driven.do("drop")
        await driven.do("step")
        await driven.do("step")
        await driven.do("again")
        assert driven.sent == ["EHLO me.test", "MAIL FROM:<a@me.test>"] * 2


# -- ctrl+r


async def test_replay_stops_at_the_row() -> None:
    async with driving([GREETING, EHLO, MAIL, RCPT]) as driven:
        await driven.do("go")
        mail = next(index for index, event in enumerate(driven.recorder)
                    if isinstance(event, Sent) and event.data.startswith(b"MAIL"))  # fmt: skip
        await driven.do("replay", mail)
        assert len(driven.of(Opened)) == 2
        assert driven.here is C.MAIL
        assert driven.sent[3:] == ["EHLO me.test", "MAIL FROM:<a@me.test>"]


async def test_replay_of_the_first_connection_from_the_second() -> None:
    async with driving([GREETING, EHLO, MAIL]) as driven:
        await driven.do("go", C.MAIL)
        end = len(driven.recorder) - 1
        await driven.do("drop")
        await driven.do("connect")
        await driven.do("replay", end)
        assert driven.here is C.MAIL
        assert driven.sent[-2:] == ["EHLO me.test", "MAIL FROM:<a@me.test>"]


async def test_replay_stops_where_the_server_answers_differently() -> None:
    connections = 0

    async def handler(peer: Peer) -> None:
        nonlocal connections
        connections += 1
        await peer.send(b"220 hi\r\n")
        for answer in (b"250 hi\r\n", b"250 ok\r\n" if connections == 1 else b"450 later\r\n", b"250 ok\r\n"):
            await peer.line()
            await peer.send(answer)
        await peer.gone()

    async with driving(handler) as driven:
        await driven.do("go")
        await driven.do("replay", len(driven.recorder))
        assert driven.sent[3:] == ["EHLO me.test", "MAIL FROM:<a@me.test>"]


async def test_replay_logs_in_and_starts_tls_again(practice: PracticeServer, tmp_path: Path) -> None:
    async with running(practice_profile(practice, tmp_path, auto="auth", data=b"hi\r\n")) as driven:
        for _ in range(6):
            await driven.do("step")
        assert driven.here is C.SEND_MESSAGE
        once = driven.sent
        await driven.do("replay", len(driven.recorder))
        assert driven.here is C.SEND_MESSAGE
        assert driven.sent == once * 2
        assert driven.session.machine.facts.auth
