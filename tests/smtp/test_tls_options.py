"""What a user chooses for TLS: what it means on the wire, and a sentence before connecting where it cannot be."""

from __future__ import annotations

import re
import ssl
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from servers import certificates
from servers.scripted import Peer
from smtp.events_seen import Script, talking
from smtp.test_starttls import serve
from smtpscope.smtp.errors import HandshakeFailed
from smtpscope.smtp.events import Asked, Cipher, Failed, Opened, Secured, Told
from smtpscope.smtp.tls_options import NAMES, PROTOCOLS, USUAL, TLSOptions, check_pair, parse_protocols

# -- the words of the command line


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("tlsv1_2", ("tlsv1_2",)),
        ("TLSv1_3,tlsv1_2", ("tlsv1_2", "tlsv1_3")),
        ("tlsv1, tlsv1_1", ("tlsv1", "tlsv1_1")),
        ("no_sslv3,no_sslv2", PROTOCOLS),
        ("no_tlsv1,no_tlsv1_1", USUAL),
        ("no_tlsv1_2", ("tlsv1", "tlsv1_1", "tlsv1_3")),
    ],
)
def test_a_list_of_versions_means_what_it_does_for_swaks(text: str, chosen: tuple[str, ...]) -> None:
    assert parse_protocols(text) == chosen


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("tls1.2", "tls1.2 is no TLS version: choose from tlsv1, tlsv1_1, tlsv1_2, tlsv1_3, or write no_ before each."),
        ("tlsv1_2,no_tlsv1", "A list of TLS versions has no_ before each of them, or before none."),
        ("sslv3", "sslv3 is not spoken any more: choose from tlsv1, tlsv1_1, tlsv1_2, tlsv1_3."),
        ("", "This leaves no TLS version: choose from tlsv1, tlsv1_1, tlsv1_2, tlsv1_3."),
        ("no_tlsv1,no_tlsv1_1,no_tlsv1_2,no_tlsv1_3", "This leaves no TLS version"),
    ],
)
def test_a_list_that_says_nothing_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        parse_protocols(text)


@given(st.sets(st.sampled_from(PROTOCOLS), min_size=1))
def test_versions_without_and_with_no_are_each_other(chosen: set[str]) -> None:
    with_no = ",".join(f"no_{name}" for name in PROTOCOLS if name not in chosen)
    assert parse_protocols(",".join(chosen)) == (parse_protocols(with_no) if with_no else PROTOCOLS)


def test_half_a_client_certificate_is_refused() -> None:
    check_pair("cert.pem", "key.pem", "chain.pem")
    check_pair(None, None, None)
    for pair, sentence in (
        (("cert.pem", None, None), "--tls-cert needs --tls-key"),
        ((None, "key.pem", None), "--tls-key needs --tls-cert"),
        ((None, None, "chain.pem"), "--tls-chain needs --tls-cert and --tls-key"),
    ):
        with pytest.raises(ValueError, match=sentence):
            check_pair(*pair)


# -- versions, ciphers and SNI on the wire


def server(arrange: Callable[[ssl.SSLContext], None] = lambda context: None, kind: str = "good") -> Script:
    """A server with TLS from the first octet on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates._leaf(kind).configure_cert(context)
    arrange(context)

    async def script(peer: Peer) -> None:
        await peer.starttls(context)
        await peer.send(b"220 mail.test\r\n")
        await serve(peer)

    return script


def speaking(*names: str) -> Callable[[ssl.SSLContext], None]:
    """The versions that a server has, by swaks' words."""

    def arrange(context: ssl.SSLContext) -> None:
        versions = [ssl.TLSVersion[name.upper().replace("TLSV", "TLSv")] for name in names]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version, context.maximum_version = min(versions), max(versions)
        context.set_ciphers("ALL:@SECLEVEL=0")

    return arrange


@pytest.mark.parametrize("version", PROTOCOLS)
async def test_only_the_versions_chosen_are_offered(version: str) -> None:
    options = TLSOptions(insecure=True, protocols=(version,))
    async with talking(server(speaking("tlsv1", "tlsv1_3")), implicit_tls=True, tls=options) as talk:
        assert talk.seen.of(Secured)[0].version == {"tlsv1": "TLSv1", "tlsv1_1": "TLSv1.1"}.get(
            version, f"TLSv{NAMES[version]}"
        )
        assert (await talk.transport.command_ehlo("me.test")).code == 250


async def test_a_version_left_out_between_two_others_is_not_spoken() -> None:
    options = TLSOptions(insecure=True, protocols=("tlsv1_1", "tlsv1_3"))
    async with talking(server(speaking("tlsv1_2")), connect=False, same=False) as talk:
        with pytest.raises(HandshakeFailed):
            await talk.connect(implicit_tls=True, tls=options)
        assert talk.seen.of(Secured) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "reason"),
    [
        (
            ("tlsv1_3",),
            ("tlsv1_2",),
            "the server broke off TLS: it speaks no TLS version that we offer (1.3) (alert 70, protocol_version), "
            "after our ClientHello",
        ),
        (("tlsv1", "tlsv1_1"), ("tlsv1_2",), "it speaks no TLS version that we offer (1.0 and 1.1)"),
    ],
)
async def test_a_server_without_our_versions_says_so(
    ours: tuple[str, ...], theirs: tuple[str, ...], reason: str
) -> None:
    async with talking(server(speaking(*theirs)), connect=False, same=False) as talk:
        with pytest.raises(HandshakeFailed, match=re.escape(reason)):
            await talk.connect(implicit_tls=True, tls=TLSOptions(protocols=ours))


@pytest.mark.parametrize(
    ("cipher", "protocols", "got"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", ("tlsv1_2",), "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("TLS_AES_128_GCM_SHA256", USUAL, "TLS_AES_128_GCM_SHA256"),
        ("ECDHE-ECDSA-AES256-GCM-SHA384:TLS_CHACHA20_POLY1305_SHA256", USUAL, "TLS_CHACHA20_POLY1305_SHA256"),
    ],
)
async def test_only_the_ciphers_chosen_are_offered(cipher: str, protocols: tuple[str, ...], got: str) -> None:
    options = TLSOptions(insecure=True, cipher=cipher, protocols=protocols)
    async with talking(server(), implicit_tls=True, tls=options) as talk:
        assert talk.seen.of(Secured)[0].cipher == got


@pytest.mark.parametrize(
    ("sni", "sent"),
    [
        (None, ""),
        ("mail.test", "mail.test"),
        ("", ""),
        ("bücher.test", "xn--bcher-kva.test"),
        ("Mail.test.", "Mail.test."),
    ],
)
async def test_the_name_sent_can_be_another_or_none(sni: str | None, sent: str) -> None:
    asked: list[str | None] = []

    def arrange(context: ssl.SSLContext) -> None:
        context.sni_callback = lambda _socket, name, _context: asked.append(name)

    options = TLSOptions(insecure=True, sni=sni)
    async with talking(server(arrange), implicit_tls=True, tls=options) as talk:
        assert asked == [sent or None]
        secured = talk.seen.of(Secured)[0]
        assert (secured.sni, secured.server_name) == (sent, "127.0.0.1")


# -- the verdicts


@pytest.fixture
def ca_path(tmp_path: Path, ca_pem: bytes) -> str:
    (tmp_path / "ca.pem").write_bytes(ca_pem)
    return str(tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("kind", "verify", "asks"),
    [
        ("wrongname", "both", True),
        ("wrongname", "host", True),
        ("wrongname", "ca", False),
        ("untrusted", "both", True),
        ("untrusted", "ca", True),
        ("untrusted", "host", False),
        ("expired", "ca", True),
        ("expired", "host", False),
    ],
)
async def test_the_verdict_that_counts_can_be_one_and_both_are_told(
    kind: str, verify: str, asks: bool, ca_path: str
) -> None:
    options = TLSOptions(ca_path=ca_path, verify=verify)  # type: ignore[arg-type]
    async with talking(server(kind=kind), 1, implicit_tls=True, tls=options) as talk:
        assert [question.kind for question in talk.seen.of(Asked)] == ["certificate"] * asks
        secured = talk.seen.of(Secured)[0]
        assert secured.faults == (*secured.ca_faults, *secured.name_faults)
        assert bool(secured.name_faults) is (kind == "wrongname")
        assert bool(secured.ca_faults) is (kind != "wrongname")


async def test_the_name_to_be_found_can_be_another(ca_path: str) -> None:
    options = TLSOptions(ca_path=ca_path, target="elsewhere.test")
    async with talking(server(kind="wrongname"), implicit_tls=True, tls=options) as talk:
        secured = talk.seen.of(Secured)[0]
        assert (secured.faults, secured.server_name, secured.sni) == ((), "elsewhere.test", "")


async def test_a_certificate_accepted_for_the_run_is_not_asked_about_again_and_stays_bad(ca_path: str) -> None:
    other = certificates._leaf("wrongname")
    contexts = [certificates.server_context("wrongname")] * 2
    contexts.append(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    other.configure_cert(contexts[2])

    async def script(peer: Peer) -> None:
        await peer.starttls(contexts[peer.server.connections - 1])
        await peer.send(b"220 mail.test\r\n")
        await serve(peer)

    options = TLSOptions(ca_path=ca_path)
    async with talking(script, 2, 0, connect=False, same=False) as talk:
        for number in (1, 2):
            await talk.connect(implicit_tls=True, tls=options)
            assert talk.seen.of(Secured)[-1].faults
            assert len(talk.seen.of(Asked)) == 1
            assert [told.kind for told in talk.seen.of(Told)] == ["trusted"] * (number - 1)
            await talk.transport.disconnect()
        with pytest.raises(HandshakeFailed, match="closed because of the certificate"):
            await talk.connect(implicit_tls=True, tls=options)  # the same name, and another certificate
        assert len(talk.seen.of(Asked)) == 2


async def test_a_server_without_a_certificate_is_trusted_once_only() -> None:
    """There is nothing by which it could be known again."""

    async def script(peer: Peer) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("aNULL:@SECLEVEL=0")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        await peer.starttls(context)
        await peer.send(b"220 mail.test\r\n")
        await serve(peer)

    options = TLSOptions(cipher="aNULL:@SECLEVEL=0", protocols=("tlsv1_2",))
    async with talking(script, 1, implicit_tls=True, tls=options) as talk:
        assert talk.seen.of(Secured)[0].faults == ("the server showed no certificate",)
        assert talk.seen.of(Asked)[0].answers == ("close", "go on, once")
        assert talk.transport.accepted == set()


# -- our own certificate

_OURS = trustme.CA(organization_name="clients")


@pytest.fixture
def ours(tmp_path: Path) -> tuple[str, str]:
    """Paths of a certificate of ours and its key."""
    leaf = _OURS.issue_cert("client.test")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    leaf.cert_chain_pems[0].write_to_path(str(cert))
    leaf.private_key_pem.write_to_path(str(key))
    return str(cert), str(key)


def wants_ours(context: ssl.SSLContext) -> None:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=_OURS.cert_pem.bytes().decode())


@pytest.mark.parametrize("version", USUAL)
async def test_a_server_that_asks_gets_our_certificate(version: str, ours: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_bytes(_OURS.cert_pem.bytes())
    options = TLSOptions(
        insecure=True, protocols=(version,), cert=ours[0], key=ours[1], chain=str(tmp_path / "chain.pem")
    )
    async with talking(server(wants_ours), implicit_tls=True, tls=options) as talk:
        assert (await talk.transport.custom("NOOP")).code == 250
        assert talk.seen.of(Secured)[0].client_certificate == "sent"


async def test_a_server_that_may_do_without_is_told_of_as_having_asked() -> None:
    def arrange(context: ssl.SSLContext) -> None:
        wants_ours(context)
        context.verify_mode = ssl.CERT_OPTIONAL

    async with talking(server(arrange), implicit_tls=True, insecure=True) as talk:
        assert talk.seen.of(Secured)[0].client_certificate == "not sent"
    async with talking(server(), implicit_tls=True, insecure=True) as talk:
        assert talk.seen.of(Secured)[0].client_certificate == ""


def _encrypted(key: str) -> str:
    loaded = serialization.load_pem_private_key(Path(key).read_bytes(), None)
    path = Path(key).with_name("encrypted.pem")
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(
        loaded.private_bytes(serialization.Encoding.PEM, form, serialization.BestAvailableEncryption(b"secret"))
    )
    return str(path)


def _of_another(key: str) -> str:
    path = Path(key).with_name("another.pem")
    trustme.CA().issue_cert("x.test").private_key_pem.write_to_path(str(path))
    return str(path)


async def refused(options: TLSOptions) -> str:
    """Connect, which is refused before anybody is connected to; why."""

    async def nobody(peer: Peer) -> None:
        raise AssertionError("there was a connection")

    async with talking(nobody, connect=False, same=False) as talk:
        with pytest.raises(HandshakeFailed) as caught:
            await talk.connect(tls=options)
        assert talk.server.connections == 0
        assert [type(event) for event in talk.seen.events][:1] == [Opened]
        assert talk.seen.of(Failed)[0].reason == caught.value.message
        return caught.value.message


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda cert, key: (cert, _encrypted(key)), "is encrypted: --tls-key takes one without a passphrase"),
        (lambda cert, key: (cert, _of_another(key)), "another.pem is not that of the certificate in"),
        (lambda cert, key: (cert, cert), "no key can be read from"),
        (lambda cert, key: (key, key), "no certificate can be read from"),
        (lambda cert, key: (cert, "/no/such/key"), "/no/such/key cannot be read (no such file or directory)"),
        (lambda cert, key: ("/no/such/cert", key), "/no/such/cert cannot be read (no such file or directory)"),
    ],
    ids=["encrypted", "another's", "no key", "no certificate", "key missing", "certificate missing"],
)
async def test_a_pair_that_is_none_is_a_sentence_before_connecting(
    wrong: Callable[[str, str], tuple[str, str]], sentence: str, ours: tuple[str, str]
) -> None:
    cert, key = wrong(*ours)
    assert sentence in await refused(TLSOptions(cert=cert, key=key))


@pytest.mark.parametrize("cipher", ["NONSENSE", "TLS_NONSENSE", "ü", "\x1b]0;x"])
async def test_a_cipher_string_of_nothing_is_a_sentence_before_connecting(cipher: str) -> None:
    reason = await refused(TLSOptions(cipher=cipher))
    assert reason.startswith("OpenSSL knows no cipher by ")
    assert reason.isprintable()


# -- the key log


@pytest.mark.parametrize("version", USUAL)
async def test_the_key_log_has_the_keys_of_the_session(version: str, tmp_path: Path) -> None:
    """Its lines begin with a label and the random of the ClientHello that crossed the wire (the NSS format)."""
    path = tmp_path / "keys.log"
    path.write_text("# of before\n")
    path.chmod(0o644)
    options = TLSOptions(insecure=True, protocols=(version,), keylog=str(path))
    randoms = []
    async with talking(server(), connect=False, same=False) as talk:
        for _ in range(2):
            await talk.connect(implicit_tls=True, tls=options)
            opened = max(index for index, event in enumerate(talk.seen.events) if isinstance(event, Opened))
            ciphers = [event for event in talk.seen.events[opened:] if isinstance(event, Cipher)]
            hello = b"".join(event.data for event in ciphers if event.outgoing)
            randoms.append(hello[11:43].hex())  # behind record and handshake header and version (RFC 8446 4.1.2)
            await talk.transport.disconnect()
    before, *lines = path.read_text().splitlines()
    assert before == "# of before"
    assert [line.split()[1] for line in lines] == sorted((line.split()[1] for line in lines), key=randoms.index)
    assert {line.split()[1] for line in lines} == set(randoms)
    labels = {line.split()[0] for line in lines}
    if version == "tlsv1_2":
        assert labels == {"CLIENT_RANDOM"}
    else:
        assert {f"{who}_TRAFFIC_SECRET_0" for who in ("CLIENT", "SERVER")} < labels
    assert all(re.fullmatch("[A-Z0-9_]+ [0-9a-f]{64} [0-9a-f]{64,96}", line) for line in lines)
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_key_log_that_cannot_be_written_is_a_sentence_before_connecting(tmp_path: Path) -> None:
    reason = await refused(TLSOptions(keylog=str(tmp_path)))
    assert "cannot be written (is a directory)" in reason
