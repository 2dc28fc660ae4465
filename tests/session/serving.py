"""A mail server that says yes, but where a test says otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from servers.scripted import END_OF_DATA, Handler, Peer

USUAL = {
    "BANNER": b"220 mail.test ESMTP\r\n",
    "EHLO": b"250-mail.test\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n",
    "DATA": b"354 Go on\r\n",
    "QUIT": b"221 2.0.0 Bye\r\n",
}


def serving(replies: Mapping[str, bytes | Sequence[bytes]] | None = None, **gates: asyncio.Event) -> Handler:
    """Answers by verb (BANNER, DOT), with one reply or one after the other, whatever the connection.

    A reply to a verb that has a gate waits until that is set. An empty reply is none; after a 221 or 421 it closes.
    """
    left = {verb: [each] if isinstance(each, bytes) else list(each) for verb, each in (replies or {}).items()}

    async def handler(peer: Peer) -> None:
        verb = "BANNER"
        while True:
            if (gate := gates.get(verb)) is not None:
                await gate.wait()
            given = left.get(verb, [USUAL.get(verb, b"250 2.0.0 Ok\r\n")])
            reply = given.pop(0) if len(given) > 1 else given[0]
            if reply:
                await peer.send(reply)
            if reply.startswith((b"221", b"421")):
                return
            if reply.startswith(b"354"):
                await peer.read_until(END_OF_DATA)
                verb = "DOT"
            elif reply.startswith(b"334"):
                await peer.line()
                verb = "RESPONSE"
            else:
                verb = (await peer.line()).split(b" ")[0].decode("latin-1").upper()

    return handler
