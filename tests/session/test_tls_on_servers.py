"""TLS with real servers: what the report says is what openssl says, and STARTTLS at any time the user wants."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from servers import certificates
from servers.postfix import Postfix
from servers.scripted import Peer
from session.driving import C, driving, running
from session.finding import Folded
from smtp.events_seen import LIMIT, Answerer, Seen
from smtpscope.profile import Profile
from smtpscope.session.certificates import pem
from smtpscope.session.redact import Redactor
from smtpscope.session.tls_report import tls_lines
from smtpscope.session.transcript import transcript
from smtpscope.smtp.errors import HandshakeFailed
from smtpscope.smtp.events import Asked, Closed, Opened, Secured, Sent
from smtpscope.smtp.tls_options import TLSOptions
from smtpscope.smtp.transport import SMTPTransport


@contextlib.asynccontextmanager
async def transport(*answers: int) -> AsyncIterator[tuple[SMTPTransport, Seen]]:
    seen = Seen()
    async with asyncio.timeout(LIMIT):
        made = SMTPTransport(seen, timeout=LIMIT, ask=Answerer(*answers))
        yield made, seen
        made.drop()


def report(seen: Seen) -> str:
    lines = tls_lines(seen.of(Secured)[-1], seen.of(Opened)[-1].wall, None, Redactor())
    return "\n".join("".join(text for text, _ in line) for line in lines)


def openssl(*words: str, given: bytes = b"") -> str:
    done = subprocess.run(["openssl", *words], input=given, capture_output=True, check=True, timeout=LIMIT)
    return done.stdout.decode()


@pytest.mark.postfix
async def test_the_report_on_postfix_is_what_openssl_says(postfix: Postfix) -> None:
    async with transport() as (link, seen):
        await link.connect("localhost", postfix.port, ca_path=str(postfix.ca_path), family=4)
        await link.command_ehlo("me.test")
        await link.starttls()
        assert link.machine.here is C.BANNER
        assert link.machine.facts.ext == {}  # all of it was said in clear
        await link.disconnect()
    said = report(seen)
    it = seen.of(Secured)[0]
    shown = pem(it.chain[:1]).encode()
    fingerprint = openssl("x509", "-noout", "-fingerprint", "-sha256", given=shown)
    assert fingerprint.partition("=")[2].strip().replace(":", "").lower() in said
    key = openssl("x509", "-noout", "-pubkey", given=shown).encode()
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=key, capture_output=True, check=True)
    digest = subprocess.run(
        ["openssl", "dgst", "-sha256", "-binary"], input=der.stdout, capture_output=True, check=True
    )
    pin = openssl("base64", given=digest.stdout).strip()
    assert f"sha256//{pin}" in said
    serial = openssl("x509", "-noout", "-serial", given=shown).partition("=")[2].strip().lower().lstrip("0")
    assert f"serial       {serial}" in said
    assert "CA verdict      good" in said
    assert "localhost  is it" in said
    assert "127.0.0.1  is another" in said
    assert "SNI sent        localhost" in said


@pytest.mark.postfix
async def test_starttls_before_ehlo_and_twice_goes_to_postfix_as_it_is(postfix: Postfix) -> None:
    async with transport() as (link, seen):
        await link.connect("localhost", postfix.port, ca_path=str(postfix.ca_path), family=4)
        early = await link.starttls()  # Postfix says what it thinks of it
        assert early.code in (220, 503)
        if early.code == 503:
            await link.command_ehlo("me.test")
            assert (await link.starttls()).code == 220
        await link.command_ehlo("me.test")
        assert "STARTTLS" not in link.machine.facts.ext
        assert (await link.starttls()).code == 554  # unadvertised, and a second time
        assert link.connected
        assert (await link.custom("NOOP")).code == 250
        assert [event.data for event in seen.of(Sent)].count(b"STARTTLS\r\n") == (3 if early.code == 503 else 2)
        await link.disconnect()


@pytest.mark.postfix
async def test_what_is_chosen_is_what_postfix_gets(postfix: Postfix) -> None:
    options = TLSOptions(
        ca_path=str(postfix.ca_path),
        protocols=("tlsv1_2",),
        cipher="ECDHE-ECDSA-AES128-GCM-SHA256",
        sni="",
        target="mail.test",
    )
    async with transport() as (link, seen):
        await link.connect("localhost", postfix.smtps_port, implicit_tls=True, tls=options, family=4)
        secured = seen.of(Secured)[0]
        assert (secured.version, secured.cipher) == ("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256")
        assert (secured.server_name, secured.sni, secured.faults) == ("mail.test", "", ())
        assert "SNI sent        none" in report(seen)
        await link.disconnect()


@contextlib.asynccontextmanager
async def s_server(folder: Path, *words: str) -> AsyncIterator[int]:
    """``openssl s_server`` on a free port of loopback, which says nothing by itself."""
    (folder / "server.pem").write_bytes(certificates.key_and_chain())
    (folder / "ca.pem").write_bytes(certificates.ca_pem())
    process = await asyncio.create_subprocess_exec(
        *("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", str(folder / "server.pem"), *words),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        async with asyncio.timeout(LIMIT):
            while not (line := await process.stdout.readline()).startswith(b"ACCEPT"):
                assert line, "openssl s_server has ended"
        process.stdin.write(b"220 s_server\r\n")  # it goes to the first client
        yield int(line.decode().rpartition(":")[2])
    finally:
        process.kill()
        await process.communicate()


async def test_openssl_that_wants_a_certificate_of_ours_gets_it(tmp_path: Path) -> None:
    leaf = certificates.authority().issue_cert("client.test")
    leaf.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    leaf.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    ca = str(tmp_path / "ca.pem")
    options = TLSOptions(ca_path=ca, cert=str(tmp_path / "cert.pem"), key=str(tmp_path / "key.pem"))
    async with (
        s_server(tmp_path, "-Verify", "1", "-verify_return_error", "-CAfile", ca) as port,
        transport() as (
            link,
            seen,
        ),
    ):
        assert (await link.connect("127.0.0.1", port, implicit_tls=True, tls=options)).code == 220
        assert "our certificate asked for, sent" in report(seen)


async def test_a_certificate_of_an_unknown_ca_is_openssls_to_refuse(tmp_path: Path) -> None:
    leaf = trustme.CA().issue_cert("client.test")
    leaf.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    leaf.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    ca = str(tmp_path / "ca.pem")
    options = TLSOptions(
        ca_path=ca, protocols=("tlsv1_2",), cert=str(tmp_path / "cert.pem"), key=str(tmp_path / "key.pem")
    )
    async with (
        s_server(tmp_path, "-Verify", "1", "-verify_return_error", "-CAfile", ca) as port,
        transport() as (
            link,
            seen,
        ),
    ):
        with pytest.raises(
            HandshakeFailed, match=r"it does not know the issuer .* of our certificate \(alert 48, unknown_ca"
        ):
            await link.connect("127.0.0.1", port, implicit_tls=True, tls=options)
        assert seen.of(Closed)[0].cause.endswith("after our Finished")


async def test_octets_behind_the_220_are_recorded_shown_found_asked_about_and_never_used(
    ca_pem: bytes, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_bytes(ca_pem)

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 mail.test\r\n")
        await peer.line()
        await peer.send(b"250-mail.test\r\n250-STARTTLS\r\n250 XCLEAR\r\n")
        await peer.line()
        await peer.send(b"220 go\r\n250-evil.test\r\n250 AUTH PLAIN\r\n")
        await peer.starttls()
        while line := await peer.line():
            if line == b"QUIT":
                await peer.send(b"221 bye\r\n")
                return
            await peer.send(b"250-mail.test\r\n250 XTLS\r\n")

    async with driving(handler, tls="starttls", auto="tls", tls_ca_path=str(tmp_path / "ca.pem")) as driven:
        question = await driven.asked("injected")
        assert question.answers == ("drop", "discard them and go on")
        assert driven.of(Secured) == []  # nothing goes out before the answer
        shown = transcript(list(driven.recorder), redact=Redactor()).splitlines()
        assert [line[4:] for line in shown if "evil" in line or "AUTH" in line] == ["250-evil.test", "250 AUTH PLAIN"]
        await driven.answer(2)
        facts = driven.session.machine.facts
        assert driven.of(Secured)
        if driven.here is C.BANNER:
            assert facts.ext == {}
            assert driven.next.step is C.EHLO
            await driven.do("step")
        assert facts.ext == {"XTLS": ""}
        assert Folded(driven.recorder).rules[0] == "injected"
        await driven.do("step")
    assert len(driven.of(Asked)) == 1


@pytest.mark.postfix
async def test_what_the_profile_chooses_goes_to_the_server(postfix: Postfix) -> None:
    options = TLSOptions(protocols=("tlsv1_2",), target="mail.test", sni="other.test")
    given = Profile(
        "localhost", postfix.port, tls="starttls", tls_ca_path=str(postfix.ca_path), tls_options=options, auto="tls"
    )
    async with running(given) as driven:
        await driven.until(lambda: driven.of(Secured))
        secured = driven.of(Secured)[0]
        assert (secured.version, secured.server_name, secured.sni) == ("TLSv1.2", "mail.test", "other.test")
        assert secured.faults == ()
