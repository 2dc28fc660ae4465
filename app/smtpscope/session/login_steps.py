"""A step of AUTH before it goes: shown without its secrets, changed by hand, and made octets again."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from smtpscope.session.redact import Redactor, merged
from smtpscope.smtp.sasl_fields import secret_spans
from smtpscope.smtp.sasl_steps import Response, decode_base64
from smtpscope.visible import escape, unescape

HIDDEN_WORD = re.compile(r"\{secret\d*\}")
"""What stands for a hidden part of a step; a second one that is another has a number."""
BASE64_WORD = "{base64}"
"""What stands, in the line that goes out, for the base64 of a text in which a part is hidden."""
_WORDS = re.compile(rf"{HIDDEN_WORD.pattern}|{re.escape(BASE64_WORD)}")
CANCEL = "*"


class Word(NamedTuple):
    """What the user says to a step: a text in escapes, which goes out as base64; or the line itself, and the text that
    its ``{base64}`` stands for."""

    text: str
    line: str | None = None


class Waiting:
    """A step of ours that waits, and its text in both forms."""

    def __init__(self, mechanism: str, response: Response, challenge: bytes | None, redactor: Redactor) -> None:
        """``challenge`` is what it answers; ``redactor`` knows the password, wherever else it may stand."""
        self._mechanism, self._asked, self._redactor = mechanism, challenge or b"", redactor
        self._names = mechanism == "LOGIN" and not response.secret  # the user, whatever the server asks with
        self._was_hidden = response.secret
        data = b64decode(response.encoded)
        spans = secret_spans(mechanism, data, self._asked) if response.secret else []
        if response.secret and not spans:
            spans = [(0, len(data))]
        self._parts: dict[str, bytes] = {}  # by the words that stand for them
        pieces, last = [], 0
        for start, end in merged([*spans, *redactor.spans(data)]):
            pieces += [_shown(data[last:start]), self._word_for(data[start:end])]
            last = end
        self.text = _whole("".join([*pieces, _shown(data[last:])]))
        """In escapes, a word in the place of each hidden part."""

    def _word_for(self, part: bytes) -> str:
        new = f"{{secret{len(self._parts) + 1 if self._parts else ''}}}"
        word = next((word for word, known in self._parts.items() if known == part), new)
        self._parts[word] = part
        return word

    def made(self, word: Word) -> Response:
        """What goes out: the hidden parts are put back where their words still stand."""
        if (word.text if word.line is None else word.line) == CANCEL:
            return Response(CANCEL.encode(), False)
        octets = b64encode(_with(self._parts, word.text))
        if word.line is not None:
            octets = _with({BASE64_WORD: octets}, word.line)
        return Response(octets, self._hides(octets))

    def _hides(self, octets: bytes) -> bool:
        """Whether there is something secret in what goes out; where it cannot be read, whether there was."""
        if self._redactor.spans(octets):
            return True
        if (data := decode_base64(octets)) is None:
            return self._was_hidden or bool(self._parts)
        if any(part and part in data for part in self._parts.values()) or self._redactor.spans(data):
            return True
        return not self._names and bool(secret_spans(self._mechanism, data, self._asked))


def encoded(text: str) -> str:
    """The line that goes out for a step's text; where a part of it is hidden, a word stands for all of it."""
    if text == CANCEL:
        return CANCEL
    return BASE64_WORD if HIDDEN_WORD.search(text) else b64encode(unescape(text)).decode()


def as_text(line: str, text: str) -> str:
    """The text that a line stands for; ``text``, which it was made of, where it is no base64 by itself."""
    if line == CANCEL:
        return CANCEL
    data = None if line == encoded(text) else decode_base64(unescape(line))
    return text if data is None else _whole(_shown(data))


def _whole(text: str) -> str:
    """A step's text, that cancels nothing."""
    return r"\x2a" if text == CANCEL else text


def _shown(data: bytes) -> str:
    """Octets in escapes, in which no word stands for anything hidden."""
    return escape(data).replace("{secret", r"\x7bsecret")


def _with(parts: dict[str, bytes], text: str) -> bytes:
    data, last = b"", 0
    for found in _WORDS.finditer(text):
        if found[0] in parts:
            data += unescape(text[last : found.start()]) + parts[found[0]]
            last = found.end()
    return data + unescape(text[last:])


class Change(NamedTuple):
    """What the user made of one step, so that the same can be made of the next one like it."""

    before: str
    word: Word

    def of(self, text: str) -> Word:
        """The word on a step of this text."""
        after = alike(self.before, self.word.text, text)
        if self.word.line is None:
            return Word(after)
        return Word(after, alike(encoded(self.word.text), self.word.line, encoded(after)))


def alike(before: str, after: str, text: str) -> str:
    """``text`` with the part changed in which ``before`` and ``after`` differ; ``after`` where it has no such part."""
    if after == CANCEL:
        return CANCEL
    most = min(len(before), len(after))
    start = next((at for at in range(most) if before[at] != after[at]), most)
    most -= start
    same = next((at for at in range(most) if before[-1 - at] != after[-1 - at]), most)
    old, new = before[start : len(before) - same], after[start : len(after) - same]
    for at in (start, len(text) - same - len(old)):  # counted from the front, or from behind
        if at >= 0 and text[at : at + len(old)] == old:
            return text[:at] + new + text[at + len(old) :]
    return after


class Editing:
    """The user's hand on each step of one login; when that is done again, each is changed alike."""

    def __init__(
        self, mechanism: str, redactor: Redactor, ask: Callable[[Waiting, bool], Awaitable[Word | None]]
    ) -> None:
        """``ask`` takes a step and whether it goes along with AUTH; None where it is not wanted any more."""
        self._mechanism = mechanism
        self._redactor = redactor
        self._ask = ask
        self._changes: list[Change] = []
        self._waits = False  # for the user's word, also where the login ended before that was given

    async def by_hand(self, response: Response, challenge: bytes | None) -> Response:
        """What the user makes of a step; anything where the server does not wait for it any more."""
        step = Waiting(self._mechanism, response, challenge, self._redactor)
        self._waits = True
        word = await self._ask(step, challenge is None)
        self._waits = False
        if word is None:
            return Response(b"", False)
        self._changes.append(Change(step.text, word))
        return step.made(word)

    def again(self) -> Callable[[Response, bytes | None], Awaitable[Response]]:
        """An editor that does to the steps of another login what was done to those of this one.

        The step that this one ended at, before the user's word, waits for it again.
        """
        changes = iter(self._changes[:])

        async def edit(response: Response, challenge: bytes | None) -> Response:
            change = next(changes, None)
            if change is None:
                return await self.by_hand(response, challenge) if self._waits else response
            step = Waiting(self._mechanism, response, challenge, self._redactor)
            return step.made(change.of(step.text))

        return edit
