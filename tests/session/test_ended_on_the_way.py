"""A server that ends the session while smtpscope runs on by itself is not called again, and again."""

from __future__ import annotations

import pytest

from session.driving import EHLO, GREETING, MAIL, C, driving
from smtpscope.smtp.events import Connect, Opened

GOODBYE = b"421 4.3.2 too many connections\r\n"


@pytest.mark.parametrize("auto", ["ehlo", "tls", "auth"])
async def test_the_run_at_the_start_connects_once(auto: str) -> None:
    async with driving([GREETING, (b"EHLO", EHLO[1] + GOODBYE)], auto=auto) as driven:
        await driven.over()
        assert len(driven.of(Opened)) == 1
        assert (driven.here, driven.next.step) == (C.NONE, Connect())


@pytest.mark.parametrize("until", [None, C.DATA])
async def test_go_does_not_connect_again(until: C | None) -> None:
    async with driving([GREETING, EHLO, (b"MAIL", MAIL[1] + GOODBYE)]) as driven:
        await driven.do("go", until)
        await driven.over()
        assert len(driven.of(Opened)) == 1
        assert driven.sent == ["EHLO me.test", "MAIL FROM:<a@me.test>"]
