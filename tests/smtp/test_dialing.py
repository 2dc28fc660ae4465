"""Names and addresses: our own, others', and how they are written."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from smtpscope.smtp.dialing import address_literal, is_loopback, own_name


@pytest.mark.parametrize(
    ("address", "literal"),
    [
        ("192.0.2.7", "[192.0.2.7]"),
        ("2001:db8::7", "[IPv6:2001:db8::7]"),
        ("fe80::1%eth0", "[IPv6:fe80::1]"),
    ],
)
def test_an_address_literal_is_that_of_rfc_5321(address: str, literal: str) -> None:
    assert address_literal(address) == literal


@pytest.mark.parametrize(
    ("address", "never_leaves"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("192.0.2.7", False),
        ("10.0.0.1", False),
        ("fe80::1%lo", False),
        ("", False),
        ("localhost", False),
        ("127.0.0.1.example.org", False),
    ],
)
def test_only_a_loopback_address_never_leaves_this_host(address: str, never_leaves: bool) -> None:
    assert is_loopback(address) is never_leaves


@pytest.mark.parametrize(
    ("host", "full", "name"),
    [
        ("mail.example.org", None, "mail.example.org"),
        ("mail", "mail.example.org", "mail.example.org"),
        ("mail", "mail", None),
        ("mail", "localhost.localdomain", None),
        ("localhost.localdomain", None, None),
        ("localhosting.example.org", None, "localhosting.example.org"),
        ("mail.", None, None),
    ],
)
async def test_our_own_name_is_one_with_a_dot_or_none(
    monkeypatch: pytest.MonkeyPatch, host: str, full: str | None, name: str | None
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    monkeypatch.setattr(socket, "getfqdn", lambda host: full)
    assert await own_name() == name


async def test_a_lookup_that_fails_gives_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(host: str) -> str:
        raise UnicodeError("label too long")

    monkeypatch.setattr(socket, "gethostname", lambda: "mail")
    monkeypatch.setattr(socket, "getfqdn", fail)
    assert await own_name() is None


def test_a_name_server_that_does_not_answer_holds_up_neither_us_nor_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the caller, who has a limit, nor the loop, which may be closed when the answer comes."""
    asked, answer, answered = threading.Event(), threading.Event(), threading.Event()

    def hang(host: str) -> str:
        asked.set()
        answer.wait(20)
        answered.set()
        return "mail.example.org"

    monkeypatch.setattr(socket, "gethostname", lambda: "mail")
    monkeypatch.setattr(socket, "getfqdn", hang)
    assert asyncio.run(own_name(0.05)) is None
    assert asked.is_set()
    assert not answered.is_set()
    threads = [thread for thread in threading.enumerate() if thread.name == "name server"]
    answer.set()
    for thread in threads:
        thread.join(20)
    assert answered.is_set()
