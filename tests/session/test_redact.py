"""Secrets are hidden where they were sent, and wherever the server says them back."""

import base64
import hashlib
import hmac
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smtpscope.session.redact import HIDDEN, SHORTEST, Redactor, hide, is_sought, merged
from smtpscope.smtp.events import Received, Sent

b64 = base64.b64encode
PASSWORDS = st.binary(min_size=SHORTEST, max_size=40).filter(lambda word: word.strip() == word and b"\0" not in word)
TEXT_PASSWORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=SHORTEST, max_size=24)
FILLER = st.binary(max_size=7)


def sent(data: bytes, secret: bytes = b"") -> Sent:
    """What goes out, ``secret`` marked where it stands last."""
    start = data.rfind(secret)
    return Sent(0.0, data, secrets=((start, start + len(secret)),) if secret else ())


def exchange(mechanism: str, password: bytes) -> list[Received | Sent]:
    """A login as the transport and the typed line make it, up to the last response."""
    plain = b64(b"\0alice\0" + password)
    login: list[Received | Sent] = [
        sent(b"AUTH LOGIN\r\n"),
        Received(0.0, b"334 VXNlcm5hbWU6\r\n"),
        sent(b64(b"alice") + b"\r\n"),
        Received(0.0, b"334 UGFzc3dvcmQ6\r\n"),
        sent(b64(password) + b"\r\n", b64(password)),
    ]
    match mechanism:
        case "PLAIN" | "typed AUTH line":
            return [sent(b"auth PLAIN " + plain + b"\r\n", plain)]
        case "typed 334 response":
            return [sent(b"AUTH PLAIN\r\n"), Received(0.0, b"334 \r\n"), sent(plain + b"\r\n", plain)]
        case "LOGIN":
            return login
        case "typed LOGIN":
            login[2] = sent(b64(b"alice") + b"\r\n", b64(b"alice"))
            return login
    raise AssertionError(mechanism)


EXCHANGES = ["PLAIN", "typed AUTH line", "typed 334 response", "LOGIN", "typed LOGIN"]


def taught(*events: Received | Sent) -> Redactor:
    redactor = Redactor()
    for event in events:
        redactor.learn(event)
    return redactor


def shown(redactor: Redactor, data: bytes) -> bytes:
    return hide(data, redactor.spans(data))


def cores(secret: bytes) -> list[bytes]:
    """The base64 of ``secret`` at each alignment, without the characters that its neighbours take part in."""
    found = []
    for offset in range(3):
        encoded = b64(bytes(offset) + secret)
        found.append(encoded[-(-offset * 4 // 3) : (offset + len(secret)) * 8 // 6])
    return found


def forms(secret: bytes) -> list[bytes]:
    every = b"".join(b"%%%02X" % octet for octet in secret)
    quoted = [quote(secret).encode(), quote(secret, safe="").encode(), quote_plus(secret).encode(), every]
    return [secret, secret.hex().encode(), secret.hex().upper().encode(), *quoted, *cores(secret)]


@given(st.sampled_from(EXCHANGES), PASSWORDS | TEXT_PASSWORDS.map(str.encode), FILLER, FILLER)
def test_no_form_of_a_password_remains(mechanism: str, password: bytes, before: bytes, behind: bytes) -> None:
    assume(is_sought(password))
    assume(all(form.lower() not in HIDDEN.encode() for form in forms(password)))
    events = exchange(mechanism, password)
    redactor = taught(*events)
    for event in events:
        if isinstance(event, Sent):
            left = hide(event.data, [*event.secrets, *redactor.spans(event.data)])
            assert all(form not in left for form in forms(password) if form not in b"\0alice\0")
    for form in (*forms(password), b64(before + password + behind), b64(b"\0alice\0" + password)):
        echo = b"535 5.7.8 " + before + form + behind + b" is wrong\r\n"
        left = shown(redactor, echo)
        assert HIDDEN.encode() in left
        assert form not in left
        assert all(each not in left for each in forms(password))


@given(PASSWORDS)
def test_a_keyed_digest_is_a_secret_too(password: bytes) -> None:
    challenge = b"<17@mail.test>"
    digest = hmac.new(password, challenge, hashlib.md5).hexdigest().encode()
    response = b64(b"alice " + digest)
    redactor = taught(
        sent(b"AUTH CRAM-MD5\r\n"), Received(0.0, b"334 " + b64(challenge) + b"\r\n"), sent(response, response)
    )
    for form in (response, digest, digest.upper(), b64(digest), b64(b"x" + digest), b64(b"no such alice " + digest)):
        assert form not in shown(redactor, b"535 got " + form + b"\r\n")
    assert shown(redactor, b"535 alice is not known\r\n") == b"535 alice is not known\r\n"


def test_a_challenge_with_a_space_in_the_secret_hides_no_single_word() -> None:
    secret = b64(b"\0alice\0open the door")
    redactor = taught(sent(b"AUTH PLAIN " + secret + b"\r\n", secret))
    assert shown(redactor, b"250 the door is open\r\n") == b"250 the door is open\r\n"
    assert shown(redactor, b"535 open the door?\r\n") == b"535 [hidden]?\r\n"


@pytest.mark.parametrize("prompt", [b"Username:", b"User Name\0", b"username"])
@pytest.mark.parametrize("cuts", [(), (3,), (10, 18)])
def test_a_user_name_is_not_hidden_elsewhere(prompt: bytes, cuts: tuple[int, ...]) -> None:
    question = b"334 " + b64(prompt) + b"\r\n"
    reads = [question[a:b] for a, b in zip((0, *cuts), (*cuts, len(question)), strict=True)]
    name, password = b64(b"alice"), b64(b"wonderland")
    redactor = taught(
        sent(b"AUTH LOGIN\r\n"),
        *(Received(0.0, read) for read in reads),
        sent(name + b"\r\n", name),
        Received(0.0, b"334 UGFzc3dv"),
        Received(0.0, b"cmQ6\r\n"),
        sent(password + b"\r\n", password),
    )
    assert shown(redactor, b"250 hello alice, YWxpY2U=\r\n") == b"250 hello alice, YWxpY2U=\r\n"
    assert shown(redactor, b"250 hello wonderland\r\n") == b"250 hello [hidden]\r\n"


def test_only_the_first_answer_of_a_login_can_be_a_name() -> None:
    """A server that asks for the name again after it was given gets the password, which stays one."""
    again = Received(0.0, b"334 VXNlcm5hbWU6\r\n")
    password = b64(b"wonderland")
    for name in (sent(b64(b"alice") + b"\r\n"), sent(b64(b"alice") + b"\r\n", b64(b"alice"))):
        redactor = taught(sent(b"AUTH LOGIN\r\n"), again, name, again, sent(password + b"\r\n", password))
        assert shown(redactor, b"535 wonderland\r\n") == b"535 [hidden]\r\n"
    plain = b64(b"\0alice\0wonderland")
    redactor = taught(sent(b"AUTH PLAIN\r\n"), again, sent(plain + b"\r\n", plain))
    assert shown(redactor, b"535 wonderland\r\n") == b"535 [hidden]\r\n"
    second: list[Received | Sent] = [sent(b"AUTH LOGIN\r\n"), again, sent(b"Ym9i\r\n", b"Ym9i")]
    redactor = taught(*second, Received(0.0, b"501 no\r\n"), *second)
    assert shown(redactor, b"250 bob\r\n") == b"250 bob\r\n"


def test_base64_without_its_padding_gives_its_secret_away_as_well() -> None:
    secret = b64(b"\0alice\0wonderland").rstrip(b"=")
    redactor = taught(sent(b"AUTH PLAIN " + secret + b"\r\n", secret))
    assert shown(redactor, b"535 wonderland\r\n") == b"535 [hidden]\r\n"


def test_a_secret_typed_in_two_writes_is_one() -> None:
    secret = b64(b"\0alice\0wonderland")
    redactor = taught(
        Sent(0.0, b"AUTH PLAIN " + secret[:9], secrets=((11, 20),)),
        Sent(0.0, secret[9:] + b"\r\n", secrets=((0, len(secret) - 9),)),
    )
    assert shown(redactor, b"535 wonderland\r\n") == b"535 [hidden]\r\n"


def test_each_word_of_what_was_typed_is_looked_into() -> None:
    typed = b"YWxpY2U= " + b64(b"wonderland")
    redactor = taught(sent(b"AUTH LOGIN " + typed + b"\r\n", typed))
    assert shown(redactor, b"535 wonderland\r\n") == b"535 [hidden]\r\n"


def test_a_password_typed_as_it_is_under_the_mask_is_hidden() -> None:
    redactor = taught(
        sent(b"AUTH LOGIN\r\n"), Received(0.0, b"334 UGFzc3dvcmQ6\r\n"), sent(b"wonder land!\r\n", b"wonder land!")
    )
    assert shown(redactor, b"501 wonder land! is not base64\r\n") == b"501 [hidden] is not base64\r\n"


def test_forms_that_overlap_are_hidden_to_their_ends() -> None:
    first, second = b64(b"\0a\0ababa"), b64(b"\0a\0babacd")
    redactor = taught(sent(first + b"\r\n", first), sent(second + b"\r\n", second))
    assert shown(redactor, b"abababacd") == b"[hidden]"


def test_a_short_secret_is_hidden_only_where_it_was_sent() -> None:
    event = sent(b"AUTH PLAIN b2s=\r\n", b"b2s=")
    redactor = taught(event)
    assert hide(event.data, list(event.secrets)) == b"AUTH PLAIN [hidden]\r\n"
    assert shown(redactor, b"250 ok, done\r\n") == b"250 ok, done\r\n"


def test_learning_says_whether_there_is_something_new() -> None:
    redactor = Redactor()
    event = sent(b"AUTH PLAIN AHguAHd1bmRlcg==\r\n", b"AHguAHd1bmRlcg==")
    assert redactor.forms == 0
    assert not redactor.learn(sent(b"NOOP\r\n"))
    assert redactor.learn(event)
    known = redactor.forms
    assert known > 0
    assert not redactor.learn(event)
    assert redactor.forms == known


def test_text_of_our_own_is_cleaned_too() -> None:
    redactor = taught(sent(b"AUTH PLAIN AGEAd29uZGVybGFuZA==\r\n", b"AGEAd29uZGVybGFuZA=="))
    assert redactor.text("the server closed the session: Wonderland\u20ac\udcff\ud800") == (
        "the server closed the session: [hidden]\u20ac\udcff\udced\udca0\udc80"
    )


@given(st.binary(max_size=30), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=6))
def test_hiding_leaves_exactly_the_rest(data: bytes, spans: list[tuple[int, int]]) -> None:
    spans = [(min(pair), min(max(pair), len(data))) for pair in spans if min(pair) <= len(data)]
    kept = bytes(octet for at, octet in enumerate(data) if not any(a <= at < b for a, b in spans))
    assert hide(data, spans).replace(HIDDEN.encode(), b"") == kept.replace(HIDDEN.encode(), b"")
    assert all(a[1] < b[0] for a, b in zip(merged(spans), merged(spans)[1:], strict=False))
