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

SECRET_WORDS = ("password", "passwd", "passphrase", "pwd", "secret", "token", "bearer")
REVEALED = {
    ("smtp/sasl_steps.py", "Login.octets"),  # where it goes out
    ("session/redact.py", "Redactor.know"),  # where it is hidden
}
"""The only functions that may see a secret as it is. The action that reveals looks at octets that have been sent."""
INSIDE = ("reveal", "_in_clear")
"""Behind these names stands the secret itself."""


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


def scoped(node: ast.AST, scope: tuple[str, ...] = ()) -> Iterator[tuple[str, ast.AST]]:
    """Each node, with the name of the function or class it stands in, empty at the top."""
    for child in ast.iter_child_nodes(node):
        yield ".".join(scope), child
        inner = (
            (*scope, child.name) if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else scope
        )
        yield from scoped(child, inner)


def looks_inside(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Where a secret is looked into, and by which name; also by a name that is only put together."""
    for scope, node in scoped(tree):
        if isinstance(node, ast.Attribute) and node.attr in INSIDE:
            yield scope, node.attr
        elif isinstance(node, ast.Constant) and node.value in INSIDE and node.value != "reveal":
            yield scope, str(node.value)
    for name, call in calls(tree):
        if name in ("getattr", "attrgetter", "methodcaller") and "reveal" in ast.unparse(call):
            yield name, "reveal"


def test_a_secret_is_revealed_where_it_goes_out_and_where_it_is_hidden_and_nowhere_else() -> None:
    assert {name for _, name in looks_inside(ast.parse((APP / "secret.py").read_text()))} == set(INSIDE) - {"reveal"}
    found = {(place, scope) for place, tree in trees() if place != "secret.py" for scope, _ in looks_inside(tree)}
    assert found == REVEALED


@pytest.mark.parametrize(
    "code",
    [
        "WORD = given.reveal()",
        "show = lambda secret: secret.reveal()",
        "def octets(secret): return secret.reveal()",
        "class Login:\n    def shown(self):\n        return [each.reveal for each in self.all]",
        "f'{profile.password.reveal()}'",
        "word = getattr(secret, 'reveal')()",
        "words = map(methodcaller('reveal'), secrets)",
        "word = secret._in_clear",
        "word = object.__getattribute__(secret, '_in_clear')",
        "word = Secret._in_clear.__get__(secret)",
    ],
)
def test_that_wall_stands(code: str) -> None:
    assert {("smtp/sasl_steps.py", scope) for scope, _ in looks_inside(ast.parse(code))} - REVEALED


def named(tree: ast.Module, place: str) -> Iterator[Named]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            arguments = node.args
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            for each in every:
                if each is not None:
                    yield Named(place, each.arg, ast.unparse(each.annotation) if each.annotation else "")
        elif isinstance(node, ast.AnnAssign):
            yield Named(place, ast.unparse(node.target).removeprefix("self."), ast.unparse(node.annotation))


def fields_without_type(tree: ast.Module) -> Iterator[str]:
    """Attributes that get something else than the parameter of their name, and are annotated nowhere in the file."""
    typed = {each.name for each in named(tree, "")}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                for each in ast.walk(target):
                    if isinstance(each, ast.Attribute) and each.attr not in typed:
                        yield each.attr


OF_THE_WIRE = {"session/redact.py", "session/written.py", "session/decoded.py", "session/log.py"}
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


def wrong_types(tree: ast.Module, place: str) -> list[str]:
    """Names that speak of a credential, and have not its type."""
    wrong = [
        each.name
        for each in named(tree, place)
        if each.annotation not in ("Secret", "Secret | None", "str | Secret")
        and (each.name, each.annotation) not in MARKS
        and not (place in OF_THE_WIRE and each.annotation == "bytes")
    ]
    every = [*wrong, *fields_without_type(tree)]
    return [name for name in every if any(word in name.lower() for word in SECRET_WORDS)]


def test_what_is_called_a_secret_has_its_type() -> None:
    assert {place: wrong for place, tree in trees() if (wrong := wrong_types(tree, place))} == {}
    assert {each.annotation for _, tree in trees() for each in named(tree, "") if each.name == "password"} >= {
        "Secret",
        "Secret | None",
        "str | Secret",
    }


@pytest.mark.parametrize(
    "code",
    [
        "def log_in(user: str, password: str) -> None: ...",
        "def log_in(user, *, password): ...",
        "def log_in(*passwords: str) -> None: ...",
        "async def log_in(**passwords: str) -> None: ...",
        "class Login(NamedTuple):\n    bearer_token: bytes",
        "class Login:\n    def __init__(self, word: str) -> None:\n        self._password = word",
        "self.user, self.password = read()",
        "log_in = lambda token: None",
        "password: str | None = None",
    ],
)
def test_that_wall_stands_as_well(code: str) -> None:
    assert wrong_types(ast.parse(code), "smtp/login.py")


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
