"""One thing with several values: the session again for each on a fresh connection, up to a step, to see what differs.

What was done on the newest connection is what is done again; what the variation needs beside it is put in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from smtpscope.session import plan
from smtpscope.session.redact import Redactor
from smtpscope.session.repeat import Item, Plan, items_of, leave
from smtpscope.session.vary_runs import LOGINS, THINGS, TLS, begin_text, newest
from smtpscope.session.vary_values import STEPS, changes, least, misused, values_of
from smtpscope.session.vary_words import conclusion
from smtpscope.smtp.events import Told

if TYPE_CHECKING:
    from smtpscope.session.session import Session
    from smtpscope.session.vary_runs import Run

ATTEMPTS = 3
"""Refused logins after which it asks again."""

_RANKS = {"STARTTLS": 1, "AUTH": 2, "MAIL": 3, "RCPT": 4, "QUIT": 9}
_HELLO = re.compile(rb"(?im)^(EHLO|HELO|LHLO)(?:[ \t]+[^\r\n]*)?(?=\r|\n|\Z)")


class _Step(NamedTuple):
    """One thing that each run does."""

    kinds: frozenset[str]
    verbs: tuple[str, ...]
    do: Callable[[str], Coroutine[Any, Any, object]]
    """Takes the value."""
    verdict: int = 2
    """The class of reply with which the run goes on; it does with 2 anyway, and with 0 whatever comes."""


async def vary(session: Session, thing: str, values: tuple[str, ...], to: str) -> None:
    """Ask, then make a run for each value; ValueError with a sentence for what cannot be varied so."""
    if thing not in THINGS or to not in ("", *STEPS):
        raise ValueError(f"vary knows {', '.join(THINGS)}, and to {', '.join(STEPS)}")
    values = values_of(session, thing, values)
    steps = _steps(session, thing, to)
    if await session.transport.put_question("vary", _question(session, thing, values, steps), "no", "make them") == 0:
        return
    _tell(session, "vary", begin_text(thing, values))
    why = "dropped"
    try:
        await session._guarded(leave(session))
        why = await _all(session, thing, values, steps, quiet=not any(_rank(step.kinds) > 1 for step in steps))
    finally:
        varied = newest(session.recorder)
        words = ""
        if varied is not None:
            names = _shown(session, varied.thing, [run.value for run in varied.runs])
            runs = tuple(replace(run, value=name) for run, name in zip(varied.runs, names, strict=True))
            words = conclusion(replace(varied, runs=runs), _hider(session))
        _tell(session, "varied", f"{words}; stopped: {why}" if why else words)


def _hider(session: Session) -> Callable[[str], str]:
    """Takes the password that is known out of words of others; our own words stay, whatever the password is."""
    redactor = Redactor()
    if session.profile.password is not None:
        redactor.know(session.profile.password)
    return redactor.text


def _shown(session: Session, thing: str, values: Sequence[str]) -> list[str]:
    """Values without secrets; mechanisms, versions and ciphers are words of ours."""
    return list(map(_hider(session), values)) if thing in ("user", "sni", "ehlo") else list(values)


def _question(session: Session, thing: str, values: tuple[str, ...], steps: list[_Step]) -> str:
    profile, logins = session.profile, sum("AUTH" in step.kinds for step in steps)
    verbs = tuple(verb for step in steps for verb in step.verbs)
    named = _shown(session, thing, values)
    user = " or ".join(named) if thing == "user" else profile.user or ""
    what = f", one for each {THINGS[thing]} ({', '.join(named)})"
    text = Plan((), verbs, logins, 0).question(
        f"{profile.server}:{profile.port}", len(values), user, session.machine.facts.link, "vary", what, thing in LOGINS
    )
    if thing == "auth" and (words := misused(session, values)):
        text += f"; {words}"
    return f"{text}; it stops at the first login that is accepted" if thing in LOGINS else text


async def _all(session: Session, thing: str, values: tuple[str, ...], steps: list[_Step], quiet: bool) -> str:
    """All runs; why some were not made, empty if all were. ``quiet`` runs do nothing in TLS but say goodbye."""
    attempts = 0
    for number, value in enumerate(values, 1):
        if attempts and attempts % ATTEMPTS == 0 and not await _once_more(session, attempts):
            return "no more logins"
        _tell(session, "value", f"vary {number} of {len(values)}: {value}")
        begun = len(session._begun)
        with session._changed(**changes(session.profile, thing, value, quiet)):
            await session._guarded(_run(session, steps, value, begun))
        varied = newest(session.recorder)
        run = varied.runs[number - 1] if varied is not None else None
        why = _why_last(thing, run)
        await session._guarded(leave(session))
        attempts += run is not None and run.login is not None and run.login.code != 235
        if why and number < len(values):
            return why
    return ""


async def _once_more(session: Session, attempts: int) -> bool:
    text = f"{attempts} logins were not accepted: more may lock the account"
    return await session.transport.put_question("vary", text, "stop", f"try up to {ATTEMPTS} more") == 1


async def _run(session: Session, steps: list[_Step], value: str, begun: int) -> None:
    try:
        if not await session._connect():
            return
    finally:
        session._tries.update(session._begun[begun:])
    for step in steps:
        before = len(session._done)
        await step.do(value)
        got = session._done[-1].verdict if len(session._done) > before else 0
        if not session.machine.facts.link or (step.verdict and got not in (step.verdict, 2)):
            return


def _why_last(thing: str, run: Run | None) -> str:
    """Why no run may follow this one, empty if one may."""
    connection = run.connection if run is not None else None
    if run is None or connection is None or run.unreached:
        return "there was no connection"
    if run.declined:
        return "as you answered"
    if connection.dropped:
        return "dropped"
    if any(reply.code == 421 for each in connection.exchanges for reply in each.replies):
        return "the server said 421"
    login = run.login
    if thing in LOGINS:
        return "a login was accepted" if login is not None and login.code == 235 else ""
    return "the login was refused" if login is not None and login.replies and not login.good else ""


def _tell(session: Session, kind: str, text: str) -> None:
    session.record(Told(session.transport.now, kind, text))


# -- what each run does


def _steps(session: Session, thing: str, to: str) -> list[_Step]:
    limit = STEPS.index(to or ("tls" if thing in TLS else "data"))
    first = least(thing, session.profile.tls == "implicit")
    if limit < first:
        raise ValueError(f"the {THINGS[thing]} comes after {STEPS[limit]}: write to {STEPS[first]}, or further")
    steps = [_again(session, thing, item) for item in _kept(thing, list(items_of(session)), limit)]
    if not any(_is_hello(step) for step in steps):
        steps.insert(0, _hello(session, thing))
    elif steps[-1].kinds == {"STARTTLS"}:  # what was said before TLS is void: nothing could follow
        steps.append(_hello(session, thing))
    first = next(place for place, step in enumerate(steps) if _is_hello(step))
    if _needs_tls(session, thing, frozenset().union(*(step.kinds for step in steps))):
        steps[first + 1 : first + 1] = [_line(session, "STARTTLS", "STARTTLS"), _hello(session, thing)]
    if thing in LOGINS:
        place = next((place for place, step in enumerate(steps) if _rank(step.kinds) > 2), len(steps))
        old = next((place for place, step in enumerate(steps) if "AUTH" in step.kinds), place)
        steps[old : old + (old < place)] = [_login(session, thing)]
    if to in ("mail", "rcpt", "data"):
        steps += _envelope(session, steps, limit)
    return steps


def _needs_tls(session: Session, thing: str, kinds: frozenset[str]) -> bool:
    """Whether STARTTLS is to be put in: where TLS is varied, and before a login that the next step would not send in
    clear either."""
    profile = session.profile
    if profile.tls == "implicit" or "STARTTLS" in kinds:
        return False
    first = profile.tls == "starttls" or "STARTTLS" in session.machine.facts.ext
    return thing in TLS or (thing in LOGINS and "AUTH" not in kinds and plan.wants_tls(profile) and first)


def _kept(thing: str, items: list[Item], limit: int) -> list[Item]:
    """Of what was done that what is done again: to the limit, and of logins only one, or those that succeeded."""
    kept: list[Item] = []
    place = 0
    while place < len(items):
        item, end = items[place], place + 1
        if item.text or _rank(item.kinds) > limit:
            break
        if "AUTH" in item.kinds:
            while end < len(items) and items[end].response:
                end += 1
            first = not any("AUTH" in each.kinds for each in kept)
            wanted = items[place:end] if items[end - 1].login else []
            kept += [item] * first if thing in LOGINS else wanted
        else:
            kept.append(item)
        place = end
    return kept


def _again(session: Session, thing: str, item: Item) -> _Step:
    """Something once more; a hello with the varied name."""
    kinds, verbs, done = frozenset(item.kinds), tuple(item.verbs), item.done
    if thing == "ehlo" and kinds & {"EHLO", "HELO"}:
        other = done.code in (500, 502)  # the server knows no EHLO, and HELO may follow
        return _Step(kinds, verbs, lambda name: session._line(_HELLO.sub(_named(name), item.data)), 0 if other else 2)
    return _Step(kinds, verbs, lambda value: done.again(), done.verdict)


def _named(name: str) -> Callable[[re.Match[bytes]], bytes]:
    return lambda found: found[1] + b" " + name.encode()


def _hello(session: Session, thing: str) -> _Step:
    if thing == "ehlo":
        return _Step(frozenset({"EHLO"}), ("EHLO",), lambda name: session._line(f"EHLO {name}\r\n".encode()))
    return _line(session, "EHLO", f"EHLO {session.ehlo_name}")


def _line(session: Session, kind: str, line: str) -> _Step:
    return _Step(frozenset({kind}), (kind,), lambda value: session._line(line.encode() + b"\r\n"))


def _login(session: Session, thing: str) -> _Step:
    kinds = frozenset({"AUTH"})
    if session.profile.password is None or (thing == "auth" and not session.profile.user):
        raise ValueError("a login needs user and password: give them with -au and -ap, or log in by hand first")
    if thing == "auth":
        return _Step(kinds, ("AUTH",), session._auth)
    facts = session.machine.facts
    mechanism = facts.mechanism or plan.mechanism(facts, session.profile)
    if mechanism is None:
        raise ValueError("no mechanism that smtpscope runs by itself is offered here: say EHLO first")
    return _Step(kinds, (f"AUTH {mechanism}",), lambda user: session._auth(mechanism))


def _envelope(session: Session, steps: list[_Step], limit: int) -> list[_Step]:
    """MAIL and RCPT from the profile, where they were asked for and not said before."""
    profile, kinds = session.profile, {kind for step in steps for kind in step.kinds}
    added = []
    if "MAIL" not in kinds:
        added.append(_line(session, "MAIL", plan.mail_line(profile).line))
    if "RCPT" not in kinds and limit > STEPS.index("mail"):
        added += [_line(session, "RCPT", f"RCPT TO:<{path}>") for path in profile.rcpt_to]
    return added


def _is_hello(step: _Step) -> bool:
    return bool(step.kinds & {"EHLO", "HELO"})


def _rank(kinds: frozenset[str] | set[str]) -> int:
    """How far a thing goes, as a place in STEPS; 0 for what may stand anywhere."""
    return max((_RANKS.get(kind, 0) for kind in kinds), default=0)
