"""States of a session as the diagram is told them: each of them can occur."""

from __future__ import annotations

from typing import NamedTuple

from textual.app import App, ComposeResult

from smtpscope.smtp.command import SMTPCommand
from smtpscope_widgets.drawing import Picture
from smtpscope_widgets.state_diagram import NodeState, StateDiagram


class Shown(NamedTuple):
    here: str
    nodes: dict[str, NodeState]
    taken: frozenset[str] = frozenset()
    latest: str | None = None
    jump: str = ""
    last: str = ""


def _may(legal: str, impossible: str, nodes: dict[str, NodeState]) -> dict[str, NodeState]:
    """All fifteen nodes; what is in neither list is out of order."""
    may = dict.fromkeys(SMTPCommand.__members__, "out_of_order")
    may.update(dict.fromkeys(impossible.split(), "impossible"))
    may.update(dict.fromkeys(legal.split(), "legal"))
    return {
        name: NodeState(state.mark, state.here, may[name], state.text, state.short)  # type: ignore[arg-type]
        for name, state in ((name, nodes.get(name, NodeState())) for name in may)
    }


def _edges(numbers: str) -> frozenset[str]:
    return frozenset(f"e{number}" for number in numbers.split())


_LOGIN = {
    "NONE": NodeState("passed"),
    "BANNER": NodeState("passed", text="TLS 31ms", short="TLS"),
    "EHLO": NodeState("passed", text="250 2ms", short="250"),
    "AUTH": NodeState("passed", text="235 70ms", short="235"),
    "CUSTOM": NodeState("passed", text="STARTTLS", short="220"),
}
_READY = _LOGIN | {"CONNECTED": NodeState("passed", text="ready")}
_MAIL = _READY | {"MAIL": NodeState("passed", text="250 4ms", short="250")}
_DATA = _MAIL | {
    "RCPT": NodeState("passed", text="2 ok 1 ✗", short="2/1"),
    "DATA": NodeState("passed", text="354 1ms", short="354"),
}
_IN_SESSION = "EHLO HELO RSET QUIT CUSTOM NONE"
_NEVER = "BANNER CONNECTED SEND_STREAM"
_LOGGED_IN = _edges("01 02 24 25 03 04")
_DATA_MODE_NOT = "BANNER EHLO HELO AUTH CONNECTED RSET QUIT CUSTOM MAIL RCPT DATA SEND_MESSAGE"

STATES = {
    "start": Shown(
        "NONE",
        _may(
            "BANNER",
            "EHLO HELO AUTH CONNECTED RSET QUIT CUSTOM MAIL RCPT DATA SEND_STREAM DOT SEND_MESSAGE NONE",
            {"NONE": NodeState(here=True)},
        ),
    ),
    "data_waiting": Shown(
        "RCPT",
        _may(
            "NONE",
            _NEVER + " SEND_MESSAGE",
            _MAIL
            | {
                "RCPT": NodeState("passed", True, text="2 ok 1 ✗", short="2/1"),
                "DATA": NodeState("waiting", text="0.4 s", short="0.4"),
            },
        ),
        _LOGGED_IN | _edges("05 06 17"),
        "e17",
        last="CUSTOM",
    ),
    "rcpt_refused": Shown(
        "MAIL",
        _may(
            f"RCPT {_IN_SESSION}",
            _NEVER + " SEND_MESSAGE",
            _MAIL
            | {
                "MAIL": NodeState("passed", True, text="250 4ms", short="250"),
                "RCPT": NodeState("refused", text="550 3ms", short="550"),
            },
        ),
        _LOGGED_IN | _edges("05"),
        "e05",
        last="CUSTOM",
    ),
    "data_refused": Shown(
        "RCPT",
        _may(
            f"RCPT DATA {_IN_SESSION}",
            _NEVER + " SEND_MESSAGE",
            _MAIL
            | {
                "RCPT": NodeState("refused", True, text="550 2/1", short="550"),
            },
        ),
        _LOGGED_IN | _edges("05 06"),
        "e06",
        last="CUSTOM",
    ),
    "banner_554": Shown(
        "BANNER",
        _may(
            "QUIT NONE",
            "BANNER CONNECTED SEND_STREAM SEND_MESSAGE",
            {"NONE": NodeState("passed"), "BANNER": NodeState("refused", True, text="554 120ms", short="554")},
        ),
        _edges("01"),
        "e01",
    ),
    "helo_fallback": Shown(
        "CONNECTED",
        _may(
            f"MAIL SEND_MESSAGE {_IN_SESSION}",
            _NEVER,
            {
                "NONE": NodeState("passed"),
                "BANNER": NodeState("passed", text="220 8ms", short="220"),
                "EHLO": NodeState("refused", text="502 2ms", short="502"),
                "HELO": NodeState("passed", text="250 2ms", short="250"),
                "CONNECTED": NodeState(here=True),
            },
        ),
        _edges("01 12 13"),
        "e13",
        last="HELO",
    ),
    "streaming": Shown(
        "DATA",
        _may(
            "DOT SEND_STREAM NONE",
            _DATA_MODE_NOT,
            _DATA
            | {
                "DATA": NodeState("passed", True, text="354 1ms", short="354"),
                "SEND_STREAM": NodeState("waiting", text="12 MB 3.1 MB/s", short="45%"),
            },
        ),
        _LOGGED_IN | _edges("05 06 17 07"),
        "e07",
    ),
    "answered": Shown(
        "SEND_MESSAGE",
        _may(
            f"MAIL SEND_MESSAGE {_IN_SESSION}",
            _NEVER,
            _DATA
            | {
                "SEND_STREAM": NodeState("passed", text="12 MB 3.1 MB/s", short="12M"),
                "DOT": NodeState("passed", text="250 1.2 s", short="250"),
                "SEND_MESSAGE": NodeState("passed", True, text="250 1.2 s", short="250"),
            },
        ),
        _LOGGED_IN | _edges("05 06 17 07 08 09 10"),
        "e10",
    ),
    "lmtp_partly": Shown(
        "SEND_MESSAGE",
        _may(
            f"MAIL SEND_MESSAGE {_IN_SESSION}",
            _NEVER,
            _DATA
            | {
                "DOT": NodeState("refused", text="1/2 554 1.2 s", short="1/2"),
                "SEND_MESSAGE": NodeState("refused", True, text="1/2 554 1.2 s", short="554"),
            },
        ),
        _LOGGED_IN | _edges("05 06 17 07 19 10"),
        "e10",
    ),
    "nested_mail": Shown(
        "MAIL",
        _may(
            "NONE",
            _NEVER,
            _MAIL
            | {
                "MAIL": NodeState("passed", True, text="250 3ms", short="250"),
                "RCPT": NodeState("passed", text="1 ok", short="1/0"),
                "RSET": NodeState("passed", text="250 2ms", short="250"),
                "QUIT": NodeState("waiting", text="1.2 s", short="1.2"),
            },
        ),
        _LOGGED_IN | _edges("05 06 20 21"),
        None,
        jump="jump: RCPT ▸ MAIL, 250",
        last="QUIT",
    ),
}


class DiagramApp(App[None]):
    """Nothing but a diagram."""

    def __init__(self, picture: Picture, *, ascii: bool = False) -> None:
        super().__init__()
        self.diagram = StateDiagram(picture, ascii=ascii)

    def compose(self) -> ComposeResult:
        yield self.diagram


async def rows_of(picture: Picture, shown: Shown, *, ascii: bool = False) -> list[str]:
    """The picture as plain text, a row an item, as wide as the picture."""
    app = DiagramApp(picture, ascii=ascii)
    async with app.run_test(size=(picture.width, picture.height)):
        app.set_focus(None)
        app.diagram.show(picture, shown.nodes, shown.taken, shown.latest, shown.jump)
        return [app.diagram.render_line(y).text for y in range(picture.height)]
