"""Mail servers that misbehave: the cases of hostile_corpus.json and their player.

A case is a script of steps, run in order for each connection (`server_script_2` from the second on):

    {"send": "220 hi\\r\\n"}              one write; the text is escaped as in Python, non-ASCII text means UTF-8
    {"send": ..., "times": N, "gap": s}  the same N times, a pause of s seconds between; without gap a flood
    {"drip": ..., "gap": s}              octet by octet
    {"send_raw": ...}                    bypasses TLS
    {"echo": "535 %s\\r\\n"}              like send, %s is the last line that came
    {"expect": "EHLO|HELO"}              reads until a line begins with one of these ("": any); other commands
                                         get a sane answer, so that an interactive client can wander
    {"expect": ..., "strict": true}      the next line, whatever it is
    {"expect_data": "crlf" or "lf"}      reads a message, up to CRLF.CRLF, or also to LF.LF (the smuggling flaw)
    {"expect_bytes": N}                  reads N octets; {"expect_bdat": true} takes N from the BDAT line before
    {"expect_clienthello": true}         reads whatever comes
    {"delay": s}, {"hold": s}            a pause
    {"mute": s}                          reads on for s seconds and answers nothing
    {"starttls": kind}                   a handshake with that kind of certificate (certificates.py)
    {"close": "fin", "rst" or "half"}    FIN, RST, or FIN and reading on

After the last step the server answers sanely until QUIT. The lines of `drive` are what a client sends to meet
the misbehaviour, `__TLS` and `__WAIT s` being what it does; `expected` says in words what it ought to make of it.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from servers import certificates
from servers.scripted import END_OF_DATA, Gone, Peer, ScriptedServer

Step = dict[str, Any]

FAST = 0.02
"""What every pause is multiplied by in a fast play."""
PATIENCE = 300.0
FLOOD_BLOCK = 65536

EHLO_REPLY = (
    b"250-hostile.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 10485760\r\n250-AUTH PLAIN LOGIN CRAM-MD5\r\n"
    b"250-ENHANCEDSTATUSCODES\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250 HELP\r\n"
)
SANE_REPLIES = {
    b"EHLO": EHLO_REPLY,
    b"LHLO": EHLO_REPLY,
    b"HELO": b"250 hostile.test\r\n",
    b"MAIL": b"250 2.1.0 Ok\r\n",
    b"RCPT": b"250 2.1.5 Ok\r\n",
    b"RSET": b"250 2.0.0 Ok\r\n",
    b"NOOP": b"250 2.0.0 Ok\r\n",
    b"VRFY": b"252 2.0.0 Cannot verify\r\n",
    b"EXPN": b"502 5.5.1 No\r\n",
    b"HELP": b"214 2.0.0 See RFC 5321\r\n",
    b"STAR": b"454 4.7.0 TLS not available\r\n",
    b"AUTH": b"535 5.7.8 No\r\n",
}


@dataclass(frozen=True)
class Case:
    """One way to misbehave."""

    id: str
    group: str
    title: str
    expected: str
    flags: tuple[str, ...]
    drive: tuple[str, ...]
    script: tuple[Step, ...]
    later_script: tuple[Step, ...]
    """For the second and later connections."""
    lmtp: bool
    smtps: bool
    """The client is to begin with TLS; the server does not."""
    input: dict[str, str] | None
    """What a user types into which field, where the client is the one to misbehave."""

    @property
    def speaks_first(self) -> bool:
        """Whether the first thing the server does is to send something."""
        return bool(self.script[0].keys() & {"send", "drip"})


@cache
def load() -> dict[str, Case]:
    """All cases by id."""
    text = (Path(__file__).parent / "hostile_corpus.json").read_text(encoding="utf-8")
    return {each["id"]: _case(each) for each in json.loads(text)}


def _case(each: dict[str, Any]) -> Case:
    script = tuple(each["server_script"])
    return Case(
        id=each["id"],
        group=each["group"],
        title=each["title"],
        expected=each["expected"],
        flags=tuple(each["flags"]),
        drive=tuple(each["drive"]),
        script=script,
        later_script=tuple(each.get("server_script_2", script)),
        lmtp=each.get("transport") == "lmtp",
        smtps=each.get("transport") == "smtps",
        input=each.get("input"),
    )


def unescape(text: str) -> bytes:
    """The octets that a script's text stands for."""
    return text.encode("utf-8").decode("unicode_escape").encode("latin-1")


@contextlib.asynccontextmanager
async def playing(case: Case, fast: bool = True) -> AsyncIterator[ScriptedServer]:
    """A server that plays the case to every client; `fast` makes its pauses fifty times shorter."""

    async def handler(peer: Peer) -> None:
        script = case.script if server.connections == 1 else case.later_script
        await _Play(peer, FAST if fast else 1.0).run(script)

    server = ScriptedServer(handler, timeout=PATIENCE)
    async with server:
        yield server


class _Play:
    """The state of one connection's play: its peer and the last line that came."""

    def __init__(self, peer: Peer, speed: float):
        self.peer = peer
        self.speed = speed
        self.last = b""

    async def run(self, script: tuple[Step, ...]) -> None:
        for step in script:
            await getattr(self, "_" + next(iter(step)))(step)
        while True:
            await self._answer_sanely(await self._line())

    async def _line(self) -> bytes:
        self.last = await self.peer.line()
        return self.last

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self.speed)

    async def _answer_sanely(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb == b"QUIT":
            await self.peer.send(b"221 2.0.0 Bye\r\n")
            await self.peer.finish()
            raise Gone("QUIT")
        if verb == b"DATA":
            await self.peer.send(b"354 Go ahead\r\n")
            await self.peer.read_until(END_OF_DATA)
            await self.peer.send(b"250 2.0.0 Queued\r\n")
        elif verb == b"BDAT":
            await self._expect_bdat({})
            await self.peer.send(b"250 2.0.0 Ok\r\n")
        else:
            await self.peer.send(SANE_REPLIES.get(verb, b"500 5.5.2 Command not recognized\r\n"))

    async def _send(self, step: Step) -> None:
        octets, times = unescape(step["send"]), step.get("times", 1)
        if "gap" in step:
            for _ in range(times):
                await self.peer.send(octets)
                await self._pause(step["gap"])
            return
        block = max(1, FLOOD_BLOCK // max(1, len(octets)))
        for done in range(0, times, block):
            await self.peer.send(octets * min(block, times - done))

    async def _drip(self, step: Step) -> None:
        for octet in unescape(step["drip"]):
            await self.peer.send(bytes([octet]))
            await self._pause(step["gap"])

    async def _send_raw(self, step: Step) -> None:
        await self.peer.send(unescape(step["send_raw"]), clear=True)

    async def _echo(self, step: Step) -> None:
        await self.peer.send(unescape(step["echo"]).replace(b"%s", self.last))

    async def _expect(self, step: Step) -> None:
        wanted = tuple(step["expect"].encode().upper().split(b"|"))
        while not (await self._line()).upper().startswith(wanted) and not step.get("strict"):
            await self._answer_sanely(self.last)

    async def _expect_data(self, step: Step) -> None:
        if step["expect_data"] == "crlf":
            await self.peer.read_until(END_OF_DATA)
        else:
            while await self.peer.line() != b".":
                pass

    async def _expect_bytes(self, step: Step) -> None:
        await self.peer.read_exactly(step["expect_bytes"])

    async def _expect_bdat(self, step: Step) -> None:
        words = self.last.split()
        if len(words) > 1 and words[1].isdigit():
            await self.peer.read_exactly(int(words[1]))

    async def _expect_clienthello(self, step: Step) -> None:
        await self.peer.read_some()

    async def _delay(self, step: Step) -> None:
        await self._pause(step["delay"])

    async def _hold(self, step: Step) -> None:
        await self._pause(step["hold"])

    async def _mute(self, step: Step) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(step["mute"] * self.speed):
                while True:
                    await self.peer.read_some()

    async def _starttls(self, step: Step) -> None:
        await self.peer.starttls(certificates.server_context(step["starttls"]))

    async def _close(self, step: Step) -> None:
        match step["close"]:
            case "rst":
                self.peer.reset()
            case "fin":
                await self.peer.finish(close_notify=False)
            case "half":
                self.peer.half_close()
                return
        raise Gone(step["close"])
