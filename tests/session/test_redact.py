"""Secrets are hidden where they were sent, and wherever the server says them back."""

import base64
import copy
import hashlib
import hmac
import timeit
from functools import partial
from threading import Event, Thread
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smtpscope.secret import Secret
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


def test_a_secret_that_overlaps_itself_is_hidden_to_its_end() -> None:
    redactor = Redactor()
    redactor.know(Secret("-=+-=+-"))
    data = b"550 -=+-=+-=+- no"
    assert hide(data, redactor.spans(data)) == b"550 [hidden] no"


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


# -- what is looked for elsewhere

EVERYDAY = ["250", "mail", "Mail", "PLAIN", "password", "2.1.0", "smtp", "ok", "x", "pipelining"]
SAID = [
    b"220 mail.test ESMTP Postfix\r\n",
    b"250-mail.test\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN\r\n",
    b"334 UGFzc3dvcmQ6\r\n",
    b"MAIL FROM:<x@mail.test>\r\n",
    b"250 2.1.0 Ok, that was the password\r\n",
]


@pytest.mark.parametrize("password", EVERYDAY)
def test_a_password_that_smtp_says_itself_leaves_the_log_as_it_is(password: str) -> None:
    secret = b64(b"\0alice\0" + password.encode())
    login = sent(b"AUTH PLAIN " + secret + b"\r\n", secret)
    redactor = taught(login)
    redactor.know(Secret(password))
    assert hide(login.data, [*login.secrets, *redactor.spans(login.data)]) == b"AUTH PLAIN [hidden]\r\n"
    assert [shown(redactor, line) for line in SAID] == SAID
    assert shown(redactor, b"535 got " + secret + b"\r\n") == b"535 got [hidden]\r\n"


@pytest.mark.parametrize(
    "password",
    [
        "d29uZGVybGFuZA==",  # looks like base64
        "AUTH PLAIN",
        "open sesame",
        "alice",  # the user's name
        "=2C,=3D",
        "[hidden]",
        "((?*",
        "pässword",
        "mails",
        "2500",
    ],
)
def test_a_password_of_any_kind_is_hidden_and_nothing_beside_it(password: str) -> None:
    redactor = Redactor()
    redactor.know(Secret(password))
    octets = password.encode()
    for said in (octets, octets.upper(), password.upper().encode(), octets.hex().encode(), quote(octets).encode()):
        assert shown(redactor, b"535 5.7.8 <" + said + b"> no\r\n") == b"535 5.7.8 <[hidden]> no\r\n"
    for said in cores(octets):
        assert said not in shown(redactor, b"535 5.7.8 <" + said + b"> no\r\n")
    assert shown(redactor, b"250 2.1.0 Ok\r\n") == b"250 2.1.0 Ok\r\n"


def test_what_saslprep_makes_of_a_password_is_hidden_too() -> None:
    redactor = Redactor()
    redactor.know(Secret("Ⅸ wonders"))
    assert shown(redactor, b"535 IX wonders\r\n") == b"535 [hidden]\r\n"


@given(PASSWORDS, st.binary(max_size=9), st.data())
def test_the_beginning_of_a_secret_at_an_end_is_found(password: bytes, before: bytes, data: st.DataObject) -> None:
    """Where the rest is still to come: never less of it than stands there."""
    assume(is_sought(password))
    redactor = Redactor()
    redactor.know(Secret(password))
    form = data.draw(st.sampled_from([password, password.hex().encode(), quote(password).encode()]))
    length = data.draw(st.integers(SHORTEST, max(SHORTEST, len(form) - 1)))
    assert redactor.begun(before + form[:length]) >= min(length, len(form) - 1) or len(form) == SHORTEST


# -- mechanisms

TOKEN = b"eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("mechanism", "response", "kept"),
    [
        (b"XOAUTH2", b"user=alice\1auth=Bearer " + TOKEN + b"\1\1", b"alice Bearer"),
        (b"OAUTHBEARER", b"n,a=alice,\1host=x\1port=25\1auth=Bearer " + TOKEN + b"\1\1", b"alice"),
        (b"SCRAM-SHA-256", b"c=biws,r=abcdef,p=" + TOKEN, b"c=biws,r=abcdef"),
        (b"DIGEST-MD5", b'username="alice",cnonce="abcdef",response=' + TOKEN, b'username="alice"'),
        (b"CRAM-MD5", b"alice " + TOKEN, b"alice"),
        (b"PLAIN", b"boss\0alice\0" + TOKEN, b"boss alice"),
        (b"LOGIN", TOKEN, b"alice"),
    ],
)
def test_of_a_response_that_is_what_is_secret(mechanism: bytes, response: bytes, kept: bytes) -> None:
    """Typed by hand, so that all of it is marked."""
    word = b64(response)
    for redactor in (
        taught(sent(b"AUTH " + mechanism + b" " + word + b"\r\n", word)),
        taught(sent(b"AUTH " + mechanism + b"\r\n"), Received(0.0, b"334 \r\n"), sent(word + b"\r\n", word)),
    ):
        for said in (TOKEN, word, TOKEN.hex().encode()):
            assert shown(redactor, b"535 not " + said + b" now\r\n") == b"535 not [hidden] now\r\n"
        assert shown(redactor, b"535 " + kept + b"\r\n") == b"535 " + kept + b"\r\n"


LONG_TOKEN = "".join(hashlib.sha256(b"%d" % n).hexdigest().upper()[:61] + "x-_" for n in range(24)).encode()


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize(("cut", "left"), [(slice(0, 400), 0), (slice(333, 700), 14), (slice(100, 131), 14)])
def test_a_long_token_that_a_server_cuts_is_hidden_all_the_same(cut: slice, left: int, given: bool) -> None:
    """In clear and in base64, and where the reply goes on in another line."""
    response = b"user=alice\1auth=Bearer " + LONG_TOKEN + b"\1\1"
    word = b64(response)
    redactor = taught(sent(b"AUTH XOAUTH2 " + word + b"\r\n", word)) if not given else Redactor()
    if given:
        redactor.know(Secret(LONG_TOKEN))
    for form in (LONG_TOKEN, LONG_TOKEN.lower(), LONG_TOKEN.hex().encode(), word[40:-8]):
        line = shown(redactor, b"535-5.7.8 token <" + form[cut] + b"> is bad\r\n")
        assert HIDDEN.encode() in line
        assert len(line.replace(HIDDEN.encode(), b"")) - len(b"535-5.7.8 token <> is bad\r\n") <= left
    for line in (b"535 5.7.8 user=alice is unknown\r\n", b"250-mail.test of " + b"x" * 64 + b"\r\n"):
        assert shown(redactor, line) == line


def test_a_nonce_is_no_piece_of_a_secret() -> None:
    nonce = b"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0" * 2
    response = b64(b"c=biws,r=" + nonce + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    redactor = taught(sent(b"AUTH SCRAM-SHA-256\r\n"), Received(0.0, b"334 \r\n"), sent(response + b"\r\n", response))
    assert shown(redactor, b"334 r=" + nonce + b"\r\n") == b"334 r=" + nonce + b"\r\n"
    assert shown(redactor, b"334 " + b64(b"r=" + nonce) + b"\r\n") == b"334 " + b64(b"r=" + nonce) + b"\r\n"


@pytest.mark.parametrize("mechanism", [b"EXTERNAL", b"ANONYMOUS"])
def test_who_it_is_that_logs_in_is_no_secret(mechanism: bytes) -> None:
    word = b64(b"alice@mail.test")
    redactor = taught(sent(b"AUTH " + mechanism + b" " + word + b"\r\n", word))
    assert shown(redactor, b"235 welcome, alice@mail.test\r\n") == b"235 welcome, alice@mail.test\r\n"


@pytest.mark.parametrize("cuts", [(), (7,), (5, 20)])
@pytest.mark.parametrize(
    ("mechanism", "proof"),
    [(b"SCRAM-SHA-1", b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), (b"DIGEST-MD5", b"rspauth=" + b"7" * 32)],
)
def test_the_server_s_proof_is_a_secret_as_well(mechanism: bytes, proof: bytes, cuts: tuple[int, ...]) -> None:
    said = b"334 " + b64(proof) + b"\r\n"
    reads = [said[a:b] for a, b in zip((0, *cuts), (*cuts, len(said)), strict=True)]
    response = b64(b"c=biws,r=abcdef,p=proofproof")
    redactor = taught(
        sent(b"AUTH " + mechanism + b"\r\n"),
        Received(0.0, b"334 \r\n"),
        sent(response + b"\r\n", response),
        *(Received(0.0, read) for read in reads),
    )
    value = proof.partition(b"=")[2]
    assert b64(proof)[-16:] not in shown(redactor, said)
    assert shown(redactor, b"250 " + value + b"\r\n") == b"250 [hidden]\r\n"
    assert shown(taught(sent(b"NOOP\r\n"), Received(0.0, said)), said) == said


def proved(number: int) -> list[Received | Sent]:
    """A login by SCRAM, with proofs that no other has."""
    proof, signature = (hashlib.sha256(b"%s %d" % (side, number)).digest() for side in (b"ours", b"theirs"))
    ours = b64(b"c=biws,r=abcdef,p=" + b64(proof))
    return [
        sent(b"AUTH SCRAM-SHA-256\r\n"),
        Received(0.0, b"334 " + b64(b"r=abcdef,s=c2FsdA==,i=4096") + b"\r\n"),
        sent(ours + b"\r\n", ours),
        Received(0.0, b"334 " + b64(b"v=" + b64(signature)) + b"\r\n"),
    ]


MANY = taught(*(event for number in range(60) for event in proved(number)))
"""More than one knows of a session in which nothing is repeated."""


@given(TEXT_PASSWORDS, FILLER, FILLER)
def test_among_many_secrets_each_is_found_as_if_it_were_the_only_one(
    password: str, before: bytes, behind: bytes
) -> None:
    alone, among = Redactor(), copy.deepcopy(MANY)
    for redactor in (alone, among):
        redactor.know(Secret(password))
    said = password.encode()
    for form in (said, b64(said), said.hex().encode(), quote(said).encode(), password.upper().encode()):
        assert set(alone.spans(before + form + behind)) <= set(among.spans(before + form + behind))


def test_a_line_costs_no_more_after_a_thousand_logins() -> None:
    few, many = (taught(*(event for n in range(count) for event in proved(n))) for count in (10, 1000))
    line = b"250 2.0.0 Ok: queued as 4XyZ12345\r\n"
    costs = [min(timeit.repeat(partial(it.spans, line), number=20, repeat=5)) for it in (few, many)]
    assert costs[1] < 5 * costs[0]


def test_a_proof_is_no_secret_that_may_have_been_said_before() -> None:
    assert taught(*proved(1), *proved(2)).lasting == 0
    once = taught(*exchange("PLAIN", b"wonderland"))
    assert once.lasting == 1
    for event in (*proved(1), *exchange("PLAIN", b"wonderland"), *exchange("LOGIN", b"wonderland")):
        once.learn(event)
    assert once.lasting == 1
    once.know(Secret("looking-glass"))
    assert once.lasting == 2


def test_a_server_cannot_have_us_learn_proofs_without_end() -> None:
    redactor = taught(*proved(1))
    for number in range(100):
        redactor.learn(Received(0.0, b"334 " + b64(b"v=word number %d" % number) + b"\r\n"))
    some = redactor.forms
    for number in range(100, 200):
        redactor.learn(Received(0.0, b"334 " + b64(b"v=word number %d" % number) + b"\r\n"))
    assert redactor.forms == some
    signature = hashlib.sha256(b"theirs 2").digest()
    for event in proved(2):
        redactor.learn(event)
    assert redactor.spans(b"250 " + b64(signature) + b"\r\n"), "in the next login there is one again"


def test_another_thread_can_look_while_secrets_are_learned() -> None:
    redactor = taught(*proved(0))
    ended, faults = Event(), []

    def look() -> None:
        try:
            while not ended.is_set():
                redactor.spans(b"x" * 200_000)
        except RuntimeError as error:
            faults.append(error)

    thread = Thread(target=look)
    thread.start()
    for number in range(1, 400):
        for event in proved(number):
            redactor.learn(event)
    ended.set()
    thread.join()
    assert faults == []
