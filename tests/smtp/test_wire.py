"""What we ask of aiosmtplib: public names only, so that every version that is allowed will do."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import aiosmtplib.protocol
from aiosmtplib.protocol import SMTPProtocol

import smtpscope.smtp.wire
from smtpscope.smtp import errors
from smtpscope.smtp.wire import Wire

APP = Path(smtpscope.smtp.wire.__file__).parents[1]


def imports() -> Iterator[tuple[str, str]]:
    """Every module of aiosmtplib and the name that we import from it."""
    for file in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "aiosmtplib":
                yield from ((node.module or "", alias.name) for alias in node.names)
            elif isinstance(node, ast.Import):
                assert not any(alias.name.split(".")[0] == "aiosmtplib" for alias in node.names), file


def test_every_name_that_we_import_is_public_and_there() -> None:
    found = set(imports())
    assert ("aiosmtplib.protocol", "SMTPProtocol") in found
    for module, name in found:
        assert not any(part.startswith("_") for part in (*module.split("."), name)), (module, name)
        assert hasattr(importlib.import_module(module), name), (module, name)
    assert "SMTPProtocol" in aiosmtplib.protocol.__all__


def test_the_wire_overrides_public_methods_and_touches_nothing_private() -> None:
    own = {name for name in vars(Wire) if not name.startswith("__")}
    overridden = {name for name in own if not name.startswith("wire_")}
    reading = {"get_buffer", "buffer_updated"}  # of asyncio.BufferedProtocol
    assert reading <= overridden
    assert not [name for name in reading if hasattr(SMTPProtocol, name)]
    overridden -= reading
    assert overridden == {
        "connection_made",
        "data_received",
        "eof_received",
        "connection_lost",
        "pause_writing",
        "resume_writing",
        "write",
    }
    for name in overridden:
        assert callable(getattr(SMTPProtocol, name)), name
        assert not name.startswith("_")
        theirs = list(inspect.signature(getattr(SMTPProtocol, name)).parameters)
        assert list(inspect.signature(getattr(Wire, name)).parameters) == theirs, name
    tree = ast.parse(Path(smtpscope.smtp.wire.__file__).read_text())
    private = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr.startswith("_")}
    assert private == {"__init__"}


def test_our_own_names_cannot_meet_those_of_the_base() -> None:
    assert not [name for name in dir(SMTPProtocol) if name.startswith("wire_")]
    assert "loop" in inspect.signature(SMTPProtocol).parameters


def test_every_error_is_one_of_ours_and_of_aiosmtplib() -> None:
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and kind.__module__ == errors.__name__:
            assert issubclass(kind, errors.TransportError), name
            assert kind("one sentence").message == "one sentence"


def test_the_versions_that_are_allowed_are_said() -> None:
    assert any(each.replace(" ", "").startswith("aiosmtplib<6,>=5.1.3") for each in requires("smtpscope") or [])
