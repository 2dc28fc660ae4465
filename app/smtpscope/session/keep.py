"""Keeping a session: its events are written to a file as they happen, and read back from one.

Writing is done on a thread of its own, which follows the recording: neither the wire nor the screen waits for a disk.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from smtpscope.secret import Secret
from smtpscope.session import notes, schema
from smtpscope.session.recorder import Recorder
from smtpscope.session.redact import Redactor, merged
from smtpscope.session.schema import Header, Mark, Unreadable
from smtpscope.smtp.events import Answered, Asked, Cipher, Event, Marked, Opened, Received, Sent
from smtpscope.visible import safe

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be deleted anyway
    fcntl = None  # type: ignore[assignment]

PATIENCE = 0.25
"""Seconds after which the recording is looked at although nobody said that it has grown."""
PAUSE = 0.002
"""Seconds from an event to its line, so that a quick reply is read, and timed, before a disk has its turn."""
STOP_LIMIT = 5.0
"""Seconds that closing waits for a disk that takes nothing."""
BATCH = 8
"""Events that go to the kernel in one write, where several have come meanwhile."""
EVENTS = 3_000_000
"""Events of the largest file that is read whole."""
WORDS = 128 * 1024 * 1024
"""Octets of the lines of events that stay in memory, in the largest file that is read whole."""
HIDDEN = 256 * 1024 * 1024
"""Hidden octets in the largest file that is read whole."""

_LINE_BEGUN = 16 * 1024  # octets of an unfinished line in which the beginning of a secret is looked for


class CannotKeep(Exception):
    """A file cannot be written; the text is one sentence, safe to show."""


# -- writing


class Lines:
    """Makes lines of events, secrets hidden unless ``with_secrets``."""

    text = True
    """Whether message text and TLS records are among them."""

    def __init__(self, with_secrets: bool = False) -> None:
        self.redactor = Redactor()
        self.with_secrets = with_secrets
        self._begun: dict[type, bytes] = {Sent: b"", Received: b""}  # of each direction, the line that has no end yet

    def anew(self) -> Lines:
        """The same before their first line, with what they know of secrets."""
        lines = type(self)()
        lines.redactor, lines.with_secrets = self.redactor, self.with_secrets
        return lines

    def of(self, event: Event) -> bytes:
        """The lines for one event, each with its end."""
        return self.line(event, self.hidden(event))

    def line(self, event: Event, marks: Iterable[Mark]) -> bytes:
        """One line."""
        return schema.event_line(event, list(marks), str if notes.is_conclusion(event) else self.words)

    def words(self, text: str) -> str:
        """A text as it is written."""
        return text if self.with_secrets else self.redactor.text(text)

    def hidden(self, event: Event) -> list[Mark]:
        """The places of secrets in an event's octets; also where one has begun in an event before, or only begins."""
        if self.with_secrets or not isinstance(event, Sent | Received):
            return []
        before = self._begun[type(event)]
        data = before + event.data if before else event.data
        self._begun[type(event)] = data[data.rfind(b"\n") + 1 :][-_LINE_BEGUN:]
        found = self.redactor.spans(data)
        if self.redactor.forms and not data.endswith(b"\n"):
            found.append((len(data) - self.redactor.begun(data), len(data)))
        found = [(max(0, start - len(before)), end - len(before)) for start, end in found if end > len(before)]
        spans = merged([*found, *event.secrets])
        return [Mark(start, end, _kind(event, start, end)) for start, end in spans]


def _kind(event: Sent | Received, start: int, end: int) -> str:
    login = isinstance(event, Sent) and any(a < end and b > start for a, b in event.secrets)
    return schema.LOGIN if login else schema.SECRET


class Keeper:
    """Writes a recording to a file, what is there and what comes, until it is closed. Nothing after the start raises.

    ``problem`` is why it stopped writing, one sentence, empty as long as it has not.
    """

    def __init__(
        self,
        path: Path,
        recorder: Recorder,
        server: str,
        port: int,
        *,
        lines: Lines | None = None,
        secrets: Iterable[Secret] = (),
        replace: bool = False,
        tell: Callable[[str], None] = lambda problem: None,
        when: Callable[[Recorder], bool] | None = None,
    ) -> None:
        """``server`` and ``port`` are for the header where no connection has been made yet. ``tell`` gets the problem,
        on the writing thread. The file is made now, or with ``when`` once that is so. CannotKeep if it cannot be made.
        """
        self.path = path
        self.problem = ""
        self.lines = lines or Lines()
        self._recorder = recorder
        self._place = (server, port)
        self._given = deque(secrets)
        self._tell = tell
        self._when = when
        self._begun = False
        self._end = 0  # of the file, behind the last whole line
        self._file: int | None = None if when else _opened(path, replace)
        self._news = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """The recording has grown; from any thread, and at once done."""
        self._news.set()

    def know(self, secret: Secret) -> None:
        """Hide this from now on."""
        self._given.append(secret)

    def close(self) -> None:
        """Write what is left, as long as the disk takes it, and let go of the file."""
        self._ending = True
        self._news.set()
        before = -1
        while self._thread.is_alive() and before != self._end:
            before = self._end
            self._thread.join(STOP_LIMIT)
        if self._thread.is_alive():
            self.problem = safe(f"The session is not written to {self.path} to its end: the disk does not take it.")

    def _run(self) -> None:
        taken = learned = 0
        try:
            while True:
                ending = self._ending  # looked at first, so that nothing that came before it is left out
                self._news.clear()
                count, known = len(self._recorder), self.lines.redactor.lasting
                while self._given:  # behind the count: what was known before an event is hidden in it
                    self.lines.redactor.know(self._given.popleft())
                for index in range(learned, count):
                    self.lines.redactor.learn(self._recorder[index])
                learned = count
                if known < self.lines.redactor.lasting and self._told(taken):
                    self._begin_again()
                    taken = 0
                if count > taken and (self._when is None or self._when(self._recorder)):
                    self._when = None
                    taken = self._write_from(taken, count)
                elif ending:
                    if self._file is not None and not self._begun:
                        self._begin()
                    return
                else:
                    self._news.wait(PATIENCE)
                    time.sleep(0 if self._ending else PAUSE)
        except CannotKeep as error:
            self._complain(str(error))
        except Exception as error:  # whatever it is, the session itself goes on
            self._cut_back()
            why = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
            self._complain(safe(f"The session is not written to {self.path} any more: {why}."))
        finally:
            if self._file is not None:
                os.close(self._file)

    def _complain(self, sentence: str) -> None:
        self.problem = sentence
        with suppress(Exception):  # a screen that is gone is told nothing
            self._tell(sentence)

    def _write_from(self, start: int, end: int) -> int:
        """Write these events; what is a secret in any of them is hidden in all."""
        recorder = self._recorder
        if not self._begun:
            self._begin()
        for first in range(start, end, BATCH):
            self._write(b"".join(self.lines.of(recorder[index]) for index in range(first, min(first + BATCH, end))))
        return end

    def _told(self, end: int) -> bool:
        """Whether what was written before shows what is known to be a secret only now."""
        events = (self._recorder[index] for index in range(end if self._begun and not self.lines.with_secrets else 0))
        return any(self.lines.redactor.spans(each.data) for each in events if isinstance(each, Sent | Received))

    def _begin_again(self) -> None:
        """Nothing is written yet."""
        assert self._file is not None
        os.lseek(self._file, 0, os.SEEK_SET)
        os.ftruncate(self._file, 0)
        self._end, self._begun, self.lines = 0, False, self.lines.anew()

    def _begin(self) -> None:
        """The header."""
        if self._file is None:
            self._file = _opened(self.path, replace=False)
        self._begun = True
        opened = next((event for event in self._recorder[:8] if isinstance(event, Opened)), None)
        server, port = (opened.server, opened.port) if opened else self._place
        started = opened.wall if opened and opened.wall else time.time()
        lines = self.lines
        header = Header(lines.words(server), port, started, not lines.with_secrets, lines.text)
        self._write(schema.header_line(header))

    def _write(self, data: bytes) -> None:
        assert self._file is not None
        done = 0
        try:
            while done < len(data):
                done += os.write(self._file, memoryview(data)[done:])
        finally:
            self._end += data.rfind(b"\n", 0, done) + 1

    def _cut_back(self) -> None:
        """A line that did not fit whole is taken away again."""
        if self._file is not None:
            with suppress(OSError):
                os.ftruncate(self._file, self._end)


def _opened(path: Path, replace: bool) -> int:
    """A new file, or with ``replace`` one that was there, emptied; for its owner alone, and locked."""
    ways = os.O_WRONLY | os.O_CREAT | (0 if replace else os.O_EXCL)
    ways |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # a pipe is not waited for; on Windows LF is LF
    file = -1
    try:
        file = os.open(path, ways, 0o600)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise CannotKeep(safe(f"{path} is no plain file: nothing is written."))
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if hasattr(os, "fchmod"):
            os.fchmod(file, 0o600)
        os.ftruncate(file, 0)
    except FileExistsError:
        raise CannotKeep(safe(f"{path} is there already: `:w! {path}` writes over it.")) from None
    except BlockingIOError:
        os.close(file)
        raise CannotKeep(safe(f"{path} is being written by another session: choose another name.")) from None
    except OSError as error:
        if file >= 0:
            os.close(file)
        raise CannotKeep(safe(f"{path} cannot be written: {error.strerror or error}.")) from None
    except CannotKeep:
        os.close(file)
        raise
    return file


def is_being_written(path: Path) -> bool:
    """Whether a keeper has this file open, of whatever run. Raises OSError."""
    if fcntl is None:
        return False
    file = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


# -- reading


@dataclass(slots=True)
class Loaded:
    """What could be read of a file: the events before the first fault, and the fault as a sentence, empty for none."""

    recorder: Recorder = field(default_factory=Recorder)
    header: Header | None = None
    """None where the file is no kept session."""
    problem: str = ""


def load(
    path: Path, wake: Callable[[], None] = lambda: None, into: Recorder | None = None, *, only_header: bool = False
) -> Loaded:
    """Read a kept session. Never raises. The events go to ``into``, if it is given; ``wake`` is called now and then.

    Where a line is no event of this version, or the file cannot be read on, it stops: ``problem`` says where and why.
    With ``only_header`` no events are read.
    """
    loaded = Loaded(into) if into is not None else Loaded()
    try:
        if not path.is_file() and path.exists():
            raise OSError(0, "it is no plain file")
        with open(path, "rb") as file:
            _read(file.readline, loaded, wake, only_header)
    except Unreadable as error:
        loaded.problem = safe(f"{path}, {error}{_shown_before(loaded)}.")
    except (OSError, ValueError, MemoryError) as error:  # ValueError: a name that cannot be one
        why = getattr(error, "strerror", None) or str(error) or "it takes too much memory"
        loaded.problem = safe(f"{path} cannot be read: {why}{_shown_before(loaded)}.")
    return loaded


def _shown_before(loaded: Loaded) -> str:
    count = len(loaded.recorder)
    if not count:
        return ""
    return f"; the {count:,} events before it are shown" if count > 1 else "; the event before it is shown"


def _read(readline: Callable[[int], bytes], loaded: Loaded, wake: Callable[[], None], only_header: bool) -> None:
    """Line by line; raises Unreadable with the line's number."""
    check, number = _Check(), 0
    while line := readline(schema.LONGEST + 1):
        number += 1
        try:
            if len(line) > schema.LONGEST:
                raise Unreadable("it is too long")
            if loaded.header is None:
                loaded.header = schema.header_of(line)
                if only_header:
                    return
                continue
            event = schema.event_of(line)
            check.take(event, len(line))
        except Unreadable as error:
            cut = not line.endswith(b"\n") and len(line) <= schema.LONGEST and loaded.header is not None
            cause = "it is cut off: the session was not written to its end" if cut else str(error)
            raise Unreadable(f"line {number:,}: {cause}") from None
        loaded.recorder.append(event)
        if not number % 1000:
            wake()
    if loaded.header is None:
        raise Unreadable("line 1: the file is empty")
    wake()


class _Check:
    """What one event cannot know: how many there are, and whether it fits those before it."""

    def __init__(self) -> None:
        self._events = 0
        self._words = 0
        self._octets = 0
        self._asked: Asked | None = None

    def take(self, event: Event, length: int) -> None:
        """One event, of a line so long. Unreadable where it does not fit."""
        octets = len(event.data) if isinstance(event, Sent | Received) else 0
        self._words += 0 if isinstance(event, Sent | Received | Cipher) else length
        self._octets += max(0, octets - length)  # hidden ones, which the file need not be long for
        if self._events >= EVENTS or self._words > WORDS or self._octets > HIDDEN:
            raise Unreadable("the file is larger than what can be shown")
        if isinstance(event, Asked):
            self._asked = event
        elif isinstance(event, Answered) and (self._asked is None or event.answer >= len(self._asked.answers)):
            raise Unreadable("it answers a question that was not asked")
        elif isinstance(event, Marked) and event.event >= self._events:
            raise Unreadable("it marks an event that is not there")
        self._events += 1
