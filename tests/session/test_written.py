"""However a program writes a password, it is known as one."""

from __future__ import annotations

import base64
import html
import json
import quopri
import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpscope.secret import Secret
from smtpscope.session.redact import HIDDEN, Redactor, hide
from smtpscope.visible import escape, visible_text

TEXTS = st.text(st.sampled_from("aZ7äßÉ<>&\"'\\/%=+ \u200b"), min_size=4, max_size=12)


def encodings(text: str) -> list[bytes]:
    """As programs write it, each in its own way."""
    octets, parts = text.encode(), unicodedata.normalize("NFD", text)
    every = [octets, parts.encode()] + (
        [] if "\u200b" in text else [unicodedata.normalize("NFC", text).encode("latin-1")]
    )
    every += [html.escape(text).encode(), html.escape(text).encode("ascii", "xmlcharrefreplace")]
    every += [json.dumps(text)[1:-1].encode(), json.dumps(text, ensure_ascii=False)[1:-1].encode()]
    every += [octets.hex().encode(), octets.hex().upper().encode(), parts.encode().hex().encode()]
    every += [quote(text).lower().encode(), quote(text, safe="").encode(), quote(parts).encode()]
    return [*every, visible_text(text).encode(), escape(octets).encode()]


@given(TEXTS)
def test_nothing_of_a_password_is_left_however_it_is_written(text: str) -> None:
    redactor = Redactor()
    redactor.know(Secret(text))
    for each in encodings(text) if redactor.forms else ():
        said = b"535 (" + each + b")\r\n"
        assert hide(said, redactor.spans(said)) == f"535 ({HIDDEN})\r\n".encode(), each


@pytest.mark.parametrize("octets", ["wörd 7=x".encode(), b"w\xf6rd 7=x"])
def test_one_that_is_no_utf8_is_known_in_utf8_and_both_in_quoted_printable(octets: bytes) -> None:
    redactor = Redactor()
    redactor.know(Secret(octets))
    for each in ("wörd 7=x".encode(), b"w\xf6rd 7=x", quopri.encodestring(octets), b"w\\xf6rd 7=x"):
        assert hide(each, redactor.spans(each)) == HIDDEN.encode()


@pytest.mark.parametrize("before", ["", "x", "xy"])
def test_base64_for_addresses_is_base64(before: str) -> None:
    redactor = Redactor()
    redactor.know(Secret("~~~???>>>~~~???>>>"))
    said = base64.urlsafe_b64encode(f"{before}~~~???>>>~~~???>>>".encode())
    left = hide(said, redactor.spans(said)).decode().replace(HIDDEN, "")
    assert len(left) <= len(before) + 3
