"""The walls in the source: where a secret is revealed, what holds one, and that no text of others becomes markup."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from textual.content import Content

from smtpscope.actions import ACTIONS
from smtpscope.smtp.command import SMTPCommand

ROOT = Path(__file__).parent.parent
APP, WIDGETS = ROOT / "app" / "smtpscope", ROOT / "widgets" / "smtpscope_widgets"
FILES = sorted([*APP.rglob("*.py"), *WIDGETS.rglob("*.py")])

SECRET_WORDS = ("password", "passwd", "passphrase", "secret", "token", "bearer")
REVEALED = {
    ("smtp/sasl_steps.py", "octets"),  # where it goes out
    ("session/redact.py", "know"),  # where it is hidden
}
"""The only functions that may see a secret as it is."""


class Named(NamedTuple):
    """A parameter or a field, and its annotation."""

    place: str
    name: str
    annotation: str


def relative(path: Path) -> str:
    return str(path.relative_to(APP) if path.is_relative_to(APP) else path.relative_to(WIDGETS.parent))


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in FILES:
        yield relative(path), ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Each call, with the name of the function or method that is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""), node


def test_a_secret_is_revealed_where_it_goes_out_and_where_it_is_hidden_and_nowhere_else() -> None:
    found = {
        (name, function.name)
        for name, tree in trees()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and node.attr == "reveal"
    }
    assert found == REVEALED


def test_nobody_looks_into_a_secret_behind_its_back() -> None:
    inside = {"_text", "_octets"}
    assert {
        node.attr for node in ast.walk(ast.parse((APP / "secret.py").read_text())) if isinstance(node, ast.Attribute)
    } > inside
    found = {
        (name, ast.unparse(node))
        for name, tree in trees()
        for node in ast.walk(tree)
        if name != "secret.py" and isinstance(node, ast.Attribute) and node.attr in inside
        if any(word in ast.unparse(node.value).lower() for word in SECRET_WORDS)
    }
    assert found == set()


def named(tree: ast.Module, place: str) -> Iterator[Named]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            arguments = node.args
            for each in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
                yield Named(place, each.arg, ast.unparse(each.annotation) if each.annotation else "")
        elif isinstance(node, ast.AnnAssign):
            yield Named(place, ast.unparse(node.target).removeprefix("self."), ast.unparse(node.annotation))


OF_THE_WIRE = {"session/redact.py", "session/decoded.py", "session/log.py"}
"""Rooms that look at octets that have been sent, and are in the recording as they are."""
MARKS = {
    ("secrets", "tuple[tuple[int, int], ...]"),
    ("_secrets", "dict[int, tuple[tuple[int, int], ...]]"),
    ("secret", "bool"),
    ("secret", "set[int]"),
    ("password_source", "str | None"),
    ("secrets", "Iterable[Secret]"),
    ("with_secrets", "bool"),
}
"""Names that speak of secrets and hold none as it is: their places in octets or rows, whether they are kept, a list."""


def test_what_is_called_a_secret_has_its_type() -> None:
    wrong = [
        each
        for place, tree in trees()
        for each in named(tree, place)
        if any(word in each.name.lower() for word in SECRET_WORDS)
        and each.annotation not in ("Secret", "Secret | None", "str | Secret")
        and (each.name, each.annotation) not in MARKS
        and not (place in OF_THE_WIRE and each.annotation == "bytes")
    ]
    assert wrong == []
    assert {each.annotation for _, tree in trees() for each in named(tree, "") if each.name == "password"} >= {
        "Secret",
        "Secret | None",
        "str | Secret",
    }


def test_secrets_are_never_logged_or_printed() -> None:
    """No logging, no print but of the command line's own sentences."""
    allowed = {"cli.py": 2, "options.py": 2, "saying.py": 1, "demo/server.py": 99}
    for name, tree in trees():
        printed = [call for function, call in calls(tree) if function in ("print", "pprint", "log", "debug", "echo")]
        assert len(printed) <= allowed.get(name, 0), (name, [ast.unparse(c) for c in printed])


@pytest.mark.parametrize("function", ["from_markup", "from_rich_text", "notify"])
def test_no_text_becomes_markup(function: str) -> None:
    """Content is assembled of spans; what takes markup is not called with anything."""
    assert [name for name, tree in trees() for called, _ in calls(tree) if called == function] == []


def test_of_textual_s_widgets_only_those_without_markup_are_used() -> None:
    found = {
        (name, each.name)
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("textual.widgets")
        for each in node.names
    }
    assert {widget for _, widget in found} <= {"Input"}


def test_the_palette_s_help_is_what_it_says() -> None:
    """The palette reads it as markup; it is our own, and must not look like any."""
    for text in [*(action.help for action in ACTIONS), *(member.meaning for member in SMTPCommand), "key ^] F8"]:
        assert Content.from_markup(text).plain == text


def test_titles_and_tooltips_hold_nothing_of_others() -> None:
    """They are markup in Textual, so nothing is put there at all."""
    attributes = {"tooltip", "border_title", "border_subtitle", "sub_title"}
    found = {
        (name, target.attr)
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Attribute) and target.attr in attributes
    }
    assert found == set()
