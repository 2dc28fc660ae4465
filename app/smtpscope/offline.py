"""What is done with kept sessions without a terminal: one is exported, two are compared."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from smtpscope.options import Diff, Export
from smtpscope.saying import complain
from smtpscope.visible import safe

if TYPE_CHECKING:
    from smtpscope.session.keep import Loaded

OK, DIFFERENT, TROUBLE, BROKEN_PIPE = 0, 1, 2, 141
"""Exit codes of ``diff``, and the shell's for a reader who went away."""


def export(wanted: Export) -> int:
    """Write a kept session to standard output; 1 if it could not be read to its end, with what is before that."""
    loaded = _load(wanted.path)
    if len(loaded.recorder):
        if wanted.kind == "svg":
            from smtpscope.tui.screenshot import screen_svg

            text = screen_svg(loaded.recorder)
        else:
            from smtpscope.session.export import export

            text = export(loaded.recorder, wanted.kind)
        if code := _print(text):
            return code
    return complain(loaded.problem, 1) if loaded.problem else OK


def diff(wanted: Diff) -> int:
    """Print how two kept sessions differ: 0 if they do not, 1 if they do, 2 if one could not be read to its end."""
    from smtpscope.session.compare import compare, comparison_text

    a, b = _load(wanted.a), _load(wanted.b)
    compared = None
    if len(a.recorder) and len(b.recorder):
        compared = compare(a.recorder, b.recorder)
        if code := _print(comparison_text(compared, (safe(wanted.a), safe(wanted.b)), _width())):
            return TROUBLE if code == 1 else code
    problems = [loaded.problem for loaded in (a, b) if loaded.problem]
    for problem in problems:
        complain(problem, TROUBLE)
    if problems or compared is None:
        return TROUBLE
    return OK if compared.same else DIFFERENT


def _load(path: str) -> Loaded:
    from smtpscope.session.keep import load

    if path != "-":
        return load(Path(path))
    with NamedTemporaryFile() as file:
        if sys.stdin is not None:
            shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        loaded = load(Path(file.name))
    loaded.problem = loaded.problem.replace(file.name, "Standard input")
    return loaded


def _width() -> int:
    """Columns: the terminal's, where it is one."""
    on_terminal = sys.stdout is not None and sys.stdout.isatty()
    return max(40, shutil.get_terminal_size().columns) if on_terminal else 100


def _print(text: str) -> int:
    """Write ``text`` in UTF-8, whatever the terminal's encoding; the exit code."""
    if sys.stdout is None:
        return complain("There is no standard output.", 1)
    try:
        sys.stdout.flush()
        data = memoryview(text.encode("utf-8", "backslashreplace"))
        while data:
            data = data[os.write(sys.stdout.fileno(), data) :]
    except BrokenPipeError:
        with suppress(OSError):  # nothing is left for Python to flush into it
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        return complain(f"Standard output cannot be written: {error.strerror}.", 1)
    return OK
