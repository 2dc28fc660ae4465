"""Every export, on sessions whose other side is hostile, and on those that cannot be told in a command."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from smtp.playbook import Playbook, at_data, at_rcpt, connected, greeted, in_tls
from smtpscope.session.export import COMMANDS, KINDS, export
from smtpscope.session.export.outline import INLINE
from smtpscope.session.keep import load
from smtpscope.session.redact import Redactor
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import (
    Closed,
    Connect,
    Drop,
    Event,
    Failed,
    Issued,
    Link,
    LinkStatus,
    Opened,
    Received,
    Secured,
    Sent,
)
from tui.hostile_payloads import PAYLOADS

TEXT = b"Subject: hi\r\n\r\n..two dots\r\n'quotes' $HOME \\n \t\xff\r\n"


def whole(rcpt: bytes = b"bob@mail.test", name: bytes = b"me.test", text: bytes = TEXT) -> Playbook:
    """A message sent in clear."""
    play = greeted() >> b"EHLO " + name + b"\r\n" << "250-mail.test\n250 STARTTLS"
    play = play >> "MAIL FROM:<alice@mail.test>" << "250 ok" >> b"RCPT TO:<" + rcpt + b">\r\n" << "250 ok"
    play = (play >> "DATA" << "354 go").stream(text) >> "." << "250 2.0.0 queued as ABC123"
    return (play >> "QUIT" << "221 bye").apply(Closed(99.0, "said goodbye"))


def comment(shown: str) -> str:
    """The comments of a command, in one line."""
    return " ".join(line[2:] for line in shown.split("\n") if line.startswith("# "))


# -- all kinds


@pytest.mark.parametrize("kind", KINDS)
def test_every_character_is_printable_or_a_line_end(kind: str) -> None:
    for payload in PAYLOADS.values():
        bare = payload.replace(b"\n", b"").replace(b"\r", b"")
        play = greeted() << b"250-" + payload + b"\r\n250 " + payload + b"\r\n"
        opened = Opened(0.0, payload.decode("utf-8", "surrogateescape"), 25)
        shown = export([opened, *whole(bare, bare, payload).events, *play.events], kind)
        assert shown.replace("\n", "").isprintable()
        assert shown.endswith("\n")
        shown.encode()


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(octets=st.lists(st.binary(max_size=40) | st.sampled_from([b"250 ok\r\n", b"DATA\r\n", b"354 go\r\n", b".\r\n"])))
def test_no_session_is_too_odd(kind: str, octets: list[bytes]) -> None:
    play = connected()
    for number, piece in enumerate(octets):
        play = play >> piece if number % 2 else play << piece
    assert export(play.events, kind).replace("\n", "").isprintable()


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_is_no_unicode_may_stand_in_a_kept_session(kind: str) -> None:
    name = "mail\udcff\ud800.test"
    events = [event._replace(server=name) if isinstance(event, Opened) else event for event in whole().events]
    events.append(Secured(9.0, "TLSv1.3", "x", 256, name))
    export(events, kind).encode()


@pytest.mark.parametrize("kind", KINDS)
def test_no_session_at_all(kind: str) -> None:
    assert kind == "transcript" or export([], kind)


def test_an_export_teaches_the_session_nothing() -> None:
    redactor = Redactor()
    play = connected().apply(Sent(9.0, b"AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=\r\n", secrets=((11, 35),)))
    shown = export(play.events, "swaks", redactor=redactor)
    assert "AGFsaWNl" not in shown
    assert redactor.forms == 0, "it may be of another session, and is used on another thread"


def test_another_kind_is_named() -> None:
    with pytest.raises(ValueError, match="no export called pdf: choose one of transcript"):
        export([], "pdf")


# -- reports


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


MARKUP = b"<script>alert(1)</script><img src=x onerror=y>&amp;\"'|`[a](http://x)**b**"


def test_a_page_loads_nothing_and_runs_nothing() -> None:
    page = Page(export((whole(MARKUP) << b"550 " + MARKUP + b"\r\n").events, "html"))
    allowed = {"html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "ul", "li", "strong"}
    allowed |= {"table", "thead", "tbody", "tr", "th", "td", "div", "code", "pre", "span", "br"}
    assert {tag for tag, _ in page.tags} <= allowed
    assert not any({"src", "href", "style", "onerror"} & set(attributes) for _, attributes in page.tags)
    assert "url(" not in page.text
    assert "@import" not in page.text
    assert MARKUP.decode() in page.text
    assert ("html", {"lang": "en"}) in page.tags
    assert any(tag == "meta" and "default-src 'none'" in (each.get("content") or "") for tag, each in page.tags)


def test_a_page_is_for_light_dark_and_paper_and_says_in_words_what_it_says_in_colour() -> None:
    shown = export((at_rcpt() >> "RCPT TO:<no@mail.test>" << "550 5.1.1 no").events, "html")
    assert "prefers-color-scheme: dark" in shown
    assert "@media print" in shown
    assert '<td class="bad">refused</td>' in shown
    assert '<th scope="col">Reply</th>' in shown
    assert '<th scope="row">Server</th>' in shown


def test_the_colours_of_a_page_can_be_told_from_its_back() -> None:
    """WCAG 2 AA: a contrast of at least 4.5, in light, in dark and on paper."""
    themes = re.findall(r"color-scheme: light[^{}]*--back[^}]*|\{ --back[^}]*", export([], "html"))
    assert len(themes) == 3
    for theme in themes:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6})", theme))
        for back in ("back", "panel"):
            for name in ("text", "dim", "sent", "good", "bad"):
                assert contrast(colours[name], colours[back]) >= 4.5, (name, back, colours)


def contrast(one: str, other: str) -> float:
    """The ratio of two colours' luminances, the lighter over the darker (WCAG 2)."""

    def luminance(colour: str) -> float:
        digits = "".join(2 * each for each in colour[1:]) if len(colour) == 4 else colour[1:]
        shares = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_markdown_means_nothing_but_what_we_wrote() -> None:
    shown = export((whole(MARKUP) << b"550 " + MARKUP + b"\r\n").events, "markdown")
    tokens = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(shown)
    inner = [child for token in tokens for child in token.children or []]
    assert not any(child.type in ("link_open", "image", "em_open") for child in inner)
    assert {child.content for child in inner if child.type == "html_inline"} <= {"<br>"}
    assert not any(token.type == "html_block" for token in tokens)
    assert any(child.type == "code_inline" and MARKUP.decode() in child.content for child in inner)
    headings = [tokens[index + 1].content for index, token in enumerate(tokens) if token.type == "heading_open"]
    assert headings == ["SMTP session with `mail.test port 25`", "Findings", "The connection", "Steps"]


@pytest.mark.parametrize("kind", ["markdown", "html"])
def test_a_report_has_steps_times_and_findings(kind: str) -> None:
    play = connected() >> "MAIL FROM:<a@mail.test>" << "250 2.1.0 ok" >> "RCPT TO:<b@mail.test>"
    play.apply(Sent(20.0, b"")) << "550 5.1.1 no such user"
    shown = export(play.events, kind)
    for expected in ("refused", "550 5.1.1 no such user", "1,000 ms", "AUTH", "Slowest"):
        assert expected in shown
    assert "without TLS" in shown or "in clear" in shown  # AUTH is offered there: a finding


def test_each_connection_has_a_part() -> None:
    shown = export(whole().events + greeted().events, "markdown")
    assert "## Connection 1" in shown
    assert "## Connection 2" in shown


@pytest.mark.parametrize("kind", ["markdown", "html"])
def test_a_report_is_no_longer_than_a_person_reads(kind: str) -> None:
    play = connected() >> "NOOP" << b"250 " + b"long " * 10_000 + b"\r\n"
    for _ in range(5001):
        play = play >> "NOOP" << "250 ok"
    table, _, transcript = export(play.events, kind).partition("Slowest")
    assert "5 more steps are not listed" in table
    assert re.search(r"lo?n?g? *\+4\d,\d{3} bytes", table)
    assert bool(transcript.count("long ") == 10_000) == (kind == "html")


def test_json_lines_are_read_back(tmp_path: Path) -> None:
    events = whole().events
    (tmp_path / "kept").write_text(export(events, "jsonl"))
    loaded = load(tmp_path / "kept")
    assert loaded.problem == ""
    assert loaded.recorder[:] == events
    (tmp_path / "again").write_text(export(loaded.recorder, "jsonl"))
    assert load(tmp_path / "again").recorder[:] == events


# -- commands


STUB = """#!/bin/sh
printf '%s\\0' "$@" > argv
cat > input
"""


def argv_of(kind: str, script: str, folder: Path) -> tuple[list[bytes], bytes]:
    """What a program of this name is called with, and what comes in by its pipe; it may make no file but these."""
    (folder / "bin").mkdir()
    (folder / "bin" / kind).write_text(STUB)
    (folder / "bin" / kind).chmod(0o755)
    environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PAUSE": "0", "SMTP_PASSWORD": "pass word"}
    subprocess.run(["sh"], input=script.encode(), cwd=folder, env=environment, check=True, timeout=20)
    assert {each.name for each in folder.iterdir()} == {"bin", "argv", "input"}
    return (folder / "argv").read_bytes().split(b"\0")[:-1], (folder / "input").read_bytes()


HOSTILE = [
    b"$(touch x)@x",
    b"`touch x`@x",
    b"'; touch x; '@x",
    b'"a b"@x',
    b"-x@y",
    b"a\tb@x",
    b"\xff\xc3(@x",
    b"~root@x",
    b"*",
]


@pytest.mark.parametrize("rcpt", HOSTILE)
def test_swaks_gets_hostile_words_as_they_are(rcpt: bytes, tmp_path: Path) -> None:
    argv, stdin = argv_of("swaks", export(whole(rcpt, rcpt).events, "swaks"), tmp_path)
    joined = b"\n".join(argv)
    assert rcpt in argv or b"--to=" + rcpt in argv
    assert b"--to" in joined
    assert stdin == TEXT + b"."


@pytest.mark.parametrize("rcpt", HOSTILE)
def test_curl_gets_hostile_words_as_they_are(rcpt: bytes, tmp_path: Path) -> None:
    argv, stdin = argv_of("curl", export(whole(rcpt, rcpt).events, "curl"), tmp_path)
    assert argv[argv.index(b"--mail-rcpt") + 1] == rcpt
    url = argv[argv.index(b"--url") + 1]
    assert url.startswith(b"smtp://mail.test:25/")
    assert not set(url) & set(b" '\"$`\t")
    assert stdin == TEXT.replace(b"\r\n..", b"\r\n.")


@pytest.mark.parametrize("rcpt", HOSTILE)
def test_openssl_is_told_the_octets_of_the_session(rcpt: bytes, tmp_path: Path) -> None:
    events = whole(rcpt, rcpt).events
    argv, stdin = argv_of("openssl", export(events, "openssl"), tmp_path)
    assert argv[argv.index(b"-name") + 1] == rcpt
    assert stdin == b"".join(event.data for event in events if isinstance(event, Sent))


@pytest.mark.parametrize("rcpt", [*HOSTILE, b'")\nimport os\n#', b"\\"])
def test_a_script_of_python_has_hostile_words_as_constants(rcpt: bytes) -> None:
    line = rcpt.replace(b"\n", b" ")
    script = export(whole(line, line).events, "python")
    tree = ast.parse(script)
    constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert b"RCPT TO:<" + line + b">" in constants
    assert TEXT.replace(b"\r\n..", b"\r\n.") in constants
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert names == ["asyncio", "os"]


def test_openssl_says_raw_octets_as_they_are(tmp_path: Path) -> None:
    play = in_tls() >> b"NOOP \0\x1b[2J\n" << "500 no" >> b"VRFY bob\r\n" << "252 perhaps" >> "QUIT" << "221 bye"
    _, stdin = argv_of("openssl", export(tls_from_the_handshake(play), "openssl"), tmp_path)
    assert stdin == b"EHLO me\r\nNOOP \0\x1b[2J\nVRFY bob\r\nQUIT\r\n"


def tls_from_the_handshake(play: Playbook) -> list[Event]:
    """The events, those behind the handshake marked as in TLS; the playbook does not."""
    secured = next(index for index, event in enumerate(play.events) if type(event).__name__ == "Secured")
    behind = play.events[secured:]
    return [
        *play.events[:secured],
        *(event._replace(tls=True) if isinstance(event, Sent | Received) else event for event in behind),
    ]


def typed_login(token: bytes) -> Playbook:
    """AUTH typed by hand: no step says who logs in."""
    start = len(b"AUTH PLAIN ")
    sent = Sent(9.0, b"AUTH PLAIN " + token + b"\r\n", secrets=((start, start + len(token)),))
    return connected().apply(sent) << "235 ok"


def test_who_logs_in_is_read_from_a_typed_login() -> None:
    shown = export(typed_login(b"AGFsaWNlAHdvbmRlcmxhbmQ=").events, "swaks")
    assert "--auth-user alice" in shown
    unknown = export(typed_login(b"*" * 24).events, "swaks")  # as a kept session has it
    assert '--auth-user "$SMTP_USER"' in unknown
    assert "the user's name from $SMTP_USER" in comment(unknown)


@pytest.mark.parametrize("kind", COMMANDS)
def test_what_cannot_be_told_is_said(kind: str) -> None:
    long = whole(text=b"x" * (INLINE + 1) + b"\r\n").events
    assert "put it into message.eml" in comment(export(long, kind))
    two = whole().events + whole(b"later@mail.test").events
    assert "connections" in comment(export(two, kind))
    assert "later@mail.test" in export(two, kind)
    dropped = [*at_data().events, Issued(50.0, Drop()), Closed(51.0, "dropped")]
    assert "without QUIT" in comment(export(dropped, kind)) or "--drop-after DATA" in export(dropped, kind)


@pytest.mark.parametrize(
    ("kind", "make", "said"),
    [
        ("swaks", lambda: at_rcpt() >> "RSET" << "250 ok" >> "VRFY bob" << "252 ok", "Left out: RSET, VRFY bob"),
        ("swaks", lambda: connected() >> "MAIL FROM:<a@x> SIZE=9 BODY=8BITMIME" << "250 ok", "no parameters"),
        ("swaks", lambda: whole(b'"a,b"@x'), "comma"),
        ("swaks", lambda: connected() >> b"MAIL FROM:<a@x>\n" << "250 ok", r"MAIL FROM:<a@x>\n"),
        ("curl", lambda: connected() >> "MAIL FROM:<a@x>" << "250 ok", "curl cannot stop after MAIL"),
        ("curl", lambda: connected(hello="LHLO"), "LHLO"),
        ("swaks", lambda: connected() >> "AUTH NTLM" << "334 " >> "x" << "535 no", "AUTH NTLM is left out"),
        ("curl", lambda: connected() >> "AUTH NTLM" << "334 " >> "x" << "535 no", "AUTH NTLM is left out"),
        ("openssl", lambda: connected() >> "AUTH NTLM" << "334 " >> "x" << "535 no", "AUTH NTLM is left out"),
        ("python", lambda: connected() >> "AUTH NTLM" << "334 " >> "x" << "535 no", "AUTH of this session is left out"),
        ("swaks", lambda: connected() >> "MAIL FROM:<a@x>\nRCPT TO:<b@x>" << "250 ok\n250 ok", "went out together"),
        ("python", lambda: connected() >> "NOOP\nNOOP" << "250 ok\n250 ok", "went out together"),
        ("openssl", lambda: connected() >> b"NO" >> b"OP\r\n" << "250 ok", "other pieces than lines"),
        ("python", lambda: whole(text=b"a\nb\r\n"), "lone CRs and LFs"),
        ("swaks", lambda: at_rcpt(connected() >> "RCPT TO:<early@x>" << "503 no"), "left out: RCPT TO:<early@x>"),
        ("openssl", lambda: connected("250 mail.test"), "begins with STARTTLS, though the server did not offer it"),
        ("openssl", whole, "in clear"),
        ("openssl", whole, "-quiet"),
        ("python", lambda: at_rcpt() >> b"BDAT 4 LAST\r\n1234" << "250 ok", "BDAT"),
        ("python", at_data, "text was not ended"),
        ("swaks", lambda: connected("250 x") >> "AUTH PLAIN eA==" << "503 no", "not offer AUTH: swaks will not say it"),
        ("curl", lambda: connected("250 x") >> "STARTTLS" << "502 no", "not offer STARTTLS: curl will not say it"),
        (
            "python",
            lambda: connected("250 x") >> "STARTTLS" << "502 no",
            "not offer STARTTLS: aiosmtplib will not say it",
        ),
        ("swaks", lambda: connected() >> "STARTTLS" << "454 no" >> "MAIL FROM:<a@x>" << "250 ok", "left out: STARTTLS"),
    ],
)
def test_what_a_program_cannot_do_is_said(kind: str, make: Callable[[], Playbook], said: str) -> None:
    assert said.lower() in comment(export(make().events, kind)).lower()


NASTY = st.sampled_from(
    [b"'", b'"', b"$(touch x)", b"`", b"\\", b"\n", b"\r", b"\0", b" ", b">", b"<", b"#", b"\\c", b"%", b"a"]
)
WORDS = st.lists(NASTY | st.binary(max_size=3), max_size=6).map(b"".join)
LINES = st.tuples(
    st.sampled_from(
        [b"EHLO ", b"MAIL FROM:<", b"RCPT TO:<", b"AUTH PLAIN ", b"AUTH LOGIN", b"DATA", b"NOOP", b"", b"."]
    ),
    WORDS,
    st.sampled_from([b"\r\n", b">\r\n", b"\n"]),
).map(b"".join)
REPLIES = st.sampled_from([b"250 ok\r\n", b"354 go\r\n", b"334 VXNlcm5hbWU6\r\n", b"550 no\r\n", b"235 ok\r\n", b""])


@pytest.mark.parametrize("kind", COMMANDS)
@settings(max_examples=40)
@given(talk=st.lists(st.tuples(LINES, REPLIES), max_size=12), user=st.text(max_size=5))
def test_every_command_can_be_read(kind: str, talk: list[tuple[bytes, bytes]], user: str) -> None:
    """Whatever was said: a shell, or Python, finds nothing wrong with it."""
    play = greeted()
    for line, reply in talk:
        if line.startswith(b"AUTH"):
            play.apply(Issued(play.time, SMTPCommand.AUTH, user=user))
        play = play >> line << reply
    script = export(play.events, kind)
    if kind == "python":
        compile(script, "script", "exec")
    else:
        subprocess.run(["sh", "-n"], input=script.encode(), check=True, timeout=20)


def test_tls_that_was_refused_is_tried_again_only_where_the_session_ended_with_it() -> None:
    refused = connected() >> "STARTTLS" << "454 no"
    assert "--tls" in export((refused >> "QUIT" << "221 bye").events, "swaks")
    refused = connected() >> "STARTTLS" << "454 no"
    assert "--tls" not in export((refused >> "MAIL FROM:<a@x>" << "250 ok").events, "swaks")


def test_of_transactions_that_came_equally_far_the_last_is_told_and_a_refused_rset_ends_none() -> None:
    play = greeted() >> "EHLO me" << "250 mail.test"
    for name in ("first", "second"):
        play = play >> f"MAIL FROM:<{name}@mail.test>" << "250 ok" >> "RSET" << "250 ok"
    assert "--from second@mail.test" in export(play.events, "swaks")
    play = play >> "MAIL FROM:<third@mail.test>" << "250 ok" >> "RSET" << "502 no"
    play = play >> "RCPT TO:<bob@mail.test>" << "250 ok"
    assert "--to bob@mail.test" in export(play.events, "swaks")


def test_a_handshake_from_the_first_octet_that_fails_is_no_starttls() -> None:
    events: list[Event] = [
        Opened(0.0, "mail.test", 465, implicit_tls=True),
        Link(0.1, LinkStatus.SECURING, "mail.test"),
        Failed(0.2, Connect(), "the server speaks no TLS"),
        Closed(0.2, "the server speaks no TLS"),
    ]
    shown = export(events, "swaks")
    assert "--tls-on-connect" in shown
    assert "--quit-after BANNER" in shown


@pytest.mark.parametrize(("went_on", "checked"), [(False, True), (True, False)])
def test_a_bad_certificate_is_checked_again_only_where_it_ended_the_session(went_on: bool, checked: bool) -> None:
    events: list[Event] = [Opened(0.0, "mail.test", 465, implicit_tls=True)]
    events.append(Secured(0.1, "TLSv1.3", "X", 256, "mail.test", ("the certificate expired",)))
    if went_on:
        events += [
            Link(0.2, LinkStatus.CONNECTED),
            Received(1.0, b"220 hi\r\n", tls=True),
            Sent(1.1, b"EHLO me\r\n", tls=True),
            Received(1.2, b"250 mail.test\r\n", tls=True),
        ]
    events.append(Closed(2.0, "x"))
    assert ("--tls-verify" in export(events, "swaks")) == checked


def test_of_much_that_is_left_out_eight_lines_are_named_and_the_rest_counted() -> None:
    play = greeted() >> "EHLO me" << "250 mail.test"
    for number in range(12):
        play = play >> f"NOOP {number}x" << "250 ok"
    said = comment(export(play.events, "swaks"))
    assert "NOOP 7x and 4 more" in said
    assert "NOOP 8x" not in said


def test_an_address_that_looks_like_an_option_and_an_empty_one_reach_swaks() -> None:
    play = greeted() >> "EHLO me" << "250 mail.test" >> "MAIL FROM:<>" << "250 ok"
    shown = export((play >> "RCPT TO:<--help@mail.test>" << "250 ok").events, "swaks")
    assert "--from '<>'" in shown
    assert "--to=--help@mail.test" in shown


def test_a_session_that_was_dropped_is_dropped_again() -> None:
    quit, dropped = whole().events, [event for event in whole().events if not _is_of_quit(event)]
    assert "--drop-after" not in export(quit, "swaks")
    assert "--drop-after DOT" in export([*dropped[:-1], Issued(98.0, Drop(), "drop"), dropped[-1]], "swaks")
    assert "-nocommands" not in export(quit, "openssl")
    assert "-no_ign_eof -nocommands" in export(dropped, "openssl"), (
        "without QUIT it is the end of the input that ends it"
    )


def _is_of_quit(event: Event) -> bool:
    return isinstance(event, Sent | Received) and event.data in (b"QUIT\r\n", b"221 bye\r\n")


@pytest.mark.parametrize(
    ("name", "said"), [("mail.test", "-servername mail.test"), ("192.0.2.7", "-verify_ip 192.0.2.7")]
)
def test_a_server_is_named_to_openssl_as_it_was_judged(name: str, said: str) -> None:
    shown = export([Opened(0.0, name, 465, implicit_tls=True), Secured(0.1, "TLSv1.3", "X", 256, name)], "openssl")
    assert said in shown
    assert ("-servername" in shown) == (name == "mail.test"), "SNI takes no address (RFC 6066 3)"


def test_the_name_is_that_of_the_hello_that_was_accepted() -> None:
    play = greeted() >> "EHLO good.test" << "250 mail.test" >> "EHLO bad.test" << "501 no"
    assert "--helo good.test" in export(play.events, "swaks")


def test_a_recipient_that_was_refused_does_not_end_curl() -> None:
    play = at_rcpt() >> "RCPT TO:<no@mail.test>" << "550 no" >> "DATA" << "354 go"
    play = play.stream(b"x\r\n") >> "." << "250 ok"
    assert "--mail-rcpt-allowfails" in export(play.events, "curl")
    assert "--mail-rcpt-allowfails" not in export(whole().events, "curl")
