"""From a host name to a connected socket, each phase as a Link event and each failure as one sentence."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from smtpscope.smtp.errors import ConnectFailed
from smtpscope.smtp.events import LinkStatus

CONNECT_TIMEOUT = 30.0
"""Seconds for one address; RFC 5321 names none."""
_FAMILIES = {0: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}
_T = TypeVar("_T")
Address: TypeAlias = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]
"""One answer of getaddrinfo."""


async def dial(
    host: str,
    port: int,
    *,
    family: int = 0,
    local_address: tuple[str, int] | None = None,
    timeout: float | None = None,  # noqa: ASYNC109 - one limit for each address, not for the whole
    say: Callable[[LinkStatus, str], None],
) -> tuple[socket.socket, str]:
    """Connect to the first address of ``host`` that answers; gives the socket and that address.

    Raises ConnectFailed with the way out.
    """
    failures: list[str] = []
    for kind, _, protocol, _, address in await _find(host, port, family, timeout, say):
        where = f"{address[0]} port {port}"
        say(LinkStatus.CONNECTING, where)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT if timeout is None else timeout or None):
                return await _connect(kind, protocol, address, local_address), str(address[0])
        except (OSError, OverflowError) as error:
            failures.append(_reason(error, where, local_address))
    raise ConnectFailed("; ".join(dict.fromkeys(failures)))


async def _connect(
    kind: socket.AddressFamily, protocol: int, address: tuple[Any, ...], local_address: tuple[str, int] | None
) -> socket.socket:
    sock = socket.socket(kind, socket.SOCK_STREAM, protocol)
    try:
        sock.setblocking(False)
        if local_address:
            _bind(sock, local_address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


async def _find(
    host: str,
    port: int,
    family: int,
    timeout: float | None,  # noqa: ASYNC109
    say: Callable[[LinkStatus, str], None],
) -> Sequence[Address]:
    say(LinkStatus.FINDINGHOST, host)
    only = f" with an IPv{family} address" if family else ""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT if timeout is None else timeout or None):
            return await _apart(lambda: socket.getaddrinfo(host, port, _FAMILIES[family], socket.SOCK_STREAM))
    except TimeoutError as error:
        raise ConnectFailed(f"cannot find the host {host}{only}: the name server did not answer in time") from error
    except (OSError, ValueError, OverflowError) as error:
        reason = f"cannot find the host {host}{only} ({_words(error)}): check the name and the name server"
        raise ConnectFailed(reason) from error


def _bind(sock: socket.socket, local_address: tuple[str, int]) -> None:
    """Connect from this address, which must be one: a name would have to be looked up first."""
    try:
        version = ipaddress.ip_address(local_address[0].partition("%")[0]).version
    except ValueError:
        raise OSError(errno.EADDRNOTAVAIL, "this is not an IP address") from None
    if version != (6 if sock.family == socket.AF_INET6 else 4):
        raise OSError(errno.EADDRNOTAVAIL, f"the server's address is not an IPv{version} one")
    sock.bind(local_address)


def _reason(error: OSError | OverflowError, where: str, local_address: tuple[str, int] | None) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"{where} refused the connection: is a mail server running there, and is the port right?"
    if isinstance(error, TimeoutError):
        return f"{where} did not answer in time: a firewall may be in the way, or the host is down"
    number = getattr(error, "errno", None)
    if number in (errno.ENETUNREACH, errno.EHOSTUNREACH):
        return f"{where} is unreachable from here: check the network, or choose the other IP family with -4 or -6"
    if number in (errno.EADDRNOTAVAIL, errno.EADDRINUSE) and local_address:
        return f"cannot connect from {local_address[0]}: {_words(error)}; choose one of this host's addresses with -li"
    return f"{where} cannot be reached: {_words(error)}"


def _words(error: Exception) -> str:
    words = str(getattr(error, "strerror", None) or error).rstrip(".")
    return words[:1].lower() + words[1:]


def is_loopback(address: str) -> bool:
    """Whether an address never leaves this host."""
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def address_literal(address: str) -> str:
    """An address as RFC 5321 4.1.3 writes it where a domain could stand: ``[192.0.2.7]``, ``[IPv6:2001:db8::7]``."""
    address = address.partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


async def own_name(limit: float = 2.0) -> str | None:
    """This host's name if it has a dot, looked up within ``limit`` seconds."""
    name = socket.gethostname()
    if "." not in name:
        try:
            async with asyncio.timeout(limit):
                name = await _apart(lambda: socket.getfqdn(name))
        except (OSError, ValueError):  # TimeoutError is an OSError
            return None
    return name if "." in name.strip(".") and name.partition(".")[0] != "localhost" else None


async def _apart(call: Callable[[], _T]) -> _T:
    """What ``call`` gives, on a thread that nobody waits for: neither who gives up nor who leaves the program."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_T] = loop.create_future()

    def settle(outcome: Callable[[], None]) -> None:
        if not answer.done():
            outcome()

    def run() -> None:
        try:
            result = call()
        except Exception as error:  # it is raised where the answer is awaited
            outcome = functools.partial(answer.set_exception, error)
        else:
            outcome = functools.partial(answer.set_result, result)
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=run, name="name server", daemon=True).start()
    return await answer
