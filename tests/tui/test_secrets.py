"""No way of logging in shows the password anywhere, though the server says it back in every form it can."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from textual.command import CommandPalette
from textual.widgets import OptionList

from servers.echoing import b64, echoing, forms, leaks
from servers.scripted import Peer, ScriptedServer
from smtpscope.profile import Profile
from smtpscope.secret import Secret
from smtpscope.session.log import Kind
from smtpscope.session.redact import HIDDEN
from smtpscope.session.transcript import transcript
from smtpscope.smtp.events import Received, Sent
from smtpscope.smtp.sasl import MECHANISMS
from smtpscope.tui.comparing import WORDS, Compared
from smtpscope.tui.history import History
from smtpscope.tui.inspector import TABS
from smtpscope.tui.line_bar import LineBar
from smtpscope.tui.screens import Help, Pasted
from smtpscope_widgets.hex_view import HexView
from smtpscope_widgets.page import Page
from smtpscope_widgets.wire_line import WireLine
from tui.driving import PROFILE, Driven, answering, driven, on_server
from tui.hostile_payloads import text_in

SIZES = ((80, 23), (120, 40))


# -- the ways to log in


async def as_filled(hands: Driven, password: str) -> None:
    """The password is known: the filled AUTH runs by itself."""
    await hands.press("a", "enter")


async def at_the_prompt(hands: Driven, password: str) -> None:
    """The app asks for it."""
    await hands.press("a", "enter")
    if hands.app.main.line.prompt == "password>":
        await hands.write(password)
        await hands.press("enter")


async def typed_whole(hands: Driven, password: str) -> None:
    """AUTH PLAIN with its initial response, typed."""
    await typed(hands, "AUTH PLAIN " + b64(b"\0alice\0" + password.encode()).decode())


async def typed_plain(hands: Driven, password: str) -> None:
    """AUTH PLAIN, and the response at the 334> prompt."""
    await typed(hands, "AUTH PLAIN")
    await response(hands, b"\0alice\0" + password.encode())


async def typed_login(hands: Driven, password: str) -> None:
    """AUTH LOGIN, and both responses at the 334> prompt."""
    await typed(hands, "auth LOGIN")
    await response(hands, b"alice")
    await response(hands, password.encode())


async def typed(hands: Driven, line: str) -> None:
    await hands.press("i")
    await hands.paste(line)
    await hands.press("enter")


async def response(hands: Driven, octets: bytes) -> None:
    assert hands.app.main.line.prompt == "334>"
    await hands.paste(b64(octets).decode())
    assert not leaks(hands.text, b64(octets).decode())
    await hands.press("enter")


WAYS = {
    "PLAIN": (as_filled, ("PLAIN",)),
    "LOGIN": (as_filled, ("LOGIN",)),
    "CRAM-MD5": (as_filled, ("CRAM-MD5",)),
    "prompt": (at_the_prompt, ("LOGIN",)),
    "prompt, CRAM-MD5": (at_the_prompt, ("CRAM-MD5",)),
    "typed AUTH": (typed_whole, ()),
    "typed PLAIN": (typed_plain, ()),
    "typed LOGIN": (typed_login, ()),
}
PASSWORD = "wonderland"
CASES = [*((way, PASSWORD) for way in WAYS), ("PLAIN", "Wö/n+d =länd?"), ("CRAM-MD5", "open sesame 7%")]


def given(way: str, password: str) -> Profile:
    knows = WAYS[way][0] is as_filled
    return replace(
        PROFILE,
        login_wanted=WAYS[way][0] in (as_filled, at_the_prompt),
        auth=WAYS[way][1],
        user="alice",
        password=Secret(password) if knows else None,
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("TMUX", raising=False)
    return tmp_path


@asynccontextmanager
async def logged_in(way: str, password: str, home: Path) -> AsyncIterator[Driven]:
    """A session with a refused login and a good one, and what comes after."""
    async with (
        ScriptedServer(echoing(password), timeout=300) as server,
        driven(replace(given(way, password), port=server.port), history=History(home / "history")) as hands,
    ):
        await hands.press("c", "e", "enter")
        await WAYS[way][0](hands, password)
        assert hands.app.view.machine.facts.auth_refused
        await hands.press("e", "enter", "v", "enter")
        await WAYS[way][0](hands, password)
        assert hands.app.view.machine.facts.auth
        await hands.press("m", "enter", "r", "enter", "d", "enter", "s", "enter", ".", "enter")
        assert hands.here == "SEND_MESSAGE"
        yield hands


# -- everything that can be looked at


async def looks(hands: Driven, password: str, size: tuple[int, int]) -> AsyncIterator[tuple[str, str]]:
    """Each pane of the main screen on each row that has the password in it."""
    app, log = hands.app, hands.app.view.log
    for row in log.groups:
        if row in log.shown and not log.groups[row].open and log.kind[row] == Kind.TEXT:
            log.toggle(log.shown.index(row), True)
    places = [
        place
        for place, row in enumerate(log.shown)
        if leaks(b"".join(log.octets(each) for each in log.reply_rows(row)).decode("latin-1"), password)
        or leaks(b"".join(log.octets(each) for each in log.reply_rows(row)).decode(), password)
        or HIDDEN in "".join(text for text, _ in log.spans(row))
    ]
    assert len(places) > 5
    await hands.resize(*size)
    for place in places:
        app.main.log_view.cursor = place
        app.do_pane_log()
        for tab in ("reply", "bytes"):
            app.main.inspector.choose(tab)
            app.do_pane_inspector()
            await hands.taken()
            yield f"{tab} of row {place}", text_in(app, app.main.inspector)
            for text in pages(hands, tab):
                yield f"{tab} of row {place}", text
        app.action_leave_pane()
        await hands.taken()
        for widget in (app.main.log_view, app.main.top, app.main.explanation, app.main.line, app.main.bottom):
            yield f"row {place}", text_in(app, widget)


def pages(hands: Driven, tab: str) -> Iterator[str]:
    """A tab of the inspector from its top to its end."""
    inspector = hands.app.main.inspector
    if tab == "reply":
        yield inspector.page.text
        return
    view = inspector.query_one(HexView)
    rows = [hex_row(view, y) for y in range(view.virtual_size.height)]
    yield "".join(octets for octets, _ in rows)
    yield "".join(text for _, text in rows)


def hex_row(view: HexView, y: int) -> tuple[str, str]:
    """The hexadecimal digits and the text of one row."""
    spans = view._line(y * view.bytes_per_line)
    octets = "".join(text for text, kind in spans[1:] if len(text) == 2 and kind in ("byte", "hidden"))
    text = "".join(text for text, kind in spans[1:] if len(text) == 1 and kind in ("text", "hidden", "control"))
    return octets, text


async def others(hands: Driven, home: Path) -> AsyncIterator[tuple[str, str]]:
    """All that is no pane: pictures, copies, files, screens over the main one, and what repr gives."""
    app = hands.app
    image = ElementTree.fromstring(app.export_screenshot())
    yield "screenshot", "".join(image.itertext())
    for place in range(len(app.view.log.shown)):
        app.main.log_view.cursor = place
        app.do_row()
        yield f"copied row {place}", app.clipboard
    app.do_transcript()
    yield "copied transcript", app.clipboard
    yield "printed transcript", transcript(app.recorder[:], redact=app.view.redactor)
    yield "news", app.news
    for file in sorted(home.rglob("*")):
        if file.is_file():
            yield f"file {file.name}", file.read_text(encoding="utf-8")
    yield "history", "\n".join(app.main.line.past.lines)
    for verb in ("AUTH", "NOOP", "VRFY", "EHLO", "MAIL"):
        app.fill_verb(verb)
        await hands.take()
        yield f"line filled with {verb}", hands.text
    app.main.line.clear()
    for begun in ("AUTH ", "AUTH W", "AUTH D", "MAIL FROM:<alice@example.org>", "MAIL FROM:<"):
        yield f"completion of {begun}", "\n".join(app.main.line._complete(begun))
    await hands.press("escape", "question_mark")
    assert isinstance(app.screen, Help)
    yield "help", app.screen.query_one(Page).text
    await hands.press("escape", "ctrl+p")
    await app.workers.wait_for_complete()
    await hands.take()
    assert isinstance(app.screen, CommandPalette)
    yield "palette", hands.text
    yield "palette's options", repr([option.prompt for option in app.screen.query_one(OptionList).options])
    await hands.press("escape")
    assert app.session is not None
    live = app.session.session
    for thing in (app, app.given, app.profile, live, app.main, app.main.line, app.view, app.view.redactor):
        yield f"repr of {type(thing).__name__}", repr(thing)


@pytest.mark.parametrize(("way", "password"), CASES)
async def test_no_password_is_seen(
    way: str, password: str, home: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    hidden = 0
    async with logged_in(way, password, home) as hands:
        raw = b"".join(event.data for event in hands.app.recorder if isinstance(event, Received | Sent))
        assert set(leaks(raw.decode(errors="backslashreplace"), password)) == set(
            forms(password)
        )  # so it would be seen
        for size in SIZES if way in ("PLAIN", "typed LOGIN") else SIZES[:1]:
            async for where, text in looks(hands, password, size):
                assert not leaks(text, password), f"{where}:\n{text}"
                hidden += HIDDEN in text
        async for where, text in others(hands, home):
            assert not leaks(text, password), f"{where}:\n{text}"
            hidden += HIDDEN in text
    assert hidden > 20
    assert not leaks(caplog.text, password)
    assert not leaks("".join(capsys.readouterr()), password)


# -- every mechanism

TALL = (160, 170)


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_no_mechanism_shows_its_password(mechanism: str, home: Path) -> None:
    """All rows at once, every tab, and what is said, copied, compared and listed."""
    tls = mechanism.endswith("-PLUS")
    profile = replace(given("PLAIN", PASSWORD), tls="implicit" if tls else "none", tls_insecure=tls)
    async with (
        ScriptedServer(echoing(PASSWORD, " ".join(MECHANISMS), tls=tls), timeout=300) as server,
        driven(replace(profile, port=server.port), size=TALL, history=History(home / "history")) as hands,
    ):
        app, seen = hands.app, 0
        app.keep(home / "kept.jsonl")
        await hands.press("c", "e", "enter")
        for _ in range(2):
            app.call("login", mechanism, "alice", Secret(PASSWORD))
            await hands.settle()
            await hands.press("v", "enter")
        assert app.view.machine.facts.auth
        async for where, text in at_a_glance(hands, home):
            assert not leaks(text, PASSWORD), f"{where}:\n{text}"
            seen += HIDDEN in text
        assert seen > 10
    for file in home.rglob("*"):
        assert not file.is_file() or not leaks(file.read_text(encoding="utf-8"), PASSWORD), file


async def at_a_glance(hands: Driven, home: Path) -> AsyncIterator[tuple[str, str]]:
    app, log = hands.app, hands.app.view.log
    for row in range(len(log)):
        if row in log.groups and row in log.shown:
            log.toggle(log.shown.index(row), True)
    refused = next(row for row in range(len(log)) if log.octets(row).startswith(b"535"))
    app.main.log_view.cursor = app.rows.place(refused)
    for tab in TABS:
        app.main.inspector.choose(tab)
        app.do_pane_inspector()
        await hands.take()
        yield f"tab {tab}", hands.text
    await hands.press("escape")
    for place in range(len(log.shown)):
        app.main.log_view.cursor = place
        for copy in (app.do_row, app.do_raw, app.do_hex, app.do_escapes):
            copy()
            yield f"{copy.__name__} of row {place}", app.clipboard
    app.main.log_view.cursor = app.rows.place(refused)
    await hands.press("exclamation_mark")
    yield "next tests", hands.text
    await hands.press("escape")
    for kind in WORDS:
        app.export_as(kind)
        await app.workers.wait_for_complete()
        await hands.take()
        yield f"export as {kind}", app.clipboard
        yield f"what is said of it as {kind}", hands.text
    app.compare_with(home / "kept.jsonl")
    await app.workers.wait_for_complete()
    await hands.take()
    assert hands.over is Compared
    yield "comparison", hands.text
    await hands.press("escape")


async def test_a_fault_of_ours_does_not_tell_the_password(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with driven(replace(given("PLAIN", PASSWORD)), history=History(home / "history")) as hands:
        try:
            raise KeyError(f"{PASSWORD} {b64(PASSWORD.encode()).decode()}")
        except KeyError:
            hands.app._fatal_error()
    told = "".join(capfd.readouterr())
    assert "fault of smtpscope" in told
    assert told.count(HIDDEN) == 2
    assert not leaks(told, PASSWORD)


# -- one thing at a time


async def test_the_header_hides_a_queue_id_that_is_the_password(home: Path) -> None:
    async with logged_in("PLAIN", PASSWORD, home) as hands:
        assert hands.app.view.now.queue_id == PASSWORD
        await hands.resize(200, 40)
        assert f"queue id {HIDDEN}" in hands.header


async def test_the_footer_and_the_news_hide_what_a_server_offers() -> None:
    encoded = b64(PASSWORD.encode()).decode()
    profile = replace(given("PLAIN", PASSWORD), auth=())
    reply = b"250-mail.test\r\n250 AUTH %b\r\n" % encoded.encode()
    async with on_server(answering({"EHLO": reply}), profile, size=(160, 40)) as (hands, _):
        await hands.press("e", "enter")
        assert f"only AUTH {HIDDEN}" in hands.footer
        await hands.press("space")
        assert f"only AUTH {HIDDEN}" in hands.said
        assert not leaks(hands.text, PASSWORD)


async def test_the_header_and_the_footer_hide_a_response_that_was_taken_for_a_command() -> None:
    """Typed ahead of its 334 it is what is waited for."""
    encoded = b64(b"\0alice\0" + PASSWORD.encode()).decode()
    async with on_server(answering({"AUTH": b"", encoded.upper(): b""}), size=(160, 40)) as (hands, _):
        await hands.press("i")
        await hands.write_on("AUTH PLAIN")
        await hands.begin("enter", "i")
        await hands.write_on(encoded)
        await hands.begin("enter")
        await hands.until_sent(encoded.encode())
        assert not leaks(hands.text, encoded.rstrip("="))
        assert not leaks(hands.text, PASSWORD)


async def test_a_row_is_drawn_anew_when_what_it_says_becomes_a_secret(home: Path) -> None:
    async with (
        ScriptedServer(echoing(PASSWORD)) as server,
        driven(replace(given("typed AUTH", PASSWORD), port=server.port), size=(120, 40)) as hands,
    ):
        await hands.press("c")
        assert PASSWORD in hands.of(hands.app.main.log_view)  # nobody has said that this is a secret
        await hands.press("e", "enter")
        await typed_whole(hands, PASSWORD)
        await hands.press("2", "g")
        assert not leaks(hands.text, PASSWORD)
        assert f"220 mail.test {HIDDEN}" in hands.of(hands.app.main.log_view)


async def test_a_response_that_comes_too_late_is_neither_shown_nor_kept_nor_sent(home: Path) -> None:
    """Enter, and in the same moment the server gives up: the text belongs to a prompt that is gone."""
    secret = b64(PASSWORD.encode()).decode()

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 mail.test\r\n")
        await peer.line()
        await peer.send(b"334 UGFzc3dvcmQ6\r\n")
        await peer.line()
        await peer.send(b"535 no\r\n")
        await peer.gone()

    history = History(home / "history")
    async with ScriptedServer(handler) as server, driven(replace(PROFILE, port=server.port), history=history) as hands:
        await hands.press("c")
        await typed(hands, "AUTH LOGIN")
        line = hands.app.main.line
        await response(hands, b"cancelled")
        assert line.prompt == ">"
        for masked in (LineBar.Send(secret, False, True), WireLine.Pasted(line, f"{secret}\nx", (secret, "x"))):
            if isinstance(masked, WireLine.Pasted):
                masked.masked = True
            before = server.received
            line.post_message(masked)
            await hands.settle()
            assert hands.over is None
            assert secret not in hands.text
            assert "is gone" in hands.said
            assert server.received == before
            assert all(secret not in each for each in history.lines)
        assert secret not in (home / "history" / "history").read_text()


@pytest.mark.parametrize("prompt", ["password>", "334>"])
async def test_what_is_pasted_under_a_mask_is_not_listed(prompt: str, home: Path) -> None:
    async with (
        ScriptedServer(echoing("another")) as server,
        driven(replace(given("prompt", PASSWORD), port=server.port)) as hands,
    ):
        await hands.press("c", "e", "enter")
        if prompt == "334>":
            await typed(hands, "AUTH PLAIN")
        else:
            await hands.press("a", "enter")
        assert hands.app.main.line.prompt == prompt
        await hands.paste(f"{PASSWORD}\n{PASSWORD}\n")
        assert hands.over is not Pasted
        assert not leaks(hands.text, PASSWORD)


async def test_a_response_ahead_of_its_334_is_not_remembered(home: Path) -> None:
    """AUTH was typed, and its response before the server has asked for it."""
    go = asyncio.Event()

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 mail.test\r\n")
        await peer.line()
        await go.wait()
        await peer.send(b"334 UGFzc3dvcmQ6\r\n235 ok\r\n")
        await peer.gone()

    secret, history = b64(PASSWORD.encode()).decode(), History(home / "history")
    async with ScriptedServer(handler) as server, driven(replace(PROFILE, port=server.port), history=history) as hands:
        await hands.press("c", "i")
        await hands.write_on("AUTH LOGIN")
        await hands.begin("enter", "i")
        await hands.write_on(secret)
        await hands.begin("enter")
        await hands.until_sent(secret.encode())
        assert not leaks(hands.text, PASSWORD)
        assert "waiting: AUTH" in hands.header
        go.set()
        await hands.until(lambda: hands.app.view.machine.facts.auth)
        assert not leaks(hands.text, PASSWORD)
        assert history.lines == ["AUTH LOGIN"]
        await hands.begin("i", "up")
        assert hands.app.main.line.value == "AUTH LOGIN"


async def test_a_group_of_lines_with_a_login_in_it_is_not_offered_again() -> None:
    async with ScriptedServer(echoing("another")) as server, driven(replace(PROFILE, port=server.port)) as hands:
        await hands.press("c")
        await typed(hands, f"NOOP\\r\\nAUTH PLAIN {b64(PASSWORD.encode()).decode()}")
        await hands.press("o")
        assert hands.app.main.line.ghost == "NOOP"


async def test_a_server_does_not_get_its_own_escapes_typed() -> None:
    """What it offers behind AUTH is completed as text, not as the escapes of the line."""

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 mail.test\r\n")
        await peer.line()
        await peer.send(b"250-mail.test\r\n250 AUTH X\\r\\nQUIT\r\n")
        await peer.line()
        await peer.send(b"504 what\r\n")
        await peer.gone()

    async with ScriptedServer(handler) as server, driven(replace(PROFILE, port=server.port)) as hands:
        await hands.press("c", "e", "enter", "i")
        await hands.paste("AUTH ")
        await hands.press("tab", "enter")
        assert server.received.endswith(b"\r\nAUTH X\\r\\nQUIT\r\n")


def test_messages_do_not_say_what_was_typed_under_a_mask() -> None:
    line = WireLine()
    line.masked = True
    messages = [
        LineBar.Send(PASSWORD, False, True),
        LineBar.Credentials("PLAIN", "alice", Secret(PASSWORD)),
        WireLine.Submitted(line, PASSWORD, False),
        WireLine.Changed(line, PASSWORD),
        WireLine.Pasted(line, PASSWORD, (PASSWORD,)),
    ]
    for message in messages:
        assert not leaks(repr(message), PASSWORD)
        with contextlib.suppress(TypeError):
            assert not leaks(repr(list(message.__rich_repr__())), PASSWORD)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("waits", [False, True])
async def test_a_file_knows_a_password_that_was_typed(waits: bool, late: bool, home: Path) -> None:
    """With CRAM-MD5 it never goes out; the file may be begun before or after, and a test may have asked for it."""
    async with (
        ScriptedServer(echoing(PASSWORD), timeout=300) as server,
        driven(replace(given("prompt, CRAM-MD5", PASSWORD), port=server.port)) as hands,
    ):
        app = hands.app
        await hands.press("c", "e", "enter")
        if not late:
            app.keep(home / "kept.jsonl")
        if waits:
            app.once_known("CRAM-MD5", lambda: app.call("login", "CRAM-MD5", None, None))
        else:
            await hands.press("a", "enter")
        assert app.main.line.prompt == "password>"
        before = len(app.recorder)
        await hands.write(PASSWORD)
        await hands.press("enter", "v", "enter")
        assert app.view.machine.facts.auth_refused
        if late:
            app.keep(home / "kept.jsonl")
        await asyncio.to_thread(app.stop_keeping)
        lines = (home / "kept.jsonl").read_text().split("\n")
        text = "\n".join(lines[0 if late else before + 1 :])  # what was written before it was typed stands there
        assert "AUTH" in text
        assert not leaks(text, PASSWORD)
