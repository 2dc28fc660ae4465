"""Keys before they mean anything: a burst is a paste, and space is slowed to what a person does on purpose.

A terminal that does not bracket its pastes, or a network that held keys up, hands over many keys at once. Each key
waits a moment to see whether others follow; three or more less than 10 ms apart are text, and trigger nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from textual.events import Key

BURST_GAP = 0.010
"""Seconds between the keys of a burst, and how long a key waits for the next."""
BURST_KEYS = 3
REPEAT_GAP = 0.100
"""Seconds after a space in which another one is the keyboard's own repetition."""
LABEL_AGE = 0.300
"""Seconds for which a new label of the next step must have been in sight."""

_LINE_ENDS = {"enter": "\n", "ctrl+j": "\n", "tab": "\t"}


def typed(key: Key) -> str:
    """The text of a key, empty for one that is no text."""
    if key.key in _LINE_ENDS:
        return _LINE_ENDS[key.key]
    return key.character if key.character is not None and key.is_printable else ""


class KeyGate:
    """Holds keys back for a moment and lets them go one by one, or as text."""

    def __init__(self, clock: Callable[[], float], one: Callable[[Key], None], text: Callable[[str], None]) -> None:
        """``one`` takes a single key, ``text`` a burst; ``clock`` gives seconds."""
        self._clock = clock
        self._one = one
        self._text = text
        self._held: list[Key] = []
        self._last = 0.0
        self._label = ""
        self._label_since = -LABEL_AGE
        self._space = -REPEAT_GAP

    @property
    def holding(self) -> bool:
        """Whether a key waits."""
        return bool(self._held)

    def key(self, key: Key) -> None:
        """A key came."""
        now = self._clock()
        if self._held and now - self._last >= BURST_GAP:
            self.let_go()
        self._held.append(key)
        self._last = now

    def ripe(self) -> bool:
        """Whether no key can follow any more."""
        return bool(self._held) and self._clock() - self._last >= BURST_GAP

    def let_go(self) -> None:
        """No more keys follow: what is held takes effect."""
        held, self._held = self._held, []
        texts = [typed(key) for key in held]
        burst = sum(map(bool, texts)) >= BURST_KEYS
        # What stood before the text is no part of it: ^u, and then a paste.
        first = next((place for place, text in enumerate(texts) if text), 0) if burst else len(held)
        for key in held[:first]:
            self._one(key)
        if burst:
            self._text("".join(texts))

    def label(self, label: str) -> None:
        """What space does now, as the footer names it."""
        if label != self._label:
            self._label, self._label_since = label, self._clock()

    def may_step(self) -> bool:
        """Whether a space counts: not a repetition, and on a label that could be read."""
        now = self._clock()
        repeated = now - self._space < REPEAT_GAP
        self._space = now
        return not repeated and now - self._label_since >= LABEL_AGE
