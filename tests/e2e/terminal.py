"""A program in a real terminal: tmux is the terminal, on a server of its own that ends with the test."""

import asyncio
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

PROGRAM = (sys.executable, "-m", "smtpscope")
NEEDED = "These tests need tmux, which is the real terminal they run in: apt-get install tmux."

PATIENCE = 20.0
"""Seconds after which something that was to be seen has not come; far more than a slow machine needs."""
POLL = 0.02
"""Seconds between two looks at the screen."""
LABEL_AGE = 0.32
"""Seconds for which what space does must have been in sight before space counts, and a little more."""
ESCAPE_GAP = 0.15
"""Seconds after Escape; a key that comes within 0.1 s of it is another one with Alt."""
KEY_GAP = 0.03
"""Seconds between two keys of one hand; faster ones are taken for a paste."""

HINTS = re.compile(r" {3,}\S.*$")
ENDED = "[the program ended with "


class Terminal:
    """One window of ``size`` columns and rows with ``words`` running in it, as an async context manager.

    The program finds ``home`` for its files and nothing else of the user's; ``env`` is added, None takes away.
    """

    def __init__(
        self,
        *words: str,
        home: Path,
        size: tuple[int, int] = (80, 23),
        env: Mapping[str, str | None] | None = None,
        program: tuple[str, ...] = PROGRAM,
    ) -> None:
        self._socket = f"smtpscope-test-{uuid.uuid4().hex[:12]}"
        self._size = size
        self._home = home
        self._words = [*program, *words]
        self._env = dict(env or {})

    async def __aenter__(self) -> Self:
        if shutil.which("tmux") is None:
            raise AssertionError(NEEDED)
        width, height = self._size
        options = ["-x", str(width), "-y", str(height), "-c", str(self._home)]
        try:
            # Options of a server can be set before its first window opens only by the client that starts it.
            await self._tmux(
                *("start-server", ";", "set", "-g", "status", "off", ";", "set", "-g", "history-limit", "50000"),
                *(";", "set", "-g", "default-terminal", self._env.get("TERM") or "tmux-256color"),
                *(";", "set", "-g", "remain-on-exit", "on", ";", "new-session", "-d", *options, self._command()),
            )
        except BaseException:
            await self._kill()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._kill()

    def _command(self) -> str:
        """The program in a shell that stays, so that the normal screen is seen after it."""
        home = str(self._home)
        environment = {
            **dict.fromkeys(("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"), home),
            **{name: os.environ[name] for name in ("PATH",) if name in os.environ},
            "LC_ALL": "C.UTF-8",
            "SHELL": "/bin/sh",
            **self._env,
        }
        given = [f"{name}={value}" for name, value in environment.items() if value is not None and name != "TERM"]
        # TERM is tmux's own, by its option.
        words = shlex.join(["env", "-i", *given])
        return f'{words} TERM="$TERM" {shlex.join(self._words)}; printf "\\n{ENDED}%s]" $?; exec sleep 600'

    async def _kill(self) -> None:
        await self._tmux("kill-server", check=False)

    async def _tmux(self, *words: str, check: bool = True) -> str:
        def run() -> str:
            environment = {name: value for name, value in os.environ.items() if name not in ("TMUX", "TMUX_PANE")}
            environment["LC_ALL"] = "C.UTF-8"
            done = subprocess.run(
                ["tmux", "-L", self._socket, "-f", os.devnull, "-u", *words],
                capture_output=True,
                env=environment,
                timeout=PATIENCE,
            )
            if check and done.returncode:
                raise AssertionError(f"tmux {words[0]}: {done.stderr.decode()}")
            return done.stdout.decode()

        return await asyncio.to_thread(run)

    # -- what is seen

    async def screen(self) -> str:
        """What is on the screen now, a line a row, without blanks at the ends."""
        return await self._tmux("capture-pane", "-p")

    async def colours(self) -> str:
        """The screen with the escape sequences of its colours."""
        return await self._tmux("capture-pane", "-p", "-e", "-N")

    async def everything(self) -> str:
        """The screen and what has scrolled off it, with wrapped lines joined."""
        return await self._tmux("capture-pane", "-p", "-J", "-S", "-")

    async def sees(self, *texts: str, seconds: float = PATIENCE) -> str:
        """Wait until all of ``texts`` are on the screen at once, wrapped or not; gives that screen."""
        return await self.until(lambda screen: all(shows(screen, text) for text in texts), repr(texts), seconds)

    async def until(self, wanted: Callable[[str], bool], name: str, seconds: float = PATIENCE) -> str:
        """Wait until ``wanted`` is true of the screen, and give that; AssertionError with the screen if it never is."""
        deadline = time.monotonic() + seconds
        while not wanted(screen := await self.screen()):
            if time.monotonic() > deadline:
                raise AssertionError(f"within {seconds:g} s the screen did not show {name}:\n{screen}")
            await asyncio.sleep(POLL)
        return screen

    # -- what a person does

    async def press(self, *keys: str) -> None:
        """Press keys by tmux's names (Space, Enter, C-q ...), no faster than a hand does."""
        for key in keys:
            await self._tmux("send-keys", key)
            await asyncio.sleep(ESCAPE_GAP if key == "Escape" else KEY_GAP)

    async def type(self, text: str) -> None:
        """Type or paste characters into the line and see them there; an Enter that came with them would be text."""
        await self._tmux("send-keys", "-l", "--", text)
        await self.until(lambda screen: line_of(screen).endswith(text.rstrip()), f"{text!r} in the line")

    async def enter(self, text: str) -> None:
        """Type ``text`` and Enter, and see that something has come of it in the log."""
        await self.type(text)
        before = log_of(await self.screen())
        await self.press("Enter")
        await self.until(lambda screen: log_of(screen) != before, f"what {text!r} did")

    async def space(self, label: str, *then: str) -> str:
        """Wait for space to stand for ``label``, for as long as a person needs to read that, and press it.

        Gives the screen that shows all of ``then``.
        """
        await self.sees(f"space {label}")
        await asyncio.sleep(LABEL_AGE)
        await self.press("Space")
        return await self.sees(*then) if then else ""

    async def send(self, key: str, line: str, *then: str) -> str:
        """Fill the line with a verb's ``key``, see that it says ``line``, send it and see ``then``."""
        await self.press(key)
        await self.sees(f"> {line}")
        await self.press("Enter")
        return await self.sees(*then) if then else ""

    async def resize(self, columns: int, rows: int) -> None:
        """Give the window another size."""
        await self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    # -- its end

    async def signal(self, name: str) -> None:
        """Send a signal to the program."""
        subprocess.run(["kill", "-s", name, str(await self.pid())], check=True)

    async def pid(self) -> int:
        """The program's process: the shell's only child."""
        shell = (await self._tmux("display-message", "-p", "#{pane_pid}")).strip()
        return int(Path(f"/proc/{shell}/task/{shell}/children").read_text())

    async def close_window(self) -> None:
        """Take the terminal away, as somebody does who closes its window."""
        await self._tmux("kill-session")

    async def ended(self) -> tuple[int, str]:
        """Wait for the program's end; its exit code, and all that the normal screen has of it.

        The terminal has to be as it was: normal screen, cursor, no mouse, lines read with their echo.
        """
        await self.sees(ENDED)
        before, _, code = (await self.everything()).rpartition(ENDED)
        state = "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{pane_tty}"
        *modes, tty = (await self._tmux("display-message", "-p", state)).split()
        assert modes == ["0", "1", "0"], "alternate screen, cursor, mouse"
        settings = subprocess.run(["stty", "-a", "-F", tty], capture_output=True, text=True, check=True).stdout.split()
        assert {"icanon", "echo", "isig", "icrnl", "opost"} <= set(settings)
        return int(code.partition("]")[0]), before

    async def leave(self) -> str:
        """Leave by ctrl+q; what is on the normal screen then."""
        await self.press("C-q")
        code, text = await self.ended()
        assert code == 0, text
        return text


def shows(screen: str, text: str) -> bool:
    """Whether ``text`` is on the screen, as it stands or wrapped."""
    return text in screen or " ".join(text.split()) in " ".join(screen.split())


def line_of(screen: str) -> str:
    """The line at the bottom with its prompt, without the hint beside it."""
    return HINTS.sub("", screen.rstrip("\n").split("\n")[-2]).rstrip()


def log_of(screen: str) -> list[str]:
    """The rows from the rule above the log to those that explain its row."""
    return screen[screen.index(" wire") :].rstrip("\n").split("\n")[1:-4]
