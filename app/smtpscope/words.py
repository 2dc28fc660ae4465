"""Words: swaks' way with the words of a command line, before click sorts them.

A name is taken with one dash or two, its value is the next word or stands behind ``=``, and nothing is abbreviated.
A password is never behind ``=``: only a word of its own can be hidden from who lists the processes.
Errors are click.UsageError with one plain sentence, in which words stand as given.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

import click

from smtpscope.profile import parse_mechanisms
from smtpscope.tls_given import WITHOUT_VALUE


class Words(click.Command):
    """A command whose options take one dash or two, have no short forms and are not glued to their values."""

    def get_help(self, ctx: click.Context) -> str:
        """The help as it was given: made by hand to fit a screen."""
        return self.help or ""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Spell every name the way click knows it, then let click sort them."""
        options = {_bare(n): o for o in self.get_params(ctx) if isinstance(o, click.Option) for n in o.opts}
        return super().parse_args(ctx, list(_spelled(args, options)))


def _spelled(words: list[str], options: dict[str, click.Option]) -> Iterator[str]:
    """The words with each option by its first name; values go through as they are."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            yield from ["--", *rest]
            return
        if not _is_name(word):
            yield word
            continue
        name, equals, value = _bare(word).partition("=")
        if equals and _takes_equals(options.get(name)):
            yield from (options[name].opts[0], value)
            continue
        option = options.get(_bare(word)) or _unknown(word, options)
        yield option.opts[0]
        if not option.is_flag:
            yield _value(word, option, rest)


def _takes_equals(option: click.Option | None) -> bool:
    return option is not None and not option.is_flag and option.name not in ("ap", "password", "password_env")


def _is_name(word: str) -> bool:
    return word.startswith("-") and word != "-"


def _bare(word: str) -> str:
    """An option's name without its one dash or two."""
    return word[2:] if word.startswith("--") else word[1:]


def _value(word: str, option: click.Option, rest: list[str]) -> str:
    """The value of the option that ``word`` names, taken off ``rest``; empty where it is left out and may be."""
    given = rest[0] if rest and not _is_name(rest[0]) else None
    if option.name == "auth":
        return rest.pop(0) if given is not None and parse_mechanisms(given) else ""
    if given is not None:
        return rest.pop(0)
    if option.name in ("ap", *WITHOUT_VALUE):
        return ""
    if option.name == "helo":
        raise click.UsageError(f"{word} needs the name for EHLO; help is --help.")
    raise click.UsageError(f"{word} needs a value: {word} {option.metavar}")


def _unknown(word: str, options: dict[str, click.Option]) -> NoReturn:
    """Refuse a word that names no option, saying what was probably meant."""
    from difflib import get_close_matches

    name, equals, _ = _bare(word).partition("=")
    if equals and name in options:
        _refuse_glued(name, options[name])
    begun = [known for known in options if len(name) > 2 and known.startswith(name)]
    near = begun or get_close_matches(name, options, n=1)
    glued = [] if word.startswith("--") else [n for n, o in options.items() if name.startswith(n) and not o.is_flag]
    # What follows -ap may be a password and is not repeated, nor what follows an equals sign.
    if name.startswith(("ap", "auth-password", "password")) or (glued and not near):
        known = max(glued or ["ap"], key=len)
        _refuse_glued(known, options[known])
    hint = f"did you mean {_dashed(near[0], options[near[0]])}?" if near else "--help lists them all."
    raise click.UsageError(f"{word.partition('=')[0]} is not an option: {hint}")


def _refuse_glued(name: str, option: click.Option) -> NoReturn:
    known = _dashed(name, option)
    if option.is_flag:
        raise click.UsageError(f"{known} takes no value.")
    raise click.UsageError(f"A value stands apart from its option: write {known} {option.metavar}")


def _dashed(name: str, option: click.Option) -> str:
    """The name with as many dashes as the help gives it."""
    return next(known for known in option.opts if _bare(known) == name)
