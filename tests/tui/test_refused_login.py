"""A refused login is explained at each of its rows, at both sizes: at what base64 says as at the base64 itself."""

from __future__ import annotations

import pytest

from session.test_login_fields import b64
from session.test_login_words import GOOGLE, jwt, log_of, xoauth2
from smtpscope.session.log import Kind
from tui.driving import PROFILE, driven

LOG = log_of(xoauth2(jwt({"exp": 1})), b"334 " + b64(GOOGLE), b"", b"535 5.7.8 no")


@pytest.mark.parametrize("size", [(120, 40), (80, 23)])
async def test_each_row_of_a_refused_login_says_why(size: tuple[int, int]) -> None:
    async with driven(PROFILE, LOG.recorder, size=size) as hands:
        assert "! The token expired" in hands.said
        await hands.press("enter")
        assert "! The server could not use the token" in hands.inspector
        decoded = [row for row in range(len(LOG)) if LOG.kind[row] == Kind.DECODED]
        assert len(decoded) == 2
        for row, words in zip(decoded, ("claim   exp: 1 ", "a token of the scope"), strict=True):
            hands.app.go_to_row(row)
            await hands.settle()
            assert words in hands.inspector
