"""Sessions in which octets are cut and mixed in any way, for Hypothesis."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st

from smtpscope.session.recorder import Recorder
from smtpscope.session.view import View
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Closed, Event, Issued, Link, LinkStatus, Opened, Progress, Received, Secured, Sent

_SAID = (
    b"220 mx ESMTP\r\n",
    b"250-mx\r\n250-STARTTLS\r\n250-SIZE 10\r\n250 AUTH PLAIN LOGIN\r\n",
    b"250 2.1.0 Ok\r\n",
    b"354 Go on\r\n",
    b"334 VXNlcm5hbWU6\r\n",
    b"334 UGFzc3dvcmQ6\r\n",
    b"550 5.1.1 no such user wonderland\r\n",
    b"250-a\n",
    b"\n",
    b"\r\n",
    b"250 b\rc\r\r\n",
    b"250 \x0b\x1c\xc2\x85\xe2\x80\xa8 d\r\n",
)
_ASKED = (
    b"EHLO me\r\n",
    b"MAIL FROM:<a@example.org>\r\n",
    b"rcpt TO:<b@example.org>\r\n",
    b"DATA\r\n",
    b"BDAT 12 LAST\r\nSubject: hi\n",
    b"Subject: hi\r\n\r\n.\r\n",
    b".\r\n",
    b"AUTH LOGIN\r\n",
    b"YWxpY2U=\r\n",
    b"NOOP",
    b"\n",
)
_PASSWORD = b"d29uZGVybGFuZA==\r\n"
_times = st.floats(0, 100)


def _cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(ends)]


_joined = st.tuples(
    st.lists(st.sampled_from(_SAID) | st.binary(max_size=9), min_size=1, max_size=6), st.lists(st.integers(0, 99))
)
_received = _joined.map(lambda given: [Received(1.0, data) for data in _cut(b"".join(given[0]), given[1])])
_sent = st.tuples(
    st.lists(st.sampled_from(_ASKED), min_size=1, max_size=4), st.lists(st.integers(0, 99), max_size=3)
).map(lambda given: [Sent(1.0, data) for data in _cut(b"".join(given[0]), given[1])])
_secret = st.just([Sent(1.0, _PASSWORD, secrets=((0, len(_PASSWORD) - 2),))])
_streamed = st.binary(max_size=30).map(
    lambda data: [
        Issued(2.0, SMTPCommand.SEND_STREAM, "text"),
        Sent(2.0, data),
        Sent(2.0, b"a line\r\nNOOP\r\n250 b"),
        Progress(2.0, 9, 9, done=True),
    ]
)
_opened = st.just(
    [Opened(0.0, "mail.test", 25), Link(0.0, LinkStatus.CONNECTED, "connected"), Received(0.0, b"220 hi\r\n")]
)
_between = st.sampled_from([[Closed(3.0, "over")], [Secured(3.0, "TLSv1.3", "X", 256, "mail.test")]])
_to_data = st.just(
    [
        Sent(1.0, b"EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<b@x>\r\n"),
        Received(1.0, b"250 hi\r\n250 ok\r\n250 ok\r\n"),
        Sent(1.0, b"DATA\r\n"),
        Received(1.0, b"354 go\r\n"),
    ]
)
sessions: st.SearchStrategy[list[Event]] = st.lists(
    st.one_of(_received, _sent, _secret, _streamed, _opened, _between, _to_data), max_size=12
).map(
    lambda parts: [
        Opened(0.0, "mail.test", 25),
        Link(0.0, LinkStatus.CONNECTED, "up"),
        *(e for part in parts for e in part),
    ]
)
"""Events as they may come of a session with any server."""


def recorded(events: list[Event], kept: int = 64) -> Recorder:
    recorder = Recorder(kept)
    for event in events:
        recorder.append(event)
    return recorder


def view_of(events: list[Event]) -> View:
    view = View(recorded(events))
    view.take()
    return view
