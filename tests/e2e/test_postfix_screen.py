"""A real mail server through the real screen in a real terminal, by keys alone."""

import re
from pathlib import Path

import pytest

from e2e.terminal import Terminal
from servers.postfix import Postfix

pytestmark = pytest.mark.postfix

FROM_FILE = (
    "From: Alice <alice@mail.test>\r\n"
    "To: Bob <bob@mail.test>\r\n"
    "Subject: from a file, {marker}\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n"
    "\r\n"
    ".one dot\r\n"
    "..two dots\r\n"
    ".\r\n"
    "Grüße 日本 🙂\r\n"
    "From the beginning of a line\r\n"
    "\t tab and blanks  \r\n"
    "\r\n" + "x" * 900 + "\r\n"
    "the end\r\n"
)
TYPED = (
    "From: alice@mail.test",
    "Subject: typed, {marker}",
    "",
    "QUIT is text here",
    "..dots are typed as they go out",
)
PASSWORD = "wonderland"


ADDED = {b"Return-Path", b"X-Original-To", b"Delivered-To", b"Received", b"Message-Id", b"Date"}
"""Header fields that Postfix adds where they are missing."""


def check_delivered(delivered: bytes, sent: str) -> None:
    """The delivered message is the sent one but for header fields that were added and the line ends."""
    fields, text = parts(delivered)
    sent_fields, sent_text = parts(sent.replace("\r\n", "\n").encode())
    assert text == sent_text
    assert [field for field in fields if field in sent_fields] == sent_fields
    assert {field.partition(b":")[0] for field in fields if field not in sent_fields} <= ADDED


def parts(message: bytes) -> tuple[list[bytes], bytes]:
    """Header fields, each with its folded lines, and text."""
    header, _, text = message.partition(b"\n\n")
    return re.split(rb"\n(?![ \t])", header), text


async def test_a_whole_session_by_keys(postfix: Postfix, tmp_path: Path) -> None:
    marker = tmp_path.name
    message = FROM_FILE.format(marker=marker).encode()
    (tmp_path / "note.eml").write_bytes(message)
    user, password = postfix.account
    assert password == PASSWORD
    async with Terminal(
        *(f"{postfix.host}:{postfix.port}", "--auto", "none", "-tls", "--tls-ca-path", str(postfix.ca_path)),
        *("-au", user, "-ap", password, "-f", "alice@mail.test", "-t", "reject@mail.test,bob@mail.test"),
        *("--helo", "client.test", "-d", "@note.eml"),
        home=tmp_path,
    ) as terminal:
        await terminal.space("connect to", "220 mail.test ESMTP Postfix")
        await terminal.space("EHLO client.test")
        await terminal.space("STARTTLS", "TLS started: certificate good", "TLS1.3 ✓")
        await terminal.space("EHLO client.test")
        await terminal.space("AUTH SCRAM-SHA-256", "235 2.7.0 Authentication successful", "✓  alice")

        await terminal.press("d")
        await terminal.sees("> DATA", "out of order")
        await terminal.press("Enter")
        await terminal.sees("503 5.5.1", "DATA✗503", "DATA was refused: r RCPT, x RSET, q QUIT")

        await terminal.send("m", "MAIL FROM:<alice@mail.test>", "250 2.1.0 Ok", "█MAIL✓250█")
        await terminal.send("x", "RSET", "250 2.0.0 Ok", "█CONNECTED✓█", "RSET✓250")

        await terminal.space("MAIL FROM:<alice@mail.test>")
        await terminal.space("RCPT TO:<reject@mail.test>", "550 5.1.1", "RCPT✗550", "RCPT 0/1")
        await terminal.space("RCPT TO:<bob@mail.test>", "250 2.1.5 Ok", "RCPT 1/1")
        await terminal.space("DATA", "354 End data", "data>")
        await terminal.space("send the message text", "█SEND_STREAM✓")
        await terminal.space("the dot", "250 2.0.0 Ok: queued as", "█SEND_MESSAGE✓250█", "queue id ")

        await terminal.send("m", "MAIL FROM:<alice@mail.test>", "█MAIL✓250█")
        await terminal.press("i")
        await terminal.enter("RCPT TO:<carol@mail.test> NOTIFY=NEVER")
        await terminal.sees("NOTIFY=NEVER", "█RCPT✓1/0█")
        await terminal.send("d", "DATA", "data>")
        await terminal.press("i")
        for line in (*(line.format(marker=marker) for line in TYPED), "."):
            await terminal.enter(line)
        await terminal.sees("250 2.0.0 Ok: queued as", "█SEND_MESSAGE✓250█", "~>  .")
        await terminal.space("QUIT", "221 2.0.0 Bye", "█NONE█", "QUIT✓221")
        transcript = await terminal.leave()

    check_delivered(postfix.delivered(f"from a file, {marker}".encode()), message.decode())
    typed = "\n".join(TYPED).format(marker=marker).replace("\n..", "\n.") + "\n"
    check_delivered(postfix.delivered(f"typed, {marker}".encode()), typed)
    check_transcript(transcript, marker)


MAIL = "MAIL FROM:<alice@mail.test>"
BEFORE_TEXT = [
    *(
        "EHLO client.test",
        "STARTTLS",
        "EHLO client.test",
        "AUTH SCRAM-SHA-256",
        "[hidden]",
        "",
        "DATA",
        MAIL,
        "RSET",
        MAIL,
    ),
    *("RCPT TO:<reject@mail.test>", "RCPT TO:<bob@mail.test>", "DATA"),
]


def check_transcript(transcript: str, marker: str) -> None:
    """swaks' marks, every command and reply, and nothing of the password."""
    lines = [line.rstrip() for line in transcript.splitlines()]
    sent = [line[4:] for line in lines if line.startswith((" ->", " ~>"))]
    sent = [
        " ".join(line.split()[:2]) if line.startswith("AUTH") else line for line in sent
    ]  # its nonce is never known
    typed = [line.format(marker=marker) for line in TYPED]
    assert sent[: len(BEFORE_TEXT)] == BEFORE_TEXT
    assert sent[-len(typed) - 7 :] == [
        *("the end", ".", MAIL, "RCPT TO:<carol@mail.test> NOTIFY=NEVER", "DATA"),
        *typed,
        *(".", "QUIT"),
    ]
    assert lines[0].startswith("=== Trying 127.0.0.1:")
    assert [line for line in lines if line.startswith(" ->")] == [" -> EHLO client.test", " -> STARTTLS"]
    assert [line[:8] for line in lines if line.startswith("<~* ")] == ["<~* 503 ", "<~* 550 "]
    assert {" ~> ...two dots", " ~> Grüße 日本 🙂"} <= set(lines)
    assert any(line.startswith("=== TLS peer certificate passed CA verification") for line in lines)
    assert "=== Connection closed with remote host." in lines
    assert PASSWORD not in transcript
