"""The app driven as a person drives it, on a clock of the test's own; nothing here sleeps."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

from textual import events
from textual.keys import _character_to_key, _get_unicode_name_from_key
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget

from servers.scripted import Handler, ScriptedServer
from session.serving import serving
from smtpscope.profile import Profile
from smtpscope.session.recorder import Recorder
from smtpscope.session.thread import SessionThread
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Event, Received, Sent
from smtpscope.tui.app import SmtpScope
from smtpscope.tui.history import History
from tui.showing import Unbegun

LIMIT = 20.0
"""Seconds after which a test that waits for something has failed."""
PROFILE = Profile(
    "127.0.0.1",
    25,
    helo="client.test",
    mail_from="alice@example.org",
    rcpt_to=("reject@example.org", "bob@example.org"),
    data=b"Subject: hi\r\n\r\nhi\r\n.dot\r\n",
    auto="none",
)

_CHARACTERS = {"enter": "\r", "tab": "\t", "escape": "\x1b"}

OFFER = b"250-mail.test\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n"


def answering(replies: Mapping[str, bytes | Sequence[bytes]] | None = None, **gates: asyncio.Event) -> Handler:
    """A mail server that says yes, but for ``replies``, and offers more than the plainest."""
    usual = {"EHLO": OFFER, "DOT": b"250 2.0.0 Ok: queued as 4F1E2D3C4B\r\n"}
    return serving(usual | dict(replies or {}), **gates)


@dataclass
class Clock:
    """Seconds as a test says."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Driven:
    """A running app and the hands on it."""

    app: SmtpScope
    pilot: Pilot[int]
    keys: Clock
    wall: Clock
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def press(self, *keys: str, gap: float = 1.0) -> None:
        """Press keys ``gap`` seconds apart and wait each time until what it asks for is done."""
        for key in keys:
            self.keys.now += gap
            self.key(key)
            await self.settle()

    async def command(self, text: str) -> None:
        """Type a line of the app's own, and run it."""
        await self.press("colon")
        await self.write(text)
        await self.press("enter")

    async def begin(self, *keys: str, gap: float = 1.0) -> None:
        """Press keys without waiting for the session: a reply may be owed for as long as the test wants."""
        for key in keys:
            self.keys.now += gap
            self.key(key)
            await self.take()

    async def burst(self, text: str) -> None:
        """Keys that come at once, as from a paste without brackets."""
        self.keys.now += 1.0
        for char in text:
            self.key({"\n": "enter", "\t": "tab"}.get(char, char))
            await self.taken()
            self.keys.now += 0.001
        await self.settle()

    async def write(self, text: str) -> None:
        """Text by hand, key by key."""
        await self.write_on(text)
        await self.settle()

    async def write_on(self, text: str) -> None:
        """The same without waiting for the session."""
        for char in text:
            self.keys.now += 1.0
            self.key(char)
            await self.taken()
            self.app.gate.let_go()
            await self.taken()

    async def paste(self, text: str) -> None:
        """A paste in brackets, as the terminal hands it over."""
        self.app.post_message(events.Paste(text))
        await self.settle()

    async def click(self, widget: Widget, at: str) -> None:
        """A click on the first place where ``widget`` shows ``at``."""
        for y, row in enumerate(self.of(widget).split("\n")):
            if at in row:
                await self.pilot.click(widget, offset=(row.index(at), y))
                return await self.settle()
        raise AssertionError(f"{at!r} is not in {self.of(widget)!r}")

    async def resize(self, columns: int, rows: int) -> None:
        """Another size of the terminal."""
        await self.pilot.resize_terminal(columns, rows)
        await self.settle()

    def key(self, key: str) -> None:
        """One key, as the terminal's driver hands it over."""
        character: str | None = key if len(key) == 1 else _CHARACTERS.get(key)
        key = _character_to_key(key) if len(key) == 1 else key
        if character is None:
            with suppress(KeyError):
                character = unicodedata.lookup(_get_unicode_name_from_key(key))
        self.app.post_message(events.Key(key, character))

    async def settle(self) -> None:
        """Until keys, messages and the session have done all they can do now."""
        await self.take()
        session = self.app.session
        if session is not None and self.app.is_running:
            async with asyncio.timeout(LIMIT):
                await session.settled()
            await self.take()

    async def take(self) -> None:
        """Until what has come so far, keys and events, is taken and shown."""
        for _ in range(2):  # a key that is let go asks for something, which is then looked at
            if self.app.is_running:
                self.app.catch_up()
                await self.taken()

    async def taken(self) -> None:
        """Until every widget has taken its messages, and the layout is done."""
        quiet = 0
        while quiet < 2 and self.app.is_running:
            await self.pilot._wait_for_screen()
            self.app.screen._on_timer_update()
            nodes = [node for screen in self.app.screen_stack for node in screen.walk_children(with_self=True)]
            held = self.app._batch_count  # Textual draws nothing for a moment after its palette has closed
            quiet = 0 if held or any(node.message_queue_size for node in (self.app, *nodes)) else quiet + 1

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until something is so; looks at each event that the session records."""
        async with asyncio.timeout(LIMIT):
            while True:
                self.woken.clear()
                await self.take()
                if condition():
                    return
                await self.woken.wait()

    async def until_sent(self, octets: bytes) -> None:
        """Until these have gone out."""
        await self.until(lambda: octets in self.sent)

    # -- what is seen

    @property
    def over(self) -> type[Screen[object]] | None:
        """What stands over the main screen."""
        return None if self.app.screen is self.app.main else type(self.app.screen)

    @property
    def rows(self) -> list[str]:
        """The whole screen, a row an item."""
        return [strip.text for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        return "\n".join(self.rows)

    def of(self, widget: Widget) -> str:
        """What a widget shows."""
        return "\n".join(widget.render_line(y).text.rstrip() for y in range(widget.size.height))

    @property
    def header(self) -> str:
        return self.of(self.app.main.top).strip()

    @property
    def footer(self) -> str:
        return self.of(self.app.main.bottom).strip()

    @property
    def line(self) -> str:
        return self.of(self.app.main.line).strip()

    @property
    def explanation(self) -> str:
        """The explanation rows, or what stands in their place beside the log."""
        return self.of(self.app.main.explanation) if not self.app.main.inspected else self.inspector

    @property
    def said(self) -> str:
        """The words of the explanation, however they are broken into rows."""
        return " ".join(self.explanation.replace("▏", " ").split())

    @property
    def inspector(self) -> str:
        region = self.app.main.inspector.region
        return "\n".join(row[region.x : region.right] for row in self.rows[region.y : region.bottom])

    @property
    def log(self) -> list[str]:
        """Every row of the log, also those out of view."""
        rows = self.app.rows
        each = [rows.row(place) for place in range(len(rows))]
        return [f"{row.marks} {''.join(text for text, _ in row.spans)}" for row in each]

    @property
    def here(self) -> str:
        return self.app.shown.moment.machine.here.name

    @property
    def focus(self) -> str:
        """The pane that has the focus."""
        return self.app.main.pane

    @property
    def sent(self) -> bytes:
        """What went out on the wire."""
        return b"".join(event.data for event in self.app.recorder if isinstance(event, Sent))

    @property
    def received(self) -> bytes:
        return b"".join(event.data for event in self.app.recorder if isinstance(event, Received))

    def node(self, name: str | SMTPCommand) -> str:
        """A node's mark and report in the picture."""
        state = self.app.main.diagram._states[SMTPCommand[name].name if isinstance(name, str) else name.name]
        return f"{state.mark} {state.text}".strip()


@asynccontextmanager
async def driven(
    profile: Profile = PROFILE,
    events: Iterable[Event] | None = None,
    *,
    size: tuple[int, int] = (120, 40),
    history: History | None = None,
    recording: bool = False,
) -> AsyncIterator[Driven]:
    """The app on a live session, or where one has come to by ``events``, or on a ``recording`` of them; with nothing
    left to do."""
    recorder, keys, wall, woken = Recorder(), Clock(), Clock(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def wake() -> None:
        app.wake()
        loop.call_soon_threadsafe(woken.set)

    session = None if recording else (Unbegun if events is not None else SessionThread)(profile, recorder, wake)
    for event in events or ():
        recorder.append(event)
    app = SmtpScope(profile, recorder, session, history=history, clock=keys, wall_clock=wall)
    try:
        async with app.run_test(size=size) as pilot:
            hands = Driven(app, pilot, keys, wall, woken)
            await hands.settle()
            yield hands
    finally:
        if session is not None:
            await asyncio.to_thread(session.stop)
        recorder.close()


@asynccontextmanager
async def on_server(
    handler: Handler | None = None,
    profile: Profile = PROFILE,
    *,
    size: tuple[int, int] = (120, 40),
    connect: bool = True,
) -> AsyncIterator[tuple[Driven, ScriptedServer]]:
    """The app on a scripted server, connected and greeted if ``connect``."""
    async with (
        ScriptedServer(handler or answering()) as server,
        driven(replace(profile, port=server.port), size=size) as hands,
    ):
        if connect:
            await hands.press("c")
        yield hands, server
