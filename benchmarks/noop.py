"""A NOOP's round trip: the transport with its event log, beside aiosmtplib and asyncio's streams.

The server is a process of its own that answers each line with ``250 ok``. Argument: rounds, 31 by default.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from time import perf_counter

import aiosmtplib
from rounds import order, report

from smtpscope.session.recorder import Recorder
from smtpscope.smtp import SMTPTransport

ROUND_TRIPS = 1000
WARM_UP = 200
OURS, THEIRS, STREAMS = "SMTPTransport.custom", "aiosmtplib execute_command", "asyncio streams"
LIMITS = {THEIRS: 1.1, STREAMS: 1.5}

Trip = Callable[[], Awaitable[object]]


class Server(asyncio.Protocol):
    """Greets, and takes everything."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(b"220 bench\r\n")

    def data_received(self, data: bytes) -> None:
        self.transport.write(b"250 ok\r\n" * data.count(b"\n"))


async def serve() -> None:
    """Say the port, and serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Server, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


async def timed(trip: Trip, count: int) -> float:
    """Seconds for one round trip."""
    start = perf_counter()
    for _ in range(count):
        await trip()
    return (perf_counter() - start) / count


async def measure(port: int, rounds: int) -> dict[str, list[float]]:
    """Seconds for a round trip, by client and round."""
    recorder = Recorder()
    transport = SMTPTransport(recorder.append)
    await transport.connect("127.0.0.1", port)
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
    await client.connect()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()

    async def stream() -> bytes:
        writer.write(b"NOOP\r\n")
        await writer.drain()
        return await reader.readline()

    trips: dict[str, Trip] = {
        OURS: lambda: transport.custom("NOOP"),
        THEIRS: lambda: client.execute_command(b"NOOP"),
        STREAMS: stream,
    }
    for trip in trips.values():
        await timed(trip, WARM_UP)
    seconds: dict[str, list[float]] = {name: [] for name in trips}
    for number in range(rounds):
        for name in order(list(trips), number):
            seconds[name].append(await timed(trips[name], ROUND_TRIPS))
    assert len(recorder) >= 3 * ROUND_TRIPS * rounds  # the log was on
    transport.drop()
    client.close()
    writer.close()
    recorder.close()
    return seconds


async def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 31
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(sys.executable, __file__, "serve", stdin=pipe, stdout=pipe)
    assert server.stdin is not None
    assert server.stdout is not None
    seconds = await measure(int(await server.stdout.readline()), rounds)
    server.stdin.close()
    await server.wait()
    print(f"NOOP round trip, {rounds} rounds of {ROUND_TRIPS}:")
    return 0 if report(seconds, OURS, LIMITS, 1e-6) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(serve() if sys.argv[1:] == ["serve"] else main()))
