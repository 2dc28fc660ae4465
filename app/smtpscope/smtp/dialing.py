"""From a host name to a connected socket, each phase as a Link event and each failure as one sentence."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Callable

from smtpscope.smtp.errors import ConnectFailed
from smtpscope.smtp.events import LinkStatus

CONNECT_TIMEOUT = 30.0
"""Seconds for one address; RFC 5321 names none."""
_FAMILIES = {0: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}


async def dial(
    host: str,
    port: int,
    *,
    family: int = 0,
    local_address: tuple[str, int] | None = None,
    timeout: float | None = None,  # noqa: ASYNC109 - one limit for each address, not for the whole
    say: Callable[[LinkStatus, str], None],
) -> socket.socket:
    """Connect to the first address of ``host`` that answers. Raises ConnectFailed with the way out."""
    loop = asyncio.get_running_loop()
    say(LinkStatus.FINDINGHOST, host)
    try:
        found = await loop.getaddrinfo(host, port, family=_FAMILIES[family], type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        only = f" with an IPv{family} address" if family else ""
        reason = f"cannot find the host {host}{only} ({_words(error)}): check the name and the name server"
        raise ConnectFailed(reason) from error
    failures: list[str] = []
    for kind, _, protocol, _, address in found:
        where = f"{address[0]} port {port}"
        say(LinkStatus.CONNECTING, where)
        sock = socket.socket(kind, socket.SOCK_STREAM, protocol)
        try:
            sock.setblocking(False)
            if local_address:
                sock.bind(local_address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(CONNECT_TIMEOUT if timeout is None else timeout or None):
                await loop.sock_connect(sock, address)
        except (OSError, TimeoutError) as error:
            sock.close()
            failures.append(_reason(error, where, local_address))
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise ConnectFailed("; ".join(dict.fromkeys(failures)))


def _reason(error: OSError, where: str, local_address: tuple[str, int] | None) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"{where} refused the connection: is a mail server running there, and is the port right?"
    if isinstance(error, TimeoutError):
        return f"{where} did not answer in time: a firewall may be in the way, or the host is down"
    if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
        return f"{where} is unreachable from here: check the network, or choose the other IP family with -4 or -6"
    if error.errno in (errno.EADDRNOTAVAIL, errno.EADDRINUSE) and local_address:
        return f"cannot connect from {local_address[0]}: {_words(error)}; choose one of this host's addresses with -li"
    return f"{where} cannot be reached: {_words(error)}"


def _words(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".").lower()


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
    """This host's name if it has a dot, looked up within ``limit`` seconds on a thread that nobody waits for longer."""
    name = socket.gethostname()
    if "." not in name:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str] = loop.create_future()

        def look_up() -> None:
            found = socket.getfqdn(name)
            loop.call_soon_threadsafe(lambda: answer.done() or answer.set_result(found))

        import threading

        threading.Thread(target=look_up, name="own name", daemon=True).start()
        try:
            async with asyncio.timeout(limit):
                name = await answer
        except TimeoutError:
            return None
    return name if "." in name.strip(".") and not name.startswith("localhost") else None
