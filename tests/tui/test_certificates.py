"""The server's certificates leave the screen as PEM: to the clipboard, or with ``:pem FILE`` to a file of their own."""

from __future__ import annotations

import ssl
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from servers import certificates
from servers.scripted import Peer
from smtpscope.session.known_certificates import KnownCertificates
from smtpscope.smtp.events import Event, Opened, Secured
from tui.driving import PROFILE, driven, on_server
from tui.recordings import WALL


def chain(*names: str) -> tuple[bytes, ...]:
    issued = certificates.authority().issue_cert(*names)
    root = certificates.authority().cert_pem.bytes().decode()
    return tuple(map(ssl.PEM_cert_to_DER_cert, (issued.cert_chain_pems[0].bytes().decode(), root)))


def secured(*ders: bytes) -> list[Event]:
    opened = Opened(0.0, "mx.test", 465, True, wall=WALL)
    shaken = Secured(0.1, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, "mx.test", chain=ders, sni="mx.test")
    return [opened, shaken] if ders else [opened]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("live", [True, False])
async def test_the_whole_chain_is_written_and_counted_in_a_recording_too(here: Path, live: bool) -> None:
    ders = chain("mx.test")
    async with driven(events=secured(*ders), recording=not live) as hands:
        await hands.command("pem my chain.pem")
        assert "wrote 2 certificates as PEM to my chain.pem" in hands.said
    text = (here / "my chain.pem").read_text()
    blocks = [f"{block}-----END CERTIFICATE-----\n" for block in text.split("-----END CERTIFICATE-----\n")[:-1]]
    assert tuple(map(ssl.PEM_cert_to_DER_cert, blocks)) == ders
    assert stat.S_IMODE((here / "my chain.pem").stat().st_mode) == 0o600


async def test_nothing_that_is_there_is_written_over(here: Path) -> None:
    (here / "mine.pem").write_text("mine")
    async with driven(events=secured(*chain("mx.test"))) as hands:
        await hands.command("pem mine.pem")
        assert "mine.pem is there already: choose another name" in hands.said
        await hands.command("pem nowhere/else.pem")
        assert "nowhere/else.pem cannot be written: No such file" in hands.said
    assert (here / "mine.pem").read_text() == "mine"


async def test_without_a_name_it_is_copied_and_without_tls_that_is_said(here: Path) -> None:
    async with driven(events=secured(chain("mx.test")[0])) as hands:
        await hands.command("pem")
        assert "1 certificate as PEM" in hands.said
        assert "copied" in hands.said
    async with driven(events=secured()) as hands:
        await hands.command("pem x.pem")
        assert "there is no TLS here, and so no certificate" in hands.said
    assert list(here.iterdir()) == []


async def test_pem_is_completed_and_explained(here: Path) -> None:
    async with driven(events=secured(*chain("mx.test"))) as hands:
        await hands.press("colon")
        await hands.write("pe")
        await hands.press("tab")
        assert hands.app.main.line.value == "pem "


async def test_the_row_of_a_handshake_shows_its_records_and_octets(here: Path) -> None:
    """One that failed, too: what the server sent in the place of TLS is all there."""

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 mail.test\r\n")
        await peer.line()
        await peer.send(b"250-mail.test\r\n250 STARTTLS\r\n")
        await peer.line()
        await peer.send(b"220 go\r\n")
        await peer.read_some()
        await peer.send(b"\x15\x03\x03\x00\x02\x02\x28")
        await peer.gone()

    async with on_server(handler, replace(PROFILE, tls="starttls")) as (hands, _):
        await hands.press("space", "space")
        assert "the server broke off TLS" in hands.said
        await hands.press("3", "z")
        assert "ClientHello" in hands.inspector
        assert "Alert: alert 40, handshake_failure" in hands.inspector
        await hands.press("right")
        assert "16 03 01" in hands.inspector
        await hands.press("end")
        octets = " ".join(row[7:55] for row in hands.inspector.split("\n"))
        assert "15 03 03 00 02 02 28" in " ".join(octets.split())
        await hands.press("z", "2")
        while "TLS handshake" not in hands.log[hands.app.main.cursor_row]:
            await hands.press("k")
        await hands.press("3", "z", "left")
        assert "record by record" in hands.inspector


async def test_a_certificate_that_changed_since_the_last_visit_is_told_at_once(here: Path) -> None:
    """Not only in a tab that is hardly ever opened."""
    before, now = chain("mx.test"), chain("mx.test")
    known = KnownCertificates(None)
    known.note("mx.test", 465, before, WALL - 86400, "mx.test")
    async with driven(events=secured(*now)[:1]) as hands:
        hands.app.known = known
        assert "has changed" not in hands.said
        hands.app.recorder.append(secured(*now)[1])
        await hands.take()
        assert "the certificate has changed since 2023-11-13: its key is another one, too" in hands.said
        await hands.press("k")
        assert "has changed" not in hands.said


async def test_the_same_certificate_is_no_news(here: Path) -> None:
    ders = chain("mx.test")
    known = KnownCertificates(None)
    known.note("mx.test", 465, ders, WALL - 86400, "mx.test")
    async with driven(events=secured(*ders)[:1]) as hands:
        hands.app.known = known
        hands.app.recorder.append(secured(*ders)[1])
        await hands.take()
        assert "has changed" not in hands.said
