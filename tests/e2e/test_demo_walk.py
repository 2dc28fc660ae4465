"""``smtpscope demo`` walked by space, and what the other keys show of it."""

from functools import partial
from pathlib import Path

import pytest

from e2e.pictures import here
from e2e.terminal import Terminal

WALK = [
    ("connect to the practice server", "BANNER", ("220 localhost ESMTP",)),
    ("EHLO ", "CONNECTED", ("250-localhost", "no TLS")),
    ("STARTTLS", "BANNER", ("TLS started: certificate good", "TLS1.3 ✓")),
    ("EHLO ", "EHLO", ("~>  EHLO",)),
    ("AUTH CRAM-MD5", "CONNECTED", ("235 2.7.0 Authentication successful", "✓  ", "alice")),
    ("MAIL FROM:<alice@example.org>", "MAIL", ("250 2.1.0",)),
    ("RCPT TO:<reject@example.org>", "MAIL", ("550 5.1.1", "✗550", "RCPT 0/1", "The mailbox does not exist")),
    ("RCPT TO:<bob@example.org>", "RCPT", ("250 2.1.5", "RCPT 1/1")),
    ("DATA", "DATA", ("354 End data", "data>")),
    ("send the message text, dot held", "SEND_STREAM", ("message, ", "data>")),
    ("the dot", "SEND_MESSAGE", ("queued as", "queue id")),
    ("QUIT", "NONE", ("221 2.0.0 Bye", "said goodbye")),
]
"""What space says that it does, the node that it leads to, and what is on the screen then."""


def stands(node: str, screen: str) -> bool:
    """Whether the picture has the session at ``node``."""
    return here(screen) == node


@pytest.mark.parametrize("size", [(80, 23), (120, 40)], ids=["80x23", "120x40"])
async def test_space_walks_a_whole_session(size: tuple[int, int], tmp_path: Path) -> None:
    async with Terminal("demo", home=tmp_path, size=size) as terminal:
        first = await terminal.sees("practice server", "not connected", "space connect to the practice server")
        assert here(first) == "NONE"
        for label, node, seen in WALK:
            await terminal.space(label)
            wanted = [text for text in seen if text != "queue id" or size[0] > 100]
            await terminal.sees(*wanted, *([f"█{node}"] if size[0] < 100 else []))
            await terminal.until(partial(stands, node), f"the session at {node}")
        await terminal.sees("space connect to the practice server")
        transcript = await terminal.leave()
    assert "wonderland" not in transcript
    assert transcript.count("=== Trying localhost") == 1


async def test_the_keys_show_what_space_passes_by(tmp_path: Path) -> None:
    async with Terminal("demo", home=tmp_path) as terminal:
        await terminal.sees("not connected")
        await terminal.press("c")
        await terminal.sees("█BANNER✓220█")
        await terminal.send("h", "HELO [127.0.0.1]", "[HELO✓250]", "█CONNECTED✓█")
        await terminal.send("o", "NOOP", "[CUSTOM✓250]")
        await terminal.send("x", "RSET", "[RSET✓250]")
        await terminal.press("p")
        strip = await terminal.sees("last RSET✓250")
        assert "STARTTLS, XCLIENT" not in strip
        await terminal.press("C-]")
        await terminal.sees("NONE█", "c connects again")


async def test_recipients_that_show_what_a_debugger_is_for(tmp_path: Path) -> None:
    recipients = "greylist@example.org,full@example.org,slow@example.org,close@example.org"
    async with Terminal("demo", "-t", recipients, home=tmp_path) as terminal:
        await terminal.sees("not connected")
        await terminal.press("F5")  # to the first refusal
        await terminal.sees("450 4.2.0", "RCPT 0/1", "space RCPT TO:<full@")
        await terminal.press("F5")
        await terminal.sees("452 4.2.2", "RCPT 0/2")
        await terminal.space("RCPT TO:<slow@example.org>")
        await terminal.sees("waiting: RCPT 1.")
        await terminal.sees("RCPT 1/2", "250 2.1.5")
        await terminal.space("RCPT TO:<close@example.org>")
        await terminal.sees("421 4.3.2", "█NONE█", "c connects again")
        await terminal.press("c")
        await terminal.sees("█BANNER✓220█")
