"""The protocol: no terminal, no files. Everything else stands on it."""

from __future__ import annotations
