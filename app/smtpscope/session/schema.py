"""The lines of a kept session: each event as one JSON object, and back; docs/session-format.md describes them.

Octets of the dialogue are a JSON string in which each character, U+0000 to U+00FF, is one octet. Where some are left
out, a list of such strings and of marks: each says of what kind the hidden octets are, and how many.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, NoReturn, TypeVar, get_args, get_type_hints

from smtpscope import __version__
from smtpscope.session.redact import FILLER
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Bdat, Connect, Drop, Event, LinkStatus, Received, Sent, StartTls, Step
from smtpscope.visible import visible_text

T = TypeVar("T")

FORMAT = "smtpscope session"
VERSION = 1
LONGEST = 64 * 1024 * 1024
"""Octets that a line may have, and octets of an event."""

LOGIN, SECRET, TEXT, MESSAGE = "login", "secret", "text", "message"
"""What a mark hides: what logged in, a secret found elsewhere, octets of message text, a message that was streamed."""

_LARGEST = 2**53 - 1  # of a JSON number that is exact wherever it is read
_LATEST = 1e11  # seconds: the year 5138
_STRUCTURE = 64 * 1024  # octets of a line that are no strings


class Unreadable(ValueError):
    """A line is not what it should be; the text is the cause, in words without an end."""


class Mark(NamedTuple):
    """Octets ``start`` to ``end`` are not written; with ``sha256`` their digest is, in hexadecimal."""

    start: int
    end: int
    kind: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line."""

    server: str
    port: int
    started: float
    """Seconds since the Unix epoch."""
    redacted: bool = True
    """Secrets are hidden."""
    text: bool = True
    """Message text and TLS records are there."""
    smtpscope: str = __version__
    """The version that wrote it."""


# -- the header


def header_line(header: Header) -> bytes:
    """The header as a line."""
    started = datetime.fromtimestamp(header.started, UTC).isoformat(timespec="milliseconds")
    value = {
        "format": FORMAT,
        "version": VERSION,
        "smtpscope": header.smtpscope,
        "started": started,
        "server": header.server,
        "port": header.port,
        "redacted": header.redacted,
        "text": header.text,
    }
    return _line(value)


def header_of(line: bytes) -> Header:
    """The header that a line is; Unreadable where it is none, or of a format that this version does not know."""
    try:
        value = _object(line)
    except Unreadable:
        value = {}
    if value.get("format") != FORMAT:
        raise Unreadable("this is not a session that smtpscope has kept")
    version = _given(value, "version", _whole)
    if version > VERSION:
        raise Unreadable(f"the format's version is {version}, and this smtpscope reads up to {VERSION}")
    return Header(
        _given(value, "server", _text),
        _given(value, "port", _whole),
        _given(value, "started", _date),
        _given(value, "redacted", _truth),
        _given(value, "text", _truth),
        _given(value, "smtpscope", _text),
    )


def _given(value: dict[str, Any], name: str, read: Callable[[object], T]) -> T:
    """A field of the header."""
    try:
        return read(value.get(name))
    except Unreadable as error:
        raise Unreadable(f"{name} {error}") from None


# -- events


def event_line(event: Event, marks: Sequence[Mark] = (), words: Callable[[str], str] = str, **more: object) -> bytes:
    """An event as a line: ``marks`` in place of their octets, texts as ``words`` gives them.

    ``more`` stands in place of fields of that name.
    """
    value: dict[str, object] = {"type": type(event).__name__}
    for name, field in _FIELDS[type(event)].items():
        given = getattr(event, name)
        if name == "data" and isinstance(event, Sent | Received):
            value[name] = octets_out(event.data, marks)
        elif name == "secrets" and marks:
            continue  # the marks say where they are
        elif field.default is _NONE or given != field.default:
            written = field.write(given)
            value[name] = _worded(written, words) if field.words and name != "kind" else written
    return _line(value | more)


def event_of(line: bytes) -> Event:
    """The event that a line is. Hidden octets come back as ``*``, as many, and as spans of ``secrets``."""
    value = _object(line)
    name = value.get("type")
    kind = EVENTS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise Unreadable(f"there is no event {_shown(name)} in this version" if name else "it is no event")
    given: dict[str, Any] = {}
    field_name = ""
    try:
        for field_name, field in _FIELDS[kind].items():
            if field_name == "data" and (kind is Sent or kind is Received):
                given["data"], given["secrets"] = octets_in(value.get("data"))
            elif field_name == "secrets" and given["secrets"]:
                continue
            elif field_name in value:
                given[field_name] = field.read(value[field_name])
            elif field.default is _NONE:
                raise Unreadable("is missing")
    except Unreadable as error:
        raise Unreadable(f"{field_name} of {name} {error}") from None
    if any(end > len(given["data"]) for _, end in given.get("secrets", ())):
        raise Unreadable(f"secrets of {name} lie outside its data")
    return kind(**given)


def _worded(value: object, words: Callable[[str], str]) -> object:
    """A text, or a list of texts, in other words."""
    if isinstance(value, list):
        return [_worded(each, words) for each in value]
    return words(str(value))


def octets_out(data: bytes, marks: Sequence[Mark]) -> object:
    """Octets as JSON: a string, or a list of strings and marks."""
    if not marks:
        return data.decode("latin-1")
    pieces: list[object] = []
    last = 0
    for mark in marks:
        if mark.start > last:
            pieces.append(data[last : mark.start].decode("latin-1"))
        digest = {"sha256": mark.sha256} if mark.sha256 else {}
        pieces.append({"hidden": mark.kind, "octets": mark.end - mark.start, **digest})
        last = mark.end
    return [*pieces, data[last:].decode("latin-1")] if last < len(data) else pieces


def left_out(octets: int, sha256: str, line_end: bytes) -> object:
    """A message that was streamed, as JSON: its length and digest, and then how its last line ends."""
    mark = {"hidden": MESSAGE, "octets": octets, "sha256": sha256}
    return [mark, line_end.decode("latin-1")] if line_end else [mark]


def octets_in(value: object) -> tuple[bytes, tuple[tuple[int, int], ...]]:
    """The octets, and the spans in them that were hidden."""
    if isinstance(value, str) and value.isascii():
        return value.encode(), ()
    data = bytearray()
    spans: list[tuple[int, int]] = []
    for piece in value if isinstance(value, list) else [value]:
        if isinstance(piece, dict):
            hidden, length = _hidden(piece)
            if len(data) + length > LONGEST:
                raise Unreadable("has too many octets")
            if piece.get("hidden") != MESSAGE:
                spans.append((len(data), len(data) + length))
            data += hidden
        else:
            try:
                data += _text(piece).encode("latin-1")
            except UnicodeEncodeError:
                raise Unreadable("has a character that is no octet") from None
    return bytes(data), tuple(spans)


def _hidden(mark: dict[str, Any]) -> tuple[bytes, int]:
    """What stands for hidden octets, and its length."""
    octets = _whole(mark.get("octets"))
    if mark.get("hidden") == MESSAGE:
        digest = visible_text(_text(mark.get("sha256")), limit=64)
        words = f"[{octets:,} octets of message text are not kept, SHA-256 {digest}]".encode()
        return words, len(words)
    _text(mark.get("hidden"))
    return (FILLER * octets if octets <= LONGEST else b""), octets


# -- values


class _Field(NamedTuple):
    write: Callable[[Any], object]
    read: Callable[[Any], object]
    default: object
    words: bool
    """It is text, or a list of texts."""


_NONE = object()  # a field that has no default


def _wrong(value: object, wanted: str) -> NoReturn:
    raise Unreadable(f"is {_shown(value)}, not {wanted}")


def _shown(value: object) -> str:
    return visible_text(json.dumps(value)[:200] if isinstance(value, str | int | float | None) else "a list", limit=40)


def _text(value: object) -> str:
    return value if isinstance(value, str) else _wrong(value, "a text")


def _truth(value: object) -> bool:
    return value if isinstance(value, bool) else _wrong(value, "true or false")


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST:
        _wrong(value, "a whole number")
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        _wrong(value, "a time in seconds")
    return float(value)


def _date(value: object) -> float:
    try:
        return _seconds(datetime.fromisoformat(_text(value)).timestamp())
    except (ValueError, OverflowError, OSError):
        _wrong(value, "a date")


def _code(value: object) -> int | None:
    return None if value is None else _whole(value)


def _status(value: object) -> LinkStatus:
    name = _text(value)
    return LinkStatus[name] if name in LinkStatus.__members__ else _wrong(value, "a status of the link")


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else _wrong(value, "a list")


def _base64(value: object) -> bytes:
    try:
        return base64.b64decode(_text(value).encode("ascii"), validate=True)
    except ValueError:
        raise Unreadable("is not base64") from None


def _spans(value: object) -> tuple[tuple[int, int], ...]:
    spans = []
    for pair in _list(value):
        start, end = (_whole(each) for each in (pair if isinstance(pair, list) and len(pair) == 2 else (None, None)))
        if start > end:
            raise Unreadable("has a span that ends before it begins")
        spans.append((start, end))
    return tuple(spans)


_STEPS: dict[str, Step] = {"connect": Connect(), "drop": Drop(), "starttls": StartTls()}
_STEP_NAMES = {step: name for name, step in _STEPS.items()}


def _step_out(step: Step | None) -> object:
    if isinstance(step, Bdat):
        return {"bdat": step.size, "last": step.last}
    return step.name if isinstance(step, SMTPCommand) else None if step is None else _STEP_NAMES[step]


def _step(value: object) -> Step:
    if isinstance(value, dict):
        return Bdat(_whole(value.get("bdat")), _truth(value.get("last")))
    name = _text(value)
    return _STEPS.get(name) or (SMTPCommand[name] if name in SMTPCommand.__members__ else _wrong(value, "a step"))


def _same(value: Any) -> object:
    return value


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


_TYPES: dict[object, tuple[Callable[[Any], object], Callable[[Any], object]]] = {
    float: (_same, _seconds),
    int: (_same, _whole),
    bool: (_same, _truth),
    str: (_same, _text),
    bytes: (_encoded, _base64),
    int | None: (_same, _code),
    LinkStatus: (lambda status: status.name, _status),
    Step: (_step_out, _step),
    Step | None: (_step_out, lambda value: None if value is None else _step(value)),
    tuple[str, ...]: (list, lambda value: tuple(_text(each) for each in _list(value))),
    tuple[bytes, ...]: (lambda chain: [_encoded(each) for each in chain], lambda v: tuple(map(_base64, _list(v)))),
    tuple[tuple[int, int], ...]: (lambda spans: [list(span) for span in spans], _spans),
}
"""The type of an event's field -> how it is written, and how it is read."""

EVENTS: dict[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}
"""Every event by its name."""


def _fields(kind: Any) -> dict[str, _Field]:
    hints = get_type_hints(kind)
    return {
        name: _Field(*_TYPES[hints[name]], kind._field_defaults.get(name, _NONE), hints[name] in (str, tuple[str, ...]))
        for name in kind._fields
    }


_FIELDS: dict[type, dict[str, _Field]] = {kind: _fields(kind) for kind in EVENTS.values()}


# -- JSON


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_DECODER = json.JSONDecoder(parse_constant=_no_number)


def _line(value: dict[str, Any]) -> bytes:
    return _ENCODER.encode(value).encode() + b"\n"


def _object(line: bytes) -> dict[str, Any]:
    """The JSON object that a line is; Unreadable for all else. Never takes more memory than a few times the line."""
    if len(line) > _STRUCTURE and not _is_plain(line):
        raise Unreadable("it has too many parts")
    try:
        value = _DECODER.decode(line.decode())
    except RecursionError:
        raise Unreadable("it has too many parts") from None
    except ValueError:  # also an int of too many digits, and what is no UTF-8
        raise Unreadable("it is not JSON") from None
    return value if isinstance(value, dict) else _no_object()


def _is_plain(line: bytes) -> bool:
    """Whether a line is mostly the inside of strings, which take no more memory than it does."""
    bare = line.replace(b"\\\\", b"").replace(b'\\"', b"")
    return bare.count(b'"') <= _STRUCTURE and sum(map(len, bare.split(b'"')[::2])) <= _STRUCTURE


def _no_object() -> NoReturn:
    raise Unreadable("it is no JSON object")
