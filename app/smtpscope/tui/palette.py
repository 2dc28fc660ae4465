"""The command palette: all fifteen members and every action, what each does, its key, whether it is legal now."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from smtpscope.actions import ACTIONS, BY_MEMBER, Action
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.effects import MEMBERS
from smtpscope.smtp.machine import Verdict

if TYPE_CHECKING:
    from smtpscope.tui.app import SmtpScope

VERBS = frozenset(MEMBERS) - {"."} | {"NOOP", "VRFY", "EXPN", "HELP", "STARTTLS", "BDAT", "XCLIENT", "ETRN"}
"""A line that begins with one of these is offered as that command."""

_ENTRIES = frozenset(action.verb for action in ACTIONS)
_FIRST = 1000.0
"""More than any likeness scores."""
_WORDS = {Verdict.LEGAL: "", Verdict.OUT_OF_ORDER: "out of order now", Verdict.IMPOSSIBLE: "impossible now"}


class Palette(Provider):
    """Members, then actions."""

    @property
    def _app(self) -> SmtpScope:
        return cast("SmtpScope", self.app)

    def _entries(self) -> Iterator[tuple[str, str, Action]]:
        """Name, help and action of each entry."""
        machine = self._app.view.machine
        for member in SMTPCommand:
            action = BY_MEMBER[member]
            verdict = _WORDS[action.verdict(machine)]
            keys = f"key {action.shown_keys}" if action.keys else ""
            yield f"{member.name}  {action.title}", _join(member.meaning, verdict, keys), action
        for action in ACTIONS:
            if BY_MEMBER.get(action.member) is not action if action.member is not None else True:
                keys = f"key {action.shown_keys}" if action.keys else ""
                yield action.title, _join(action.help, _WORDS[action.verdict(machine)], keys), action

    async def discover(self) -> Hits:
        """Everything, before anything is typed."""
        for name, help_text, action in self._entries():
            yield DiscoveryHit(Content(name), partial(self._app.run_id, action.id), name, help_text)

    async def search(self, query: str) -> Hits:
        """What matches, and a typed command as it stands."""
        words = query.split()
        verb = words[0].upper() if words else ""
        if verb in VERBS and (len(words) > 1 or verb not in _ENTRIES):
            line = normalised(query)
            fill = partial(self._app.fill_line, line)
            yield Hit(_FIRST, Content(f"fill the line: {line}"), fill, line, "Enter sends it")
        matcher = self.matcher(query)
        for name, help_text, action in self._entries():
            score = max(matcher.match(name), matcher.match(action.id) * 0.9)
            if score > 0:
                if len(words) == 1 and verb in (name.split()[0], action.verb):
                    score += _FIRST  # what is called so, before what is only a little like it
                yield Hit(score, matcher.highlight(name), partial(self._app.run_id, action.id), name, help_text)


def normalised(line: str) -> str:
    """A command as a hand writes it, as the wire wants it: ``rcpt bob@x`` is ``RCPT TO:<bob@x>``."""
    verb, _, rest = line.strip().partition(" ")
    verb, rest = verb.upper(), rest.strip()
    keyword = {"MAIL": "FROM:", "RCPT": "TO:"}.get(verb)
    if keyword is None or not rest:
        return f"{verb} {rest}".strip()
    if rest.upper().startswith(keyword):
        return f"{verb} {keyword}{rest[len(keyword) :].strip()}"
    address, _, parameters = rest.partition(" ")
    bracketed = address if address.startswith("<") else f"<{address}>"
    return f"{verb} {keyword}{bracketed} {parameters}".strip()


def _join(*words: str) -> str:
    return " · ".join(word for word in words if word)
