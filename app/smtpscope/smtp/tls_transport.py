"""What the inner protocol of TLS writes to: asyncio's transport, each call of which is the layer's to do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from smtpscope.smtp.tls import TLSLayer


class TLSTransport(asyncio.Transport):
    """What the inner protocol of a TLSLayer writes to."""

    def __init__(self, layer: TLSLayer) -> None:
        super().__init__()
        self._layer = layer

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send; nothing happens once the layer is closed."""
        self._layer.write(data)

    def close(self) -> None:
        """Send close_notify behind what was written, and close."""
        self._layer.close()

    def abort(self) -> None:
        """Close at once, without close_notify."""
        self._layer.abort()

    def is_closing(self) -> bool:
        """Whether nothing can be written any more."""
        return self._layer.is_closing()

    def can_write_eof(self) -> bool:
        """No: TLS ends with close()."""
        return False

    def write_eof(self) -> None:
        """Not for TLS."""
        raise NotImplementedError("TLS has no half-close here")

    def pause_reading(self) -> None:
        """Let nothing more come."""
        self._layer.pause_reading()

    def resume_reading(self) -> None:
        """Undo pause_reading()."""
        self._layer.resume_reading()

    def is_reading(self) -> bool:
        """Whether data can come."""
        return self._layer.is_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Put another inner protocol in place."""
        self._layer.inner = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The inner protocol."""
        return self._layer.inner

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the limits, in octets of ciphertext, of the only buffer there is: the socket transport's."""
        self._layer.lower.set_write_buffer_limits(high, low)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Low and high limit."""
        return self._layer.lower.get_write_buffer_limits()

    def get_write_buffer_size(self) -> int:
        """Octets of ciphertext that are not with the kernel yet."""
        return self._layer.lower.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the socket's transport says."""
        return self._layer.lower.get_extra_info(name, default)
