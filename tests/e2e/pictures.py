"""What a person reads off the picture on a screen."""

import re

HERE = "█"


def rows(screen: str) -> list[str]:
    """The rows of the picture: between header and rule."""
    lines = screen.splitlines()
    rule = next(number for number, line in enumerate(lines) if re.match(r"[-─] wire", line))
    return lines[1:rule]


def here(screen: str) -> str:
    """The node that is marked as the one where the session stands."""
    picture = rows(screen)
    row, column = next((row, line.index(HERE)) for row, line in enumerate(picture) if HERE in line)
    # In the wide picture the mark is under the name, else it stands before it.
    beside, above = picture[row][column + 1 :], picture[row - 1][column:] if row else ""
    found = re.match(r"[A-Z_]+", beside) or re.search(r"[A-Z_]+", above)
    assert found is not None, screen
    return found[0]
