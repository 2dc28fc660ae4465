"""Both walls against hostile text: every kind of it through every widget that can show what others wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.command import CommandInput, CommandPalette
from textual.filter import LineFilter
from textual.pilot import Pilot
from textual.selection import SELECT_ALL
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static

from smtpscope.cli import BAD_OPTIONS, NO_TERMINAL, main
from smtpscope.profile import Profile
from smtpscope.session.recorder import Recorder
from smtpscope.session.waterfall import Bar
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import (
    Asked,
    Closed,
    Event,
    Failed,
    Issued,
    Link,
    LinkStatus,
    Opened,
    Progress,
    Received,
    Secured,
    Sent,
)
from smtpscope.tui.app import SmtpScope
from smtpscope.tui.history import History
from smtpscope.tui.last_wall import LastWall
from smtpscope.tui.screens import Help, Pasted
from smtpscope_widgets.choices import Choice, Choices
from smtpscope_widgets.hex_view import HexView
from smtpscope_widgets.page import Page, Paragraph
from smtpscope_widgets.rows import Row
from smtpscope_widgets.seek_bar import SeekBar, Tick
from smtpscope_widgets.spans import Spans
from smtpscope_widgets.state_diagram import NodeState, StateDiagram
from smtpscope_widgets.text_rows import TextRows
from smtpscope_widgets.waterfall import Waterfall
from smtpscope_widgets.wire_line import WireLine
from smtpscope_widgets.wire_log import WireLog
from tui.hostile_payloads import BEGIN, END, PAYLOADS, faults_of, strips_of, text_in, wrapped, wrapped_text
from tui.recordings import STATES
from tui.showing import Unbegun

C = SMTPCommand
WIDE, NARROW = (150, 30), (100, 30)
PROFILE = Profile("mail.test", 25, mail_from="a@me.test", rcpt_to=("b@mail.test",), helo="me.test", auto="none")
EHLO = b"250-mail.test\r\n250-SIZE 10485760\r\n250 AUTH PLAIN\r\n"


class FirstWallAlone(SmtpScope):
    """The app without its last wall: what gets past the first one is seen."""

    def get_line_filters(self) -> list[LineFilter]:
        return [each for each in super().get_line_filters() if not isinstance(each, LastWall)]


class Stage:
    """The app on a recording that a test writes as it goes."""

    def __init__(self, app: SmtpScope, pilot: Pilot[int]) -> None:
        self.app = app
        self.pilot = pilot
        self.main = app.main
        self.time = 0.0

    def take(self, *events: Event) -> None:
        """These events happen."""
        for event in events:
            self.time += 0.5
            self.app.recorder.append(event._replace(time=self.time))
        self.app.catch_up()

    def connected(self, server: str = "mail.test", ehlo: bytes = EHLO, *, want_login: bool = False) -> None:
        """A new connection, greeted and at EHLO."""
        self.time = 0.0
        self.take(
            Opened(0, server, 25, want_login=want_login),
            Link(0, LinkStatus.CONNECTED, "connected", "192.0.2.7", "198.51.100.4"),
            Received(0, b"220 mail.test\r\n"),
            *exchange(b"EHLO me.test", ehlo),
        )

    def profile(self, **given: Any) -> None:
        """Another profile."""
        self.app.given = self.main.line.profile = replace(PROFILE, **given)
        self.app.catch_up()


def exchange(line: bytes, answer: bytes) -> list[Event]:
    return [Sent(0, line + b"\r\n"), Received(0, answer)]


def reply(payload: bytes, code: bytes = b"250") -> bytes:
    return code + b" " + wrapped(payload) + b"\r\n"


@asynccontextmanager
async def staged(size: tuple[int, int] = WIDE, kind: type[SmtpScope] = FirstWallAlone) -> AsyncIterator[Stage]:
    recorder = Recorder()
    session = Unbegun(PROFILE, recorder, lambda: None)
    app = kind(PROFILE, recorder, session, history=History(None), clock=lambda: 0.0, wall_clock=lambda: 5.0)
    async with app.run_test(size=size) as pilot:
        yield Stage(app, pilot)
        app.recorder.close()


NOTES: dict[str, Callable[[str], Event]] = {
    "host": lambda text: Link(0, LinkStatus.FINDINGHOST, text),
    "address": lambda text: Link(0, LinkStatus.CONNECTING, text),
    "server": lambda text: Opened(0, text, 25),
    "cipher": lambda text: Secured(0, "TLSv1.3", text, 256, "mail.test"),
    "certificate": lambda text: Secured(0, "TLSv1.3", "AES", 256, "mail.test", (f"it is for {text}", "expired")),
    "question": lambda text: Asked(0, "certificate", f"mail.test: {text}", ("close", "go on, once")),
    "failure": lambda text: Failed(0, None, f"{text}: no such file"),
    "end": lambda text: Closed(0, text),
}


# Each place brings a payload in and gives the widgets that show it.

Place = Callable[[Stage, bytes], list[Widget]]


def refusal(stage: Stage, payload: bytes) -> list[Widget]:
    stage.connected()
    stage.take(*exchange(b"NOOP", reply(payload, b"550 5.1.1")))
    return [stage.main.log_view, stage.main.inspector.page]


def long_reply(stage: Stage, payload: bytes) -> list[Widget]:
    stage.connected()
    line = wrapped(payload)
    stage.take(*exchange(b"HELP", b"214-%b\r\n214-%b\r\n214-%b\r\n214-%b\r\n214 %b\r\n" % ((line,) * 5)))
    log = stage.app.view.log
    log.toggle(len(log.shown) - 1, True)
    return [stage.main.log_view, stage.main.inspector.page]


def everything(stage: Stage, payload: bytes) -> list[Widget]:
    """Every kind of row that can hold words of others, but for message text."""
    stage.time, text = 0.0, wrapped_text(payload)
    stage.take(
        *(event(text) for name, event in NOTES.items() if name != "end"),
        Received(0, reply(payload, b"220")),
        *exchange(b"NOOP", reply(payload, b"550 5.1.1")),
        *exchange(wrapped(payload), b"123 what\r\n"),
        Received(0, wrapped(payload) + b"\r\n"),
        Received(0, b"250-" + wrapped(payload)),
        Closed(0, text),
    )
    return [stage.main.log_view, stage.main.inspector.page]


def sent(stage: Stage, payload: bytes) -> list[Widget]:
    stage.connected()
    stage.take(Sent(0, wrapped(payload) + b"\r\n"))
    return [stage.main.log_view, stage.main.inspector.page]


def message_text(stage: Stage, payload: bytes) -> list[Widget]:
    stage.connected()
    stage.take(
        *exchange(b"MAIL FROM:<a@me.test>", b"250 ok\r\n"),
        *exchange(b"RCPT TO:<b@mail.test>", b"250 ok\r\n"),
        *exchange(b"DATA", b"354 go on\r\n"),
        Issued(0, C.SEND_STREAM, "message text"),
        Sent(0, b"Subject: %b\r\n\r\n" % wrapped(payload)),
        Progress(0, 30, 30, done=True),
    )
    log = stage.app.view.log
    log.toggle(len(log.shown) - 1, True)
    return [stage.main.log_view]


def note(event: Callable[[str], Event]) -> Place:
    def place(stage: Stage, payload: bytes) -> list[Widget]:
        stage.connected()
        stage.take(event(wrapped_text(payload)))
        return [stage.main.log_view, *([stage.main.inspector.page] if stage.main.beside else [])]

    return place


def explained(event: Callable[[str], Event]) -> Place:
    def place(stage: Stage, payload: bytes) -> list[Widget]:
        note(event)(stage, payload)
        return [stage.main.explanation]

    return place


def inspector_bytes(stage: Stage, payload: bytes) -> list[Widget]:
    stage.main.inspector.choose("bytes")
    refusal(stage, payload)
    return [stage.main.inspector.query_one(HexView)]


def news(stage: Stage, payload: bytes) -> list[Widget]:
    refusal(stage, b"")
    stage.app.say(wrapped_text(payload))
    return [stage.main.inspector.query_one("#above") if stage.main.beside else stage.main.explanation]


def header_server(stage: Stage, payload: bytes) -> list[Widget]:
    stage.time, text = 0.0, wrapped_text(payload)
    stage.take(Opened(0, text, 25), Link(0, LinkStatus.CONNECTED, "connected", text[::-1], text[::-1]))
    return [stage.main.top]


def header_user(stage: Stage, payload: bytes) -> list[Widget]:
    stage.connected()
    stage.take(Issued(0, C.AUTH, "AUTH PLAIN", wrapped_text(payload)))
    stage.take(Sent(0, b"AUTH PLAIN AGEAYg==\r\n", secrets=((11, 19),)), Received(0, b"235 ok\r\n"))
    return [stage.main.top]


def header_cause(stage: Stage, payload: bytes) -> list[Widget]:
    note(NOTES["end"])(stage, payload)
    return [stage.main.top]


def header_verb(stage: Stage, payload: bytes) -> list[Widget]:
    sent(stage, payload)
    return [stage.main.top]


def header_queue_id(stage: Stage, payload: bytes) -> list[Widget]:
    message_text(stage, b"")
    stage.take(Sent(0, b".\r\n"), Received(0, b"250 2.0.0 queued as <Qz%b-0123456789zQ\r\n" % payload))
    return [stage.main.top]


def unknown_command(stage: Stage, payload: bytes) -> list[Widget]:
    stage.app.execute(wrapped_text(payload))
    return [stage.main.explanation]


def wrong_time(stage: Stage, payload: bytes) -> list[Widget]:
    stage.app.execute("set timeout " + "".join(wrapped_text(payload).split()))
    return [stage.main.explanation]


def not_connected(stage: Stage, payload: bytes) -> list[Widget]:
    stage.profile(server=wrapped_text(payload))
    return [stage.main.top, stage.main.bottom]


def footer_address(stage: Stage, payload: bytes) -> list[Widget]:
    stage.profile(mail_from=wrapped_text(payload))
    stage.connected()
    return [stage.main.bottom]


def footer_mechanisms(stage: Stage, payload: bytes) -> list[Widget]:
    """The mechanisms after AUTH are the server's words."""
    stage.profile(login_wanted=True, user="alice")
    stage.connected(ehlo=b"250-mail.test\r\n250 AUTH %b\r\n" % wrapped(payload), want_login=True)
    return [stage.main.bottom]


def line_ghost(stage: Stage, payload: bytes) -> list[Widget]:
    stage.profile(mail_from=wrapped_text(payload))
    stage.connected()
    stage.app.fill_verb("MAIL")
    return [stage.main.line]


def line_pasted(stage: Stage, payload: bytes) -> list[Widget]:
    stage.connected()
    stage.main.line.clear()
    stage.main.line.insert(wrapped_text(payload).replace("\r", ""))
    return [stage.main.line]


def line_recalled(stage: Stage, payload: bytes) -> list[Widget]:
    stage.connected()
    line = stage.main.line
    line.past.lines[:] = [wrapped_text(payload)]
    line.clear()
    return press(line, "up")


def line_completed(stage: Stage, payload: bytes) -> list[Widget]:
    footer_mechanisms(stage, payload)
    stage.main.line.set("AUTH ")
    return press(stage.main.line, "tab")


def line_completed_address(stage: Stage, payload: bytes) -> list[Widget]:
    stage.connected()
    stage.profile(rcpt_to=(wrapped_text(payload),), mail_from=None)
    stage.main.line.past.lines.clear()
    stage.main.line.set("RCPT TO:<")
    return press(stage.main.line, "tab")


def press(line: WireLine, key: str) -> list[Widget]:
    """A key in the line, at once."""
    line._press(key, "")
    line._update()
    return [line]


def line_hint(stage: Stage, payload: bytes) -> list[Widget]:
    stage.connected()
    stage.main.line.to_wire()
    stage.main.line.ask_credentials("PLAIN", wrapped_text(payload))
    return [stage.main.line]


def help_note(stage: Stage, payload: bytes) -> list[Widget]:
    note(NOTES["failure"])(stage, payload)
    return over(stage, Help([stage.app.view.log.spans(stage.main.cursor_row)], "log"))


def pasted(stage: Stage, payload: bytes) -> list[Widget]:
    text = wrapped_text(payload)
    return over(stage, Pasted((text, f"NOOP {text}")))


def over(stage: Stage, screen: Help | Pasted) -> list[Widget]:
    """A screen over the main one, instead of another of its kind."""
    if stage.app.screen is not stage.main:
        stage.app.pop_screen()
    stage.app.push_screen(screen)
    return []  # what it is made of is there after the next frame


class Where(NamedTuple):
    place: Place
    size: tuple[int, int] = WIDE
    only: tuple[str, ...] = tuple(PAYLOADS)


FEW = ("window title", "no UTF-8", "closing tag", "action tag", "marks", "joined")
"""What a place takes that costs a screen each time, of a widget that has another place."""


PLACES: dict[str, Where] = {
    "log, inspector: everything": Where(everything),
    "log, inspector: refusal": Where(refusal),
    "log, inspector: long reply": Where(long_reply),
    "log, inspector: sent": Where(sent),
    "log: message text": Where(message_text),
    "inspector: bytes": Where(inspector_bytes),
    "inspector: news": Where(news),
    "header: server": Where(header_server),
    "header: user": Where(header_user),
    "header: cause": Where(header_cause),
    "header: verb": Where(header_verb),
    "header: queue id": Where(header_queue_id),
    "explanation: news": Where(news, NARROW),
    "explanation: unknown command": Where(unknown_command, NARROW),
    "explanation: wrong time": Where(wrong_time, NARROW),
    **{f"explanation: {name}": Where(explained(NOTES[name]), NARROW) for name in ("question", "failure")},
    "header, footer: server": Where(not_connected),
    "footer: address": Where(footer_address),
    "footer: mechanisms": Where(footer_mechanisms),
    "line: ghost": Where(line_ghost),
    "line: pasted": Where(line_pasted),
    "line: recalled": Where(line_recalled),
    "line: completed": Where(line_completed),
    "line: completed address": Where(line_completed_address),
    "line: hint": Where(line_hint),
    "help: note": Where(help_note, only=FEW),
    "pasted lines": Where(pasted, only=FEW),
}

DROPS = {"header: queue id", "header: cause"}
"""Places that take out of a text only what looks like the thing itself, or say less where it is long."""


@pytest.mark.parametrize("name", PLACES)
async def test_the_first_wall_stands_alone(name: str) -> None:
    place, size, kinds = PLACES[name]
    async with staged(size) as stage:
        for kind in kinds:
            widgets = place(stage, PAYLOADS[kind])
            await stage.pilot.pause()
            assert faults_of(strips_of(stage.app), size[0]) == [], kind
            for widget in widgets or [stage.app.screen.query_one(Page)]:
                shown = text_in(stage.app, widget)
                came = any(each in shown for each in (BEGIN, END, BEGIN.upper(), "51 7a"))
                assert came or name in DROPS, f"{kind}: nothing of it is shown:\n{shown}"


# -- the widgets by themselves, given what no wall has seen


class Alone(App[None]):
    """One widget, without a last wall."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget

    def compose(self) -> ComposeResult:
        yield self.widget


class OneRow:
    """A row provider."""

    def __init__(self, spans: Spans) -> None:
        self.spans = spans

    def __len__(self) -> int:
        return 2

    def row(self, index: int, /) -> Row:
        text = self.spans[0][0]
        return Row(text if index else "0.000", text if index else "->", self.spans, "sent", "closed")


def give_log(widget: Widget, text: str) -> None:
    assert isinstance(widget, WireLog)
    widget.provider = OneRow([(text, "text"), (text, "control")])


def give_rows(widget: Widget, text: str) -> None:
    assert isinstance(widget, TextRows)
    widget.show([[(text, "text"), (text, "strong")]])


def give_choices(widget: Widget, text: str) -> None:
    assert isinstance(widget, Choices)
    widget.show([Choice([(text, "dim")], heading=True), Choice([(text, "strong"), (text, "dim")])], 1)


def give_words(widget: Widget, text: str) -> None:
    assert isinstance(widget, Page)
    widget.show([Paragraph([(text, "text")], 1), Paragraph([(text, "control")])])


def give_bars(widget: Widget, text: str) -> None:
    assert isinstance(widget, Waterfall)
    widget.show([[(text, "text")]], [Bar(text, 0.0, 1.0, 0.5, "good", text, text)])


def give_times(widget: Widget, text: str) -> None:
    assert isinstance(widget, SeekBar)
    widget.show(0.5, [Tick(0.2)], text, text)


def give_bytes(widget: Widget, text: str) -> None:
    assert isinstance(widget, HexView)
    widget.show(text.encode("utf-8", "surrogateescape"), [1, 3], [(2, 4)])


def give_line(widget: Widget, text: str) -> None:
    assert isinstance(widget, WireLine)
    widget.prompt = widget.hint = text
    widget.set(text)
    widget.fill(text)


def give_picture(widget: Widget, text: str) -> None:
    assert isinstance(widget, StateDiagram)
    states = {box.id: NodeState("passed", text=text, short=text) for box in widget.picture.boxes}
    widget.show(widget.picture, states, jump=text)


def a_picture() -> StateDiagram:
    from smtpscope.tui.pictures import picture_for

    return StateDiagram(picture_for("wide", WIDE[0]))


ALONE: dict[str, tuple[Callable[[], Widget], Callable[[Widget, str], None]]] = {
    "WireLog": (WireLog, give_log),
    "TextRows": (TextRows, give_rows),
    "Choices": (Choices, give_choices),
    "SeekBar": (SeekBar, give_times),
    "Page": (Page, give_words),
    "Waterfall": (Waterfall, give_bars),
    "HexView": (HexView, give_bytes),
    "WireLine": (WireLine, give_line),
    "StateDiagram": (a_picture, give_picture),
}


@pytest.mark.parametrize("name", ALONE)
async def test_a_widget_draws_nothing_unprintable_whatever_it_is_given(name: str) -> None:
    make, give = ALONE[name]
    app = Alone(make())
    async with app.run_test(size=WIDE) as pilot:
        for kind, payload in PAYLOADS.items():
            give(app.widget, wrapped_text(payload))
            await pilot.pause()
            faults = [fault for fault in faults_of(strips_of(app), WIDE[0]) if "stack of marks" not in fault]
            assert faults == [], kind


# -- the last wall, behind widgets of Textual's own


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_the_last_wall_stands_alone(ascii_only: bool) -> None:
    app = SmtpScope(replace(PROFILE, ascii=ascii_only), Recorder())
    async with app.run_test(size=WIDE) as pilot:
        static, box = Static(markup=False), Input()
        await app.mount(static, box)
        for kind, payload in PAYLOADS.items():
            text = wrapped_text(payload)
            static.update(text)
            box.value = text
            await pilot.pause()
            faults = [fault for fault in faults_of(strips_of(app), WIDE[0]) if "stack of marks" not in fault]
            assert faults == [], kind
    app.recorder.close()


# -- the palette is Textual's: what is typed there comes from a paste or a colleague's mail


async def test_the_palette_shows_a_pasted_line_and_runs_nothing_of_it() -> None:
    async with staged(kind=SmtpScope) as stage:
        stage.connected()
        for kind in FEW:
            text = wrapped_text(PAYLOADS[kind])
            stage.app.action_command_palette()
            await stage.pilot.pause()
            stage.app.screen.query_one(CommandInput).value = f"vrfy {text}"
            await stage.app.workers.wait_for_complete()
            await stage.pilot.pause()
            palette = stage.app.screen
            assert isinstance(palette, CommandPalette), kind
            offered = palette.query_one(OptionList)
            assert offered.option_count, kind
            assert "fill the line" in text_in(stage.app, offered), kind
            faults = [fault for fault in faults_of(strips_of(stage.app), WIDE[0]) if "stack of marks" not in fault]
            assert faults == [], kind
            await stage.pilot.press("enter")
            stage.app.catch_up()
            await stage.pilot.pause()
            assert stage.app.screen is stage.main, kind
            assert stage.main.line.ghost == f"VRFY {text}".strip(), kind
            stage.main.line.clear()
            assert stage.app.is_running


async def test_the_palette_lists_everything_without_markup() -> None:
    async with staged(kind=FirstWallAlone) as stage:
        stage.connected()
        stage.app.action_command_palette()
        await stage.pilot.pause()
        await stage.app.workers.wait_for_complete()
        await stage.pilot.pause()
        assert "^]" in text_in(stage.app, stage.app.screen.query_one(OptionList))
        assert faults_of(strips_of(stage.app), WIDE[0]) == []


# -- clicks


async def test_a_click_on_a_server_s_action_does_nothing() -> None:
    async with staged() as stage:
        refusal(stage, b"[@click=app.quit]" + b"x" * 40 + b"[/] [@click=app.do('quit')]yyy[/]")
        await stage.pilot.pause()
        for widget in (stage.main.log_view, stage.main.inspector.page):
            rows = text_in(stage.app, widget).splitlines()
            for y, row in enumerate(rows):
                for x in (x for x, char in enumerate(row) if char == "x" and x % 9 == 0):
                    await stage.pilot.click(widget, offset=(x, y))
        stage.app.catch_up()
        assert stage.app.is_running
        assert stage.app.return_value is None


# -- what leaves the screen: the clipboard, files, pictures


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("TMUX", raising=False)
    return tmp_path


@pytest.mark.parametrize("place", [sent, everything])
async def test_what_is_copied_is_clean(place: Place, home: Path) -> None:
    async with staged() as stage:
        for kind, payload in PAYLOADS.items():
            place(stage, payload)
            for copy in (stage.app.do_row, stage.app.do_transcript):
                copy()
                copied = stage.app.clipboard
                assert BEGIN in copied or copy == stage.app.do_row, kind
                assert copied.replace("\n", "").isprintable(), kind
                (file,) = home.rglob("last-copy.txt")
                assert file.read_text(encoding="utf-8") == copied, kind
            for widget in (stage.main.log_view, stage.main.inspector.page):
                selected = widget.get_selection(SELECT_ALL)
                assert selected is not None
                assert selected[0].replace("\n", "").isprintable(), kind
                selected[0].encode()


async def test_a_picture_of_the_screen_is_well_formed() -> None:
    async with staged(kind=SmtpScope) as stage:
        for kind in (*FEW, "NUL", "direction"):
            refusal(stage, PAYLOADS[kind])
            await stage.pilot.pause()
            text = "".join(ElementTree.fromstring(stage.app.export_screenshot()).itertext())
            assert BEGIN in text, kind
            assert all(char.isprintable() or char in "\n\xa0" for char in text), kind


# -- nothing new without a place above


COVERED = {
    # ours, each with places above
    *("WireLog", "TextRows", "Page", "SeekBar", "Choices", "Waterfall", "HexView", "LineBar", "StateDiagram"),
    # Textual's palette, with tests of its own above
    *("CommandInput", "CommandList", "CommandPalette", "SearchIcon", "LoadingIndicator"),
}
SILENT = {
    *("MainScreen", "Help", "Pasted", "Inspector", "Horizontal", "Vertical"),
    *("ScrollBar", "ScrollBarCorner", "ToastRack", "Tooltip"),
}
"""Widgets that draw no text of others: containers, and what stays empty because nothing of ours uses it."""


def widgets_on(app: App[Any]) -> set[str]:
    return {type(widget).__name__ for widget in app.screen.walk_children(with_self=True)}


@pytest.mark.parametrize("size", [WIDE, NARROW, (40, 12)])
async def test_every_widget_has_its_place_among_these_tests(size: tuple[int, int]) -> None:
    app = SmtpScope(PROFILE, STATES["questioned"]())
    async with app.run_test(size=size, tooltips=True, notifications=True) as pilot:
        app.catch_up()
        app.do_pane_inspector()
        await pilot.pause()
        found = widgets_on(app)
        app.do_explain()
        await pilot.pause()
        found |= widgets_on(app)
        app.pop_screen()
        app.push_screen(Pasted(("NOOP", "NOOP")))
        await pilot.pause()
        found |= widgets_on(app)
        app.pop_screen()
        for open_palette in (app.do_palette, app.do_theme):
            open_palette()
            await pilot.pause()
            await app.workers.wait_for_complete()
            found |= widgets_on(app)
            app.pop_screen()
        await pilot.pause()
        rack = app.main.query("ToastRack").first()
        assert not list(rack.children), "notifications show text: give them a place above"
    assert found - COVERED - SILENT == set()
    assert set(ALONE) - {"WireLine"} | {"LineBar"} == COVERED & {*ALONE, "LineBar"}
    assert all(cell_len(name) for name in found)


# -- before there is a screen: what the command line says of words it cannot use

WORDS: dict[str, Callable[[str], list[str]]] = {
    "host": lambda text: [text],
    "host and port": lambda text: [f"mail.test:{text}"],
    "two hosts": lambda text: ["mail.test", text],
    "option": lambda text: [f"-{text}"],
    "port": lambda text: ["mail.test", "-p", text],
    "address": lambda text: ["mail.test", "-f", f"a>{text}"],
    "time": lambda text: ["mail.test", "--timeout", text],
    "step": lambda text: ["mail.test", "--auto", text],
    "file": lambda text: ["mail.test", "-d", f"@{text}"],
    "trust anchors": lambda text: ["mail.test", "--tls-ca-path", text],
    "own address": lambda text: ["mail.test", "-li", text],
    "demo's port": lambda text: ["demo", "--serve-only", "-p", text],
}


@pytest.mark.parametrize("name", WORDS)
def test_the_command_line_repeats_hostile_words_safely(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for kind, payload in PAYLOADS.items():
        code = main(WORDS[name](wrapped_text(payload)))
        out, error = capsys.readouterr()
        assert code in (BAD_OPTIONS, NO_TERMINAL), kind
        assert out == "", kind
        assert error.endswith("\n"), kind
        assert error[:-1].isprintable(), f"{kind}: {error!r}"
        error.encode()
