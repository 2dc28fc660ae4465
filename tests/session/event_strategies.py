"""Any event at all, for Hypothesis; a kind of event or field that is not known here is an error."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

from hypothesis import strategies as st

from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Bdat, Connect, Drop, Event, LinkStatus, Received, Sent, StartTls, Step

_whole = st.integers(0, 2**53 - 1)
_texts = st.text(max_size=20)
_steps: st.SearchStrategy[Step] = st.one_of(
    st.sampled_from(SMTPCommand),
    st.sampled_from((Connect(), Drop(), StartTls())),
    st.builds(Bdat, _whole, st.booleans()),
)
_wire = st.binary(max_size=60) | st.sampled_from(
    (
        b"220 mx ESMTP\r\n",
        b"250-mx\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n",
        b"250 2.1.0 Ok\r\n",
        b"354 Go on\r\n",
        b"334 VXNlcm5hbWU6\r\n",
        b"EHLO me\r\n",
        b"MAIL FROM:<a@example.org>\r\n",
        b"RCPT TO:<b@example.org>\r\n",
        b"DATA\r\n",
        b"BDAT 12 LAST\r\nSubject: hi\n",
        b"Subject: hi\r\n\r\n.\r\n",
        b"AUTH LOGIN\r\n",
        b"QUIT\r\n",
    )
)
_TYPES: dict[object, st.SearchStrategy[Any]] = {
    float: st.floats(0, 1e9),
    int: _whole,
    bool: st.booleans(),
    str: _texts,
    bytes: _wire,
    int | None: st.none() | _whole,
    LinkStatus: st.sampled_from(LinkStatus),
    Step: _steps,
    Step | None: st.none() | _steps,
    tuple[str, ...]: st.lists(_texts, max_size=3).map(tuple),
    tuple[bytes, ...]: st.lists(st.binary(max_size=20), max_size=3).map(tuple),
}


@st.composite
def _of(draw: st.DrawFn, kind: Any) -> Event:
    hints = get_type_hints(kind)
    given = {name: draw(_TYPES[hints[name]]) for name in kind._fields if name != "secrets"}
    if kind in (Sent, Received) and draw(st.booleans()):
        size = len(given["data"])
        start = draw(st.integers(0, size))
        given["secrets"] = ((start, draw(st.integers(start, size))),)
    made: Event = kind(**given)
    return made


EVENTS: dict[str, st.SearchStrategy[Event]] = {kind.__name__: _of(kind) for kind in get_args(Event)}
"""Name -> any event of this kind."""
events: st.SearchStrategy[Event] = st.one_of(*EVENTS.values())
