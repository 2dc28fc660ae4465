"""Each event is one line and comes back as it was; a line that is none is refused in words."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session.event_strategies import EVENTS, events
from smtpscope.session import schema
from smtpscope.session.schema import Header, Mark, Unreadable, event_line, event_of, header_line, header_of
from smtpscope.smtp.events import Event, Received, Sent

HEADER = Header("mx1.example.org", 587, 1_700_000_000.25)
FORMAT = Path(__file__).parents[2] / "docs" / "session-format.md"
WORDS = {"False": "false", "True": "true", "''": "empty", "()": "none", "None": "null", "0.0": "0", "0": "0"}
"""How the defaults of fields are written there."""


def test_every_kind_of_event_is_covered() -> None:
    kinds = {kind.__name__ for kind in get_args(Event)}
    assert set(schema.EVENTS) == kinds == set(EVENTS)


def test_every_event_and_field_is_documented() -> None:
    text = FORMAT.read_text()
    for name, kind in schema.EVENTS.items():
        row = next((line for line in text.splitlines() if line.startswith(f"| `{name}` |")), "")
        for field in kind._fields:
            default = f" ({WORDS[repr(kind._field_defaults[field])]})" if field in kind._field_defaults else ""
            assert f"`{field}`{default}" in row or field == "time", f"{name}.{field}{default} is not in {FORMAT.name}"
    for field in json.loads(header_line(HEADER)):
        assert f"`{field}`" in text


@given(events)
def test_a_line_gives_the_event_back(event: Event) -> None:
    line = event_line(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert line.isascii()
    back = event_of(line)
    assert type(back) is type(event)
    assert back == event


def test_octets_are_text_that_can_be_searched() -> None:
    line = event_line(Sent(1.5, b"MAIL FROM:<a@example.org>\r\n\xff\x00", True))
    assert line == b'{"type":"Sent","time":1.5,"data":"MAIL FROM:<a@example.org>\\r\\n\\u00ff\\u0000","tls":true}\n'


@given(st.binary(max_size=30), st.data())
def test_hidden_octets_come_back_as_stars_in_their_places(data: bytes, draw: st.DataObject) -> None:
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), min_size=4, max_size=4)))
    marks = [Mark(cuts[0], cuts[1], schema.LOGIN), Mark(cuts[2], cuts[3], schema.SECRET)]
    for event in (Sent(0.0, data), Received(0.0, data)):
        back = event_of(event_line(event, marks))
        assert isinstance(back, Sent | Received)
        starred = bytearray(data)
        for start, end, *_ in marks:
            starred[start:end] = b"*" * (end - start)
        assert back.data == starred
        assert set(back.secrets) == {(start, end) for start, end, *_ in marks}


def test_a_mark_says_kind_and_length_and_nothing_else() -> None:
    line = event_line(Sent(0.0, b"AUTH PLAIN AGEAYg==\r\n"), [Mark(11, 19, schema.LOGIN)])
    assert json.loads(line)["data"] == ["AUTH PLAIN ", {"hidden": "login", "octets": 8}, "\r\n"]


@pytest.mark.parametrize(
    "header", [HEADER, replace(HEADER, redacted=False), replace(HEADER, server="::1", port=0, text=False)]
)
def test_the_header_comes_back(header: Header) -> None:
    assert header_of(header_line(header)) == header
    assert json.loads(header_line(header))["started"].startswith("2023-11-14T22:13:20.250")


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"version": 2}, "the format's version is 2, and this smtpscope reads up to 1"),
        ({"format": "HAR"}, "not a session that smtpscope has kept"),
        ({"started": "noon"}, 'started is "noon", not a date'),
        ({"started": "0001-01-01"}, "not a date"),
        ({"started": "9999-12-31T23:59:59-23:59"}, "not a date"),
        ({"port": True}, "port is true, not a whole number"),
        ({"server": None}, "server is null, not a text"),
        ({"version": None}, "version is null, not a whole number"),
    ],
)
def test_another_header_is_refused(change: dict[str, object], cause: str) -> None:
    value = json.loads(header_line(HEADER)) | change
    with pytest.raises(Unreadable, match=cause):
        header_of(json.dumps(value).encode())


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("", "not JSON"),
        ("[1]", "no JSON object"),
        ("{", "not JSON"),
        ('{"type":"Sent","time":NaN,"data":""}', "not JSON"),
        ('{"type":"Sent","time":1e999,"data":""}', "time of Sent is Infinity, not a time"),
        ('{"type":"Sent","time":-1,"data":""}', "time of Sent is -1, not a time"),
        ('{"type":"Sent","time":true,"data":""}', "time of Sent is true"),
        ('{"type":"Sent","time":1' + "0" * 5000 + ',"data":""}', "not JSON"),
        ('{"type":"Sent","time":1' + "0" * 400 + ',"data":""}', "not a time"),
        ('{"type":"Sent","time":0}', "data of Sent is null, not a text"),
        ('{"type":"Sent","data":""}', "time of Sent is missing"),
        ('{"type":"Sent","time":0,"data":"\\u0100"}', "has a character that is no octet"),
        ('{"type":"Sent","time":0,"data":[["x"]]}', "is a list, not a text"),
        ('{"type":"Sent","time":0,"data":[{"hidden":"login","octets":-1}]}', "is -1, not a whole number"),
        ('{"type":"Sent","time":0,"data":[{"hidden":"login","octets":1e9}]}', "not a whole number"),
        ('{"type":"Sent","time":0,"data":[{"hidden":"login","octets":99999999999}]}', "too many octets"),
        ('{"type":"Sent","time":0,"data":[{"hidden":7,"octets":1}]}', "is 7, not a text"),
        ('{"type":"Sent","time":0,"data":"a","secrets":[[0,2]]}', "secrets of Sent lie outside its data"),
        ('{"type":"Sent","time":0,"data":"abc","secrets":[[2,1]]}', "ends before it begins"),
        ('{"type":"Sent","time":0,"data":"abc","secrets":[[1]]}', "not a whole number"),
        ('{"type":"Cipher","time":0,"data":"é","outgoing":true}', "data of Cipher is not base64"),
        ('{"type":"Link","time":0,"status":"asleep"}', 'status of Link is "asleep", not a status'),
        ('{"type":"Issued","time":0,"step":"__class__"}', "not a step"),
        ('{"type":"Issued","time":0,"step":{"bdat":-5,"last":true}}', "not a whole number"),
        ('{"type":"Asked","time":0,"kind":"k","text":"t","answers":"yes"}', "not a list"),
        ('{"type":"Pondered","time":0}', 'there is no event "Pondered" in this version'),
        ('{"type":["Sent"],"time":0}', "there is no event a list"),
        ('{"time":0}', "it is no event"),
        ('{"type":"\\u001b]0;x","time":0}', 'there is no event "'),
        ("[" * 100_000, "too many parts"),
        ('{"type":' + "[" * 60_000, "too many parts|not JSON"),
        ('{"type":[' + '"",' * 100_000 + '""]}', "too many parts"),
    ],
)
def test_what_is_no_event_is_refused_in_words(line: str, cause: str) -> None:
    with pytest.raises(Unreadable, match=cause) as caught:
        event_of(line.encode())
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


_FIELDS = ("time", "data", "tls", "secrets", "step", "answers", "hidden", "octets", "bdat", "last", "event", "status")
_plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_values = st.recursive(
    _plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_FIELDS), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(schema.EVENTS)), st.dictionaries(st.sampled_from(_FIELDS), _values), st.floats(0, 9))
def test_nothing_but_unreadable_is_raised(name: str, value: dict[str, object], time: float) -> None:
    line = json.dumps({"time": time, **value, "type": name}).encode()
    with suppress(Unreadable):
        assert type(event_of(line)).__name__ == name


def test_new_fields_of_a_later_version_are_passed_over() -> None:
    assert event_of(b'{"type":"Sent","time":0,"data":"x","mood":"good"}') == Sent(0.0, b"x")
