"""Steps of AUTH that wait for the user: what is shown of them, what they become, and that nothing waits for ever."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.scripted import Handler, Peer
from session.driving import EHLO, GREETING, LOGIN, QUIT, Driven, driving
from smtpscope.secret import Secret
from smtpscope.session.login_steps import Change, Waiting, Word, alike, as_text, encoded
from smtpscope.session.login_way import Login, Way, completions, parse
from smtpscope.session.moment import Moment
from smtpscope.session.redact import Redactor
from smtpscope.smtp.events import Proposed, Sent
from smtpscope.smtp.sasl_steps import respond

ALICE = b"\0alice\0wonderland"
STEPS = Way(steps=True)


def waiting(mechanism: str, data: bytes, secret: bool = True, asked: bytes | None = None) -> Waiting:
    redactor = Redactor()
    redactor.know(Secret("wonderland"))
    return Waiting(mechanism, respond(data, secret), asked, redactor)


# -- what is shown, and what becomes of it


@pytest.mark.parametrize(
    ("mechanism", "data", "secret", "asked", "shown"),
    [
        ("PLAIN", ALICE, True, None, r"\0alice\0{secret}"),
        ("PLAIN", b"bob\0alice\0wonderland", True, b"", r"bob\0alice\0{secret}"),
        ("PLAIN", b"\0alice\0", True, b"", r"\0alice\0"),
        ("LOGIN", b"alice", False, b"Username:", "alice"),
        ("LOGIN", b"wonderland", True, b"Password:", "{secret}"),
        ("LOGIN", b"word", True, b"what?", "{secret}"),
        ("LOGIN", b"word", True, b"Username:", "{secret}"),
        ("LOGIN", b"*", False, b"Username:", r"\x2a"),
        ("LOGIN", b"{secret}", False, b"Username:", r"\x7bsecret}"),
        ("LOGIN", b"back\\slash", False, b"Username:", r"back\\slash"),
        ("LOGIN", b"", False, b"Username:", ""),
        ("CRAM-MD5", b"alice 0123456789abcdef0123456789abcdef", True, b"<1@x>", "alice {secret}"),
        ("SCRAM-SHA-256", b"n,,n=alice,r=abc", False, None, "n,,n=alice,r=abc"),
        ("SCRAM-SHA-256", b"n,,n=wonderland,r=abc", False, None, "n,,n={secret},r=abc"),
        ("SCRAM-SHA-256", b"c=biws,r=abcdef,p=cHJvb2Y=", True, b"r=abcdef", "c=biws,r=abcdef,p={secret}"),
        (
            "XOAUTH2",
            b"user=alice\x01auth=Bearer t0ken\x01\x01",
            True,
            None,
            r"user=alice\x01auth=Bearer {secret}\x01\x01",
        ),
        ("PLAIN", b"\0wonderland1\0wonderland", True, None, r"\0{secret}1\0{secret}"),
        ("PLAIN", b"\0wonderland1\0other", True, None, r"\0{secret}1\0{secret2}"),
    ],
)
def test_a_step_is_shown_without_its_secrets_and_goes_out_whole(
    mechanism: str, data: bytes, secret: bool, asked: bytes | None, shown: str
) -> None:
    step = waiting(mechanism, data, secret, asked)
    assert step.text == shown
    assert step.made(Word(shown)).encoded == b64encode(data)
    assert step.made(Word(shown, encoded(shown))).encoded == b64encode(data)
    assert "wonderland" not in repr(vars(step)["text"])


@given(st.binary(), st.booleans())
def test_any_step_goes_out_as_it_is_if_nothing_is_changed(data: bytes, secret: bool) -> None:
    step = waiting("LOGIN", data, secret, b"?")
    assert step.made(Word(step.text)).encoded == b64encode(data)
    assert step.made(Word(step.text, encoded(step.text))).encoded == b64encode(data)
    assert step.text.isprintable() or not step.text


WHOLE = r"\0alice\0{secret}"


@pytest.mark.parametrize(
    ("text", "line", "goes_out"),
    [
        (r"bob\0alice\0{secret}", None, b64encode(b"bob" + ALICE)),
        (r"bob\0alice\0{secret}", "{base64}", b64encode(b"bob" + ALICE)),
        ("{secret}", None, b64encode(b"wonderland")),
        (r"\x7bsecret}", None, b64encode(b"{secret}")),
        ("{secret3}", None, b64encode(b"{secret3}")),
        ("{base64}", None, b64encode(b"{base64}")),
        ("", None, b""),
        ("*", None, b"*"),
        ("*", "*", b"*"),
        (WHOLE, "*", b"*"),
        (r"\x2a", None, b"Kg=="),
        (WHOLE, "{base64}!!", b64encode(ALICE) + b"!!"),
        (WHOLE, "{secret}", b"{secret}"),
        (WHOLE, "!!", b"!!"),
        (WHOLE, "", b""),
        (WHOLE, r"\0", b"\0"),
    ],
)
def test_a_changed_step_goes_out_as_it_was_changed(text: str, line: str | None, goes_out: bytes) -> None:
    assert waiting("PLAIN", ALICE).made(Word(text, line)).encoded == goes_out


def test_the_line_of_a_step_is_shown_where_nothing_in_it_is_secret() -> None:
    assert encoded("n,,n=alice,r=abc") == "biwsbj1hbGljZSxyPWFiYw=="
    assert encoded(WHOLE) == "{base64}"
    assert b64decode(encoded(r"\x7bsecret}")) == b"{secret}"
    assert encoded("*") == as_text("*", "alice") == "*"


@pytest.mark.parametrize(
    ("line", "text", "shown"),
    [
        ("Ym9i", "alice", "bob"),
        ("", "alice", ""),
        ("AGE=", "alice", r"\0a"),
        ("Kg==", "alice", r"\x2a"),
        ("e3NlY3JldH0=", "alice", r"\x7bsecret}"),
        ("{base64}", WHOLE, WHOLE),
        ("{base64}!!", WHOLE, WHOLE),
        ("Ym9i!", "alice", "alice"),
        ("Ym9", "alice", "alice"),
    ],
)
def test_a_line_in_base64_is_shown_as_the_text_that_it_stands_for(line: str, text: str, shown: str) -> None:
    assert as_text(line, text) == shown


@given(st.text())
def test_both_forms_of_any_text_say_the_same(text: str) -> None:
    assert as_text(encoded(text), text) == text
    step = waiting("LOGIN", b"alice", False)
    assert step.made(Word(text, encoded(text))) == step.made(Word(text))


@pytest.mark.parametrize(
    ("mechanism", "data", "secret", "asked", "word", "hidden"),
    [
        ("LOGIN", b"alice", False, b"Username:", Word("bob"), False),
        ("LOGIN", b"alice", False, None, Word("bob"), False),
        ("LOGIN", b"alice", False, b"whom?", Word("bob"), False),
        ("LOGIN", b"alice", False, b"Username:", Word("alice", "Ym9i!"), False),
        ("LOGIN", b"alice", False, b"Username:", Word("wonderland"), True),
        ("LOGIN", b"alice", False, b"Username:", Word("alice", "wonderland"), True),
        ("LOGIN", b"wonderland", True, b"Password:", Word("{secret}"), True),
        ("LOGIN", b"wonderland", True, b"Password:", Word("other"), True),
        ("LOGIN", b"wonderland", True, b"whom?", Word("other"), True),
        ("LOGIN", b"wonderland", True, b"Password:", Word("{secret}", "!!"), True),
        ("PLAIN", ALICE, True, None, Word(r"bob\0alice\0{secret}"), True),
        ("PLAIN", ALICE, True, None, Word(r"\0{secret}\0x"), True),
        ("PLAIN", ALICE, True, None, Word("just this"), True),
        ("PLAIN", ALICE, True, None, Word("*"), False),
        ("PLAIN", ALICE, True, None, Word(""), False),
        ("CRAM-MD5", b"alice " + b"0" * 32, True, b"<1@x>", Word("alice"), True),
        ("SCRAM-SHA-256", b"n,,n=alice,r=abc", False, None, Word("n,,n=bob,r=abc"), False),
        ("SCRAM-SHA-256", b"n,,n=alice,r=abc", False, None, Word("n,,n=bob,r=abc,p=cHJvb2Y="), True),
        ("SCRAM-SHA-256", b"c=biws,r=ab,p=cHJvb2Y=", True, b"r=ab", Word("c=biws,r=ab"), False),
        ("EXTERNAL", b"alice", False, None, Word("bob"), False),
    ],
)
def test_of_a_changed_step_only_what_is_secret_is_hidden(
    mechanism: str, data: bytes, secret: bool, asked: bytes | None, word: Word, hidden: bool
) -> None:
    assert waiting(mechanism, data, secret, asked).made(word).secret == hidden


@given(st.text(), st.text())
def test_a_change_of_the_same_text_gives_what_the_user_made_of_it(before: str, after: str) -> None:
    assert alike(before, after, before) == after
    assert alike(before, before, after) == after


@pytest.mark.parametrize(
    ("before", "after", "text", "changed"),
    [
        ("n,,n=alice,r=abc", "n,,n=bob,r=abc", "n,,n=alice,r=xyz", "n,,n=bob,r=xyz"),
        ("c=biws,r=abcd,p={secret}", "c=biws,r=abcd,p=x", "c=biws,r=abcdefgh,p={secret}", "c=biws,r=abcdefgh,p=x"),
        ("alice {secret}", "*", "alice {secret}", "*"),
        ("n,,n=alice,r=abc", "*", "n,,n=alice,r=xyz", "*"),
        ("alice", "*", "alice@mail.test", "*"),
    ],
)
def test_the_same_is_made_of_the_next_step_like_it(before: str, after: str, text: str, changed: str) -> None:
    assert alike(before, after, text) == changed


@pytest.mark.parametrize(
    ("word", "changed"),
    [
        (Word("alice"), Word("carol")),
        (Word("bob"), Word("bob")),
        (Word("alice", "YWxpY2U=!"), Word("carol", "Y2Fyb2w=!")),
        (Word("bob", "Ym9i"), Word("bob", "Ym9i")),
        (Word("alice", "*"), Word("carol", "*")),
        (Word("{secret}", "{base64}!"), Word("{secret}", "{base64}!")),
    ],
)
def test_so_it_is_where_the_line_itself_was_changed(word: Word, changed: Word) -> None:
    assert Change("alice", word).of("carol") == changed


# -- the words of :auth


@pytest.mark.parametrize(
    ("words", "login"),
    [
        ("", Login("CRAM-MD5", None, Way())),
        ("plain", Login("PLAIN", None, Way())),
        ("steps", Login("CRAM-MD5", None, STEPS)),
        ("PLAIN steps user=bob authzid=root initial=no", Login("PLAIN", "bob", Way("root", False, "", True))),
        (r"LOGIN user=a\x20b initial=yes", Login("LOGIN", "a b", Way(initial=True))),
        ("SCRAM-SHA-1-PLUS binding=tls-unique", Login("SCRAM-SHA-1-PLUS", None, Way(binding="tls-unique"))),
        ("PLAIN authzid=", Login("PLAIN", None, Way())),
    ],
)
def test_the_words_of_a_login(words: str, login: Login) -> None:
    assert parse(words.split(), "CRAM-MD5") == login


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("QUACK", "AUTH QUACK cannot be run here: choose one of SCRAM-SHA-512-PLUS, .*, or type it by hand"),
        ("PLAIN LOGIN", "auth does not know the word LOGIN: it takes MECHANISM user=NAME"),
        ("PLAIN password=x", "auth does not know the word password=: it"),
        ("PLAIN initial=maybe", "initial= takes yes or no"),
        ("SCRAM-SHA-1-PLUS binding=x", "binding= takes tls-exporter or tls-server-end-point or tls-unique"),
        ("PLAIN binding=tls-unique", "AUTH PLAIN binds to no TLS"),
        ("LOGIN authzid=root", "AUTH LOGIN has one name and no authzid: user= gives that"),
        ("initial=yes", "in AUTH CRAM-MD5 the server speaks first"),
    ],
)
def test_what_is_wrong_with_them_is_said(words: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse(words.split(), "CRAM-MD5")


def test_they_are_completed() -> None:
    offered = ["LOGIN", "X-OTHER", "PLAIN"]
    assert completions("", offered)[:3] == ["LOGIN", "PLAIN", "SCRAM-SHA-512-PLUS"]
    assert completions("", offered).count("PLAIN") == 1
    assert completions("", offered)[-5:] == ["user=", "authzid=", "initial=", "binding=", "steps"]
    assert completions("pl", offered) == ["PLAIN"]
    assert completions("plain ", offered) == [
        f"plain {o}" for o in ("user=", "authzid=", "initial=", "binding=", "steps")
    ]
    assert completions("PLAIN steps in", offered) == ["PLAIN steps initial="]
    assert completions("PLAIN initial=", offered) == ["PLAIN initial=yes", "PLAIN initial=no"]
    assert completions("X binding=tls-s", offered) == ["X binding=tls-server-end-point"]
    assert completions("PLAIN user=", offered) == []


# -- in a session


def challenge(text: bytes) -> bytes:
    return b"334 " + b64encode(text) + b"\r\n"


def proposed(driven: Driven) -> Proposed | None:
    """What waits, as the screen knows it."""
    moment = Moment()
    for event in driven.recorder:
        moment.apply(event)
    return moment.proposed


async def to_step(driven: Driven, mechanism: str, way: Way = STEPS) -> None:
    """Connect, say hello, and go as far as the first step."""
    await driven.do("connect")
    await driven.do("send", b"EHLO me.test\r\n")
    await driven.do("login", mechanism, None, None, way)


async def test_plain_without_initial_response_and_another_authzid() -> None:
    script = [GREETING, EHLO, (b"AUTH PLAIN", challenge(b"")), (b"", b"535 5.7.8 no\r\n")]
    async with driving(script, **LOGIN) as driven:
        await to_step(driven, "PLAIN", Way(initial=False, steps=True))
        step = proposed(driven)
        assert step is not None
        assert step[1:] == ("PLAIN", r"\0alice\0{secret}", False)
        assert driven.wire.endswith(b"AUTH PLAIN\r\n")
        await driven.do("respond", r"root\0alice\0{secret}")
        assert driven.wire.endswith(b64encode(b"root" + ALICE) + b"\r\n")
        assert proposed(driven) is None
        assert driven.failures == []
        assert driven.session._done[-1].code == 535


async def test_a_first_step_that_is_cancelled_is_not_sent() -> None:
    async with driving([GREETING, EHLO, QUIT], **LOGIN) as driven:
        await to_step(driven, "PLAIN")
        step = proposed(driven)
        assert step is not None
        assert step.along
        await driven.do("respond", "*")
        assert driven.failures == ["AUTH PLAIN was not sent: its first step was cancelled"]
        assert proposed(driven) is None
        await driven.do("send", b"QUIT\r\n")
        assert b"AUTH" not in driven.wire


async def test_a_later_step_that_is_cancelled_is_a_star() -> None:
    script = [GREETING, EHLO, (b"AUTH CRAM-MD5", challenge(b"<1@x>")), (b"*", b"501 5.7.0 cancelled\r\n")]
    async with driving(script, **LOGIN) as driven:
        await to_step(driven, "CRAM-MD5")
        await driven.do("respond", "*")
        assert driven.lines[-2:] == [" -> *", "<** 501 5.7.0 cancelled"]
        assert driven.failures == []


async def test_each_step_of_login_waits() -> None:
    user, word = b64encode(b"alice"), b64encode(b"wonderland")
    script = [GREETING, EHLO, (b"AUTH LOGIN " + user, challenge(b"Password:")), (word, b"235 2.7.0 ok\r\n")]
    async with driving(script, **LOGIN) as driven:
        await to_step(driven, "LOGIN", Way(initial=True, steps=True))
        for text, along in (("alice", True), ("{secret}", False)):
            step = proposed(driven)
            assert step is not None
            assert (step.text, step.along) == (text, along)
            await driven.do("respond", text)
        assert driven.session.machine.facts.auth
        assert driven.wire.endswith(b"AUTH LOGIN " + user + b"\r\n" + word + b"\r\n")
        told = repr([event for event in driven.recorder if not isinstance(event, Sent)])
        assert "wonderland" not in told
        assert word.decode() not in told


Ending = Callable[[Peer], Awaitable[None]]


def until(go: asyncio.Event, initial: bool, ends: Ending) -> Handler:
    """A server that offers AUTH, asks for the first response, and does something else when ``go`` is set."""

    async def server(peer: Peer) -> None:
        await peer.send(GREETING[1])
        await peer.line()
        await peer.send(EHLO[1])
        if not initial:
            await peer.line()
            await peer.send(challenge(b""))
        await go.wait()
        await ends(peer)

    return server


async def closes(peer: Peer) -> None:
    peer.close()


async def resets(peer: Peer) -> None:
    peer.reset()


async def goes(peer: Peer) -> None:
    await peer.send(b"421 4.4.2 too slow\r\n")
    peer.close()


@pytest.mark.parametrize("ends", [closes, resets, goes])
@pytest.mark.parametrize("initial", [True, False])
async def test_no_step_waits_when_the_server_has_ended_the_connection(ends: Ending, initial: bool) -> None:
    go = asyncio.Event()
    async with driving(until(go, initial, ends), **LOGIN) as driven:
        await to_step(driven, "PLAIN", Way(initial=initial, steps=True))
        assert proposed(driven) is not None
        go.set()
        await driven.over()
        await nothing_waits(driven)
        await driven.do("respond", "x")
        assert driven.failures == ["no step of AUTH waits any more: nothing was sent"]


@pytest.mark.parametrize("initial", [True, False])
async def test_no_step_waits_when_the_connection_was_dropped(initial: bool) -> None:
    go = asyncio.Event()
    async with driving(until(go, initial, closes), **LOGIN) as driven:
        await to_step(driven, "PLAIN", Way(initial=initial, steps=True))
        assert proposed(driven) is not None
        driven.session.drop()
        await driven.over()
        await nothing_waits(driven)
        go.set()
        assert driven.wire.endswith(b"EHLO me.test\r\n" if initial else b"AUTH PLAIN\r\n")


async def nothing_waits(driven: Driven) -> None:
    assert proposed(driven) is None
    assert driven.failures == []
    assert not driven.session._busy()


async def test_a_step_that_was_answered_before_it_went_never_becomes_a_command() -> None:
    go = asyncio.Event()

    async def refuses(peer: Peer) -> None:
        await peer.send(b"454 4.7.0 too slow\r\n")
        assert await peer.line() == b"NOOP"
        await peer.send(b"250 ok\r\n")
        await peer.gone()

    async with driving(until(go, False, refuses), **LOGIN) as driven:
        await to_step(driven, "PLAIN", Way(initial=False, steps=True))
        go.set()
        await driven.until(lambda: proposed(driven) is None)
        await driven.idle()
        assert driven.session._done[-1].code == 454
        await driven.do("send", b"NOOP\r\n")
        assert driven.wire.endswith(b"AUTH PLAIN\r\nNOOP\r\n")
        assert not driven.session.machine.pending


async def test_of_two_logins_at_once_one_waits_and_the_other_is_refused() -> None:
    async with driving([GREETING, EHLO, (b"AUTH PLAIN", b"235 2.7.0 ok\r\n")], **LOGIN) as driven:
        await driven.do("connect")
        await driven.do("send", b"EHLO me.test\r\n")
        driven.session.login("PLAIN", None, None, STEPS)
        driven.session.login("PLAIN", None, None, STEPS)
        await driven.until(lambda: driven.failures)
        assert driven.failures == ["a step of another AUTH waits: send it or cancel it first"]
        await driven.do("respond", "{secret}")
        assert driven.session.machine.facts.auth
        assert not driven.session._busy()


async def test_a_reply_to_what_was_sent_before_takes_no_step_away() -> None:
    go = asyncio.Event()

    async def slow(peer: Peer) -> None:
        await peer.send(GREETING[1])
        await peer.line()
        await peer.send(EHLO[1])
        assert await peer.line() == b"NOOP"
        await go.wait()
        await peer.send(b"250 2.0.0 Ok\r\n250 nobody asked for this\r\n")
        assert await peer.line() == b"AUTH PLAIN " + b64encode(ALICE)
        await peer.send(b"235 2.7.0 ok\r\n")
        await peer.gone()

    async with driving(slow, **LOGIN) as driven:
        await driven.do("connect")
        await driven.do("send", b"EHLO me.test\r\n")
        driven.session.send(b"NOOP\r\n")
        driven.session.login("PLAIN", None, None, STEPS)
        await driven.until(lambda: proposed(driven) is not None)
        go.set()
        await driven.until(lambda: len(driven.session.machine.pending) == 0)
        step = proposed(driven)
        assert step is not None, "it still waits"
        await driven.do("respond", step.text)
        assert proposed(driven) is None
        assert driven.session.machine.facts.auth


# -- done again


def logins(*responses: bytes, refusal: bytes = b"535 5.7.8 no\r\n") -> list[tuple[bytes | None, bytes]]:
    """Greeting, EHLO, AUTH PLAIN without a response, and one of these."""
    return [GREETING, EHLO, (b"AUTH PLAIN", challenge(b"")), *((each, refusal) for each in responses)]


async def test_a_replay_sends_the_steps_as_they_were_changed_and_waits_for_nobody() -> None:
    changed = b64encode(b"root" + ALICE)
    async with driving(logins(changed), **LOGIN) as driven:
        await to_step(driven, "PLAIN", Way(initial=False, steps=True))
        await driven.do("respond", r"root\0alice\0{secret}")
        before = driven.wire
        await driven.do("replay", len(driven.recorder) - 1)
        assert driven.wire == before * 2
        await driven.do("replay", len(driven.recorder) - 1)
        assert driven.wire == before * 3, "and so does the replay of a replay"


async def test_a_replay_stops_at_the_step_that_the_user_has_said_nothing_of() -> None:
    user, word = b64encode(b"bob"), b64encode(b"wonderland")
    script = [GREETING, EHLO, (b"AUTH LOGIN", challenge(b"Username:")), (user, challenge(b"Password:"))]
    async with driving([*script, (word, b"235 2.7.0 ok\r\n")], **LOGIN) as driven:
        await to_step(driven, "LOGIN", Way(initial=False, steps=True))
        await driven.do("respond", "bob")
        before = driven.wire
        await driven.do("replay", len(driven.recorder) - 1)
        await driven.until(lambda: proposed(driven) is not None)
        assert driven.wire == before * 2, "no password goes out that the user has not let go"
        await driven.do("respond", "{secret}")
        assert driven.session.machine.facts.auth


async def test_a_repetition_logs_in_as_it_was_done_by_hand() -> None:
    bad = b64encode(ALICE) + b"!!"
    script = [*logins(bad, refusal=b"501 5.5.2 no base64\r\n"), QUIT]
    async with driving(script, **LOGIN) as driven:
        await to_step(driven, "PLAIN", Way(initial=False, steps=True))
        await driven.do("respond", r"\0alice\0{secret}", "{base64}!!")
        driven.session.repeat(2)
        await driven.asked("repeat")
        await driven.answer(2)
        await driven.until(lambda: not driven.session._busy())
        assert driven.wire.count(bad) == 3
        assert driven.wire.count(b"QUIT") == 3


async def test_a_variation_logs_in_as_it_was_done_by_hand() -> None:
    changed = b64encode(b"root" + ALICE)
    script = [*logins(changed, refusal=b"235 2.7.0 ok\r\n"), QUIT]
    async with driving(script, **LOGIN) as driven:
        await to_step(driven, "PLAIN", Way(initial=False, steps=True))
        await driven.do("respond", r"root\0alice\0{secret}")
        driven.session.vary("ehlo", ("a.test", "b.test"), "auth")
        await driven.asked("vary")
        await driven.answer(2)
        await driven.until(lambda: not driven.session._busy())
        assert driven.wire.count(changed) == 3


async def test_a_scram_exchange_is_done_again_with_its_user_changed_alike() -> None:
    seen: list[bytes] = []

    async def server(peer: Peer) -> None:
        await peer.send(GREETING[1])
        await peer.line()
        await peer.send(EHLO[1])
        seen.append(b64decode((await peer.line()).split()[2]))
        await peer.send(b"535 5.7.8 no\r\n")
        await peer.gone()

    async with driving(server, **LOGIN) as driven:
        await to_step(driven, "SCRAM-SHA-256")
        step = proposed(driven)
        assert step is not None
        assert step.text.startswith("n,,n=alice,r=")
        await driven.do("respond", step.text.replace("alice", "bob"))
        await driven.do("replay", len(driven.recorder) - 1)
    assert len(set(seen)) == 2, "each with a nonce of its own"
    assert [each[: len(b"n,,n=bob,r=")] for each in seen] == [b"n,,n=bob,r="] * 2


# -- responses that go out ahead of their 334


@pytest.mark.parametrize("at_once", [True, False])
async def test_who_sends_a_response_too_early_waits_for_the_answer_to_it(at_once: bool) -> None:
    asks = [challenge(b"Username:"), challenge(b"Password:"), b"235 2.7.0 ok\r\n"]

    async def server(peer: Peer) -> None:
        await peer.send(GREETING[1])
        for _ in asks:
            await peer.line()
        if at_once:
            await peer.send(b"".join(asks))
        else:
            for reply in asks:
                await peer.send(reply)
        await peer.line()
        await peer.send(b"250 ok\r\n")
        await peer.gone()

    async with driving(server, **LOGIN) as driven:
        await driven.do("connect")
        for line in (b"AUTH LOGIN", b64encode(b"alice"), b64encode(b"wonderland")):
            driven.session.send(line + b"\r\n")
        await driven.idle()
        assert driven.session.machine.facts.auth
        assert [done.code for done in driven.session._done] == [334, 334, 235]
        await driven.do("send", b"NOOP\r\n")
        assert not driven.session._busy()
        assert driven.failures == []
