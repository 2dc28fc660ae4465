"""The commands do what the session did: each is run as a person runs it, and Postfix gets the same message again."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from servers.postfix import Postfix
from session.driving import running
from smtpscope.profile import Profile
from smtpscope.secret import Secret
from smtpscope.session.exchanges import connections
from smtpscope.session.export import COMMANDS, export
from smtpscope.smtp.events import Event

pytestmark = pytest.mark.postfix

NEEDED = "apt-get install swaks curl openssl libnet-ssleay-perl"
LIMIT = 60.0

BODY = (
    b"\r\nA line with $HOME, `id`, \"both\" 'quotes', %FROM_ADDRESS% and a \\n\r\n"
    b".dot at the start\r\n..\r\n.\r\n\r\n" + "ünïcödé \U0001f4e7\r\n".encode() + b"\ttab, NUL-free \x01 \xff\r\n.\r\n"
)


def message(marker: str) -> bytes:
    return f"From: <alice@mail.test>\r\nSubject: {marker}\r\nMessage-ID: <{marker}@mail.test>\r\n".encode() + BODY


def body_of(delivered: bytes) -> bytes:
    return delivered.partition(b"\n\n")[2]


async def recorded(postfix: Postfix, *, send: bool = True, quits: bool = True, **given: Any) -> list[Event]:
    """A session that runs as far as AUTH by itself, sends a message if ``send``, and says QUIT if ``quits``."""
    settings: dict[str, Any] = {
        "helo": "me.test",
        "mail_from": "alice@mail.test",
        "rcpt_to": ("reject@mail.test", "bob@mail.test"),
        "tls": "starttls",
        "tls_ca_path": str(postfix.ca_path),
        "auto": "auth",
        "timeout": 20.0,
        "family": 4,
        **given,
    }
    port = postfix.smtps_port if settings["tls"] == "implicit" else postfix.port
    async with running(Profile("localhost", port, **settings)) as driven:
        if send:
            await driven.do("send_message")
        if quits:
            await driven.do("send", b"QUIT\r\n")
        return driven.recorder[:]


def login(postfix: Postfix, mechanism: str) -> dict[str, Any]:
    user, password = postfix.account
    return {"login_wanted": True, "user": user, "password": Secret(password), "auth": (mechanism,)}


async def run(kind: str, script: str, postfix: Postfix, folder: Path, **env: str) -> str:
    """What the command prints, both streams in one; it finds the CA and the password, and no files of the user's."""
    program = sys.executable if kind == "python" else "sh"
    assert shutil.which(program), NEEDED
    assert kind == "python" or shutil.which(kind), NEEDED
    process = await asyncio.create_subprocess_exec(
        program,
        *(["-", ""] if kind == "python" else []),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "SMTP_PASSWORD": postfix.account[1],
            "SSL_CERT_FILE": str(postfix.ca_path),
            "PAUSE": "0.1",
            **env,
        },
    )
    try:
        async with asyncio.timeout(LIMIT):
            output, _ = await process.communicate(script.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output.decode(errors="backslashreplace")


def codes(output: str, kind: str) -> list[str]:
    """The code of each reply that a command showed."""
    mark = {"swaks": r"<(?:-|~|\*\*|~\*) +", "curl": "< ", "openssl": "", "python": r"[\w ]+: "}[kind]
    return re.findall(rf"^{mark}([2-5]\d\d)(?: |$)", output.replace("\r", ""), re.MULTILINE)


@pytest.mark.parametrize("kind", COMMANDS)
@pytest.mark.parametrize(
    ("tls", "mechanism"),
    [("starttls", "PLAIN"), ("implicit", "LOGIN"), ("starttls", "CRAM-MD5"), ("none", ""), ("starttls", "LOGIN")],
)
async def test_the_message_arrives_again(postfix: Postfix, tmp_path: Path, kind: str, tls: str, mechanism: str) -> None:
    marker = f"{kind}-{tls}-{mechanism}-first"
    given = login(postfix, mechanism) if mechanism else {}
    events = await recorded(postfix, tls=tls, data=message(marker), **given)
    first = postfix.delivered(marker.encode())
    script = export(events, kind)
    assert postfix.account[1] not in script

    again = marker.replace("first", "again")
    output = await run(kind, script.replace(marker, again), postfix, tmp_path)
    second = postfix.delivered(again.encode())
    assert body_of(second) == body_of(first), output
    if mechanism:
        assert "235" in codes(output, kind)
    assert "550" in codes(output, kind)  # of the recipient that is refused


@pytest.mark.parametrize("kind", COMMANDS)
async def test_the_null_sender_and_an_address_literal(postfix: Postfix, tmp_path: Path, kind: str) -> None:
    marker = f"{kind}-first-null"
    text = message(marker)
    events = await recorded(postfix, mail_from="", helo="[127.0.0.1]", rcpt_to=("bob@mail.test",), data=text)
    again = marker.replace("first", "again")
    output = await run(kind, export(events, kind).replace(marker, again), postfix, tmp_path)
    delivered = postfix.delivered(again.encode())
    assert delivered.startswith(b"Return-Path: <>"), output
    assert b"from [127.0.0.1] (localhost [127.0.0.1])" in delivered


@pytest.mark.parametrize("kind", ["swaks", "openssl", "python"])
async def test_the_same_replies_come(postfix: Postfix, tmp_path: Path, kind: str) -> None:
    """Up to what the command line itself sends in other order."""
    events = await recorded(postfix, data=message(f"{kind}-replies"), **login(postfix, "PLAIN"))
    (connection,) = connections(events)
    expected = [str(reply.code) for each in connection.exchanges for reply in each.replies]
    output = await run(kind, export(events, kind), postfix, tmp_path)
    if kind == "openssl":  # it shows what comes inside TLS
        expected = expected[expected.index("220", 1) + 1 :]
        assert codes(output, kind)[-len(expected) :] == expected
    elif kind == "python":  # DATA and the dot are one call
        expected.remove("354")
        assert codes(output, kind) == expected
    else:
        challenge = ["334"]  # swaks gives PLAIN its initial response, as we do
        assert [code for code in codes(output, kind) if code not in challenge] == expected


@pytest.mark.parametrize("kind", COMMANDS)
async def test_a_session_that_stops_before_the_text_sends_no_message(
    postfix: Postfix, tmp_path: Path, kind: str
) -> None:
    profile: dict[str, Any] = {"data": b"x\r\n", "rcpt_to": ("bob@mail.test",)}
    port, ca = postfix.port, str(postfix.ca_path)
    settings = Profile(
        "localhost", port, helo="me.test", tls="starttls", tls_ca_path=ca, auto="tls", family=4, **profile
    )
    async with running(settings) as driven:
        for line in (b"MAIL FROM:<alice@mail.test>\r\n", b"RCPT TO:<bob@mail.test>\r\n", b"DATA\r\n"):
            await driven.do("send", line)
        await driven.do("drop")
        events = driven.recorder[:]
    before = len(postfix.messages())
    output = await run(kind, export(events, kind), postfix, tmp_path)
    assert ("354" in codes(output, kind)) == (kind != "curl"), output
    await recorded(postfix, data=message(f"{kind}-after"))
    postfix.delivered(f"{kind}-after".encode())
    assert len(postfix.messages()) == before + 1


@pytest.mark.parametrize("kind", COMMANDS)
async def test_a_session_that_only_logs_in(postfix: Postfix, tmp_path: Path, kind: str) -> None:
    events = await recorded(postfix, send=False, **login(postfix, "PLAIN"))
    output = await run(kind, export(events, kind), postfix, tmp_path)
    assert "235" in codes(output, kind), output
    refused = await run(kind, export(events, kind), postfix, tmp_path, SMTP_PASSWORD="wrong")
    assert "535" in codes(refused, kind), refused


@pytest.mark.parametrize("kind", COMMANDS)
async def test_a_certificate_that_was_good_is_checked_again(postfix: Postfix, tmp_path: Path, kind: str) -> None:
    marker = f"{kind}-checked"
    events = await recorded(postfix, rcpt_to=("bob@mail.test",), data=message(marker))
    script = export(events, kind).replace(marker, f"{marker}-in-vain")
    output = await run(kind, script, postfix, tmp_path, SSL_CERT_FILE=os.devnull)
    assert "354" not in codes(output, kind)
    assert re.search("certificate|verif", output), output


@pytest.mark.parametrize("kind", COMMANDS)
async def test_a_certificate_that_was_let_pass_is_not_checked(postfix: Postfix, tmp_path: Path, kind: str) -> None:
    marker = f"{kind}-first-unchecked"
    events = await recorded(
        postfix, tls_ca_path=None, tls_insecure=True, rcpt_to=("bob@mail.test",), data=message(marker)
    )
    again = marker.replace("first", "again")
    output = await run(kind, export(events, kind).replace(marker, again), postfix, tmp_path, SSL_CERT_FILE=os.devnull)
    assert again.encode() in postfix.delivered(again.encode()), output


@pytest.mark.parametrize("kind", COMMANDS)
async def test_a_long_message_comes_from_a_file(postfix: Postfix, tmp_path: Path, kind: str) -> None:
    marker = f"{kind}-first-long"
    text = message(marker) + b"a line of many\r\n" * 10_000
    events = await recorded(postfix, rcpt_to=("bob@mail.test",), data=text)
    first = postfix.delivered(marker.encode())
    again = marker.replace("first", "again")
    (tmp_path / "message.eml").write_bytes(text.replace(marker.encode(), again.encode()))
    script = export(events, kind)
    assert len(script) < 5000
    assert "put it into message.eml" in script
    output = await run(kind, script, postfix, tmp_path)
    second = postfix.delivered(again.encode())
    assert body_of(second) == body_of(first), output
