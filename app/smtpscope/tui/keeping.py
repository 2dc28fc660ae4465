"""Writing the session to files while it goes on, and looking into a kept one: ``w``, ``:w FILE``, ``:open FILE``."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported
from textual.message import Message

from smtpscope.secret import Secret
from smtpscope.tui.acting import Acting
from smtpscope.tui.new_file import path_of
from smtpscope.visible import safe

if TYPE_CHECKING:
    from smtpscope.session.keep import Keeper
    from smtpscope.session.ring import Ring

_NO_NAME = re.compile(r"[^A-Za-z0-9.-]+")


class Keeping(Acting):
    """The files that this session is written to; all end with the run."""

    keepers: tuple[Keeper, ...] = ()
    written: Keeper | None = None
    """The file that was asked for last."""
    _typed: tuple[Secret, ...] = ()

    class Failed(Message):
        """A file cannot be written any more."""

        def __init__(self, sentence: str) -> None:
            super().__init__()
            self.sentence = sentence

    # -- for who starts and ends the run

    def keep(self, path: Path, *, replace: bool = False) -> None:
        """Write the session to ``path`` from now on, and what there is of it already. CannotKeep if that cannot be."""
        from smtpscope.session.keep import Keeper, Lines  # not before it is needed: a start is quicker without

        given = self.given
        with_secrets = given.with_secrets and self.session is not None  # a recording has none to give away
        self.written = Keeper(
            path.absolute(),
            self.recorder,
            given.server,
            given.port,
            lines=Lines(with_secrets),
            secrets=self._known(),
            replace=replace,
            tell=self._tell,
        )
        self.keepers = (*self.keepers, self.written)

    def keep_in(self, ring: Ring) -> None:
        """Keep the session among the last ones."""
        given = self.given
        self.keepers = (*self.keepers, ring.keeper(self.recorder, given.server, given.port, self._known(), self._tell))

    def _known(self) -> list[Secret]:
        """The passwords of this run, also those that were asked for before the file was begun."""
        return [each for each in (self.given.password, *self._typed) if each is not None]

    def wake_keepers(self) -> None:
        """Something has happened; from any thread."""
        for keeper in self.keepers:
            keeper.wake()

    def stop_keeping(self) -> list[str]:
        """Write what is left. Gives the problems there were."""
        for keeper in self.keepers:
            keeper.close()
        return [keeper.problem for keeper in self.keepers if keeper.problem]

    def _tell(self, problem: str) -> None:
        self.post_message(self.Failed(problem))

    def on_keeping_failed(self, event: Failed) -> None:
        """The session goes on all the same."""
        self.say(event.sentence)

    def know(self, password: Secret) -> None:
        """It is hidden in the files, too."""
        super().know(password)
        self._typed = (*self._typed, password)
        for keeper in self.keepers:
            keeper.know(password)

    # -- what a user does

    def do_write(self) -> None:
        """Write to a file named by host and time, where we are."""
        written = self.written
        if written is not None and not written.problem:
            self.say(f"it is written to {safe(written.path.name)} already; :w FILE writes it to another file too")
            return
        opened = self.view.now.opened
        host = _NO_NAME.sub("_", (opened.server if opened else self.given.server)[:80]).strip("._") or "session"
        self._write(Path(f"smtpscope-{host}-{datetime.now():%Y%m%dT%H%M%S}.jsonl"), replace=False)

    def execute(self, text: str) -> None:
        """One line of the app's own: those with a file here."""
        verb, _, name = text.strip().partition(" ")
        name = name.strip()
        if verb in ("w", "w!", "open") and name:
            path = path_of(name)
            if verb == "open":
                self._open(path)
            else:
                self._write(path, replace=verb == "w!")
        elif verb in ("w", "w!"):
            self.do_write()
        elif verb == "open":
            self.say(":open takes the name of a kept session")
        else:
            super().execute(text)

    def _write(self, path: Path, replace: bool) -> None:
        from smtpscope.session.keep import CannotKeep

        try:
            self.keep(path, replace=replace)
        except CannotKeep as error:
            self.say(str(error))
            return
        secrets = "with its secrets" if self.keepers[-1].lines.with_secrets else "its secrets hidden"
        where = path.absolute()
        self.say(
            f"the session is written to {safe(where.name)}, {secrets}, as it happens; in {safe(str(where.parent))}"
        )

    def _open(self, path: Path) -> None:
        """Show a kept session over this one, which goes on meanwhile; leaving it comes back."""
        from smtpscope.session.keep import load

        problem = load(path, only_header=True).problem
        if problem:
            self.say(problem)
            return
        try:
            with self.suspend():
                ascii_only = ["--ascii"] if self.given.ascii else []
                subprocess.run(
                    [sys.executable, "-m", "smtpscope", "open", *ascii_only, str(path.absolute())], check=False
                )
        except (SuspendNotSupported, OSError):
            self.say(f"this terminal has no room for another session: leave, and smtpscope open {safe(str(path))}")
            return
        self.refresh(layout=True)
        self.look()
