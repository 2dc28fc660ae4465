"""A state diagram: where we stand, what was passed, what may come next; keyboard and mouse choose a node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import ClassVar, Literal, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from smtpscope_widgets.drawing import Box, Picture, Route, fit, plain, to_ascii
from smtpscope_widgets.kinds import Looks

Mark = Literal["", "passed", "refused", "waiting"]
May = Literal["", "legal", "out_of_order", "impossible"]

_MARKS = {"": "", "passed": "✓", "refused": "✗", "waiting": "▒"}
_MAY_SIGNS = {"": " ", "legal": "▸", "out_of_order": " ", "impossible": "·"}
_MAY_STYLES = {"": "box", "legal": "legal", "out_of_order": "out-of-order", "impossible": "impossible"}
# Bold, dim and reverse carry the difference where there is no colour; the shapes carry it where there is neither.
_LOOKS = Looks({
    "box": "$foreground",
    "legal": "$text-primary bold",
    "out-of-order": "$foreground",
    "impossible": "$foreground dim",
    "here": "$warning bold",
    "waiting": "$text-secondary bold",
    "passed": "$success",
    "refused": "$error bold",
    "words": "$foreground dim",
    "edge": "$foreground dim",
    "taken": "$success",
    "latest": "$warning bold",
    "note": "$foreground dim",
    "jump": "$warning bold",
    "selected": "reverse",
})  # fmt: skip


class NodeState(NamedTuple):
    """What is known of a node. ``here`` and a refusal can coincide; ``text`` is the report, ``short`` a tighter one."""

    mark: Mark = ""
    here: bool = False
    may: May = ""
    text: str = ""
    short: str = ""


class StateDiagram(Widget, can_focus=True):
    """Shows one picture in the state it was told, centred, from the top. It knows nodes and edges, no protocol."""

    _drawn_in: dict[str, Style] | None = None
    DEFAULT_CSS = "StateDiagram { width: 1fr; height: auto; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move('up')", "Up", show=False),
        Binding("down", "move('down')", "Down", show=False),
        Binding("left", "move('left')", "Left", show=False),
        Binding("right", "move('right')", "Right", show=False),
        Binding("enter", "choose", "Select", show=False),
    ]

    class NodeChosen(Message):
        """A node was picked with Enter or a click."""

        def __init__(self, diagram: StateDiagram, node: str) -> None:
            self.diagram = diagram
            self.node = node
            super().__init__()

        @property
        def control(self) -> StateDiagram:
            """The diagram it was picked in."""
            return self.diagram

    selected: str | None = None
    """The node the cursor is on; None until the diagram had the focus."""

    def __init__(self, picture: Picture, *, ascii: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.ascii = ascii
        self.picture = picture
        self._states: Mapping[str, NodeState] = {}
        self._taken: frozenset[str] = frozenset()
        self._latest: str | None = None
        self._jump = ""
        self._strips: list[Strip] = []

    def show(
        self,
        picture: Picture,
        nodes: Mapping[str, NodeState],
        taken: frozenset[str] = frozenset(),
        latest: str | None = None,
        jump: str = "",
    ) -> None:
        """Draw this. ``taken`` are the edges passed so far, ``latest`` the one just taken; ``jump`` words for none."""
        shown = (self.picture, self._states, self._taken, self._latest, self._jump)
        if self._strips and shown == (picture, nodes, taken, latest, jump):
            return
        resized = (picture.width, picture.height) != (self.picture.width, self.picture.height)
        self.picture = picture
        self._states, self._taken, self._latest, self._jump = dict(nodes), taken, latest, jump
        if self.selected not in picture.by_id:
            self.selected = self._start if self.has_focus else None
        self._redraw()
        if resized:
            self.refresh(layout=True)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """As wide as the picture."""
        return self.picture.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As high as the picture."""
        return self.picture.height

    def render_line(self, y: int) -> Strip:
        """A row of the picture, or nothing below it."""
        looks = _LOOKS.styles(self.app)
        if not self._strips or looks is not self._drawn_in:
            self._drawn_in, self._strips = looks, self._draw()
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)

    def notify_style_update(self) -> None:
        """Textual: the theme or the styles have changed."""
        super().notify_style_update()
        self._strips = []

    def on_resize(self) -> None:
        """Textual: the middle has moved."""
        self._strips = []

    def on_focus(self) -> None:
        """The cursor starts where the session stands."""
        if self.selected is None:
            self.selected = self._start
        self._redraw()

    def on_blur(self) -> None:
        """The cursor is shown only where keys go."""
        self._redraw()

    def on_click(self, event: events.Click) -> None:
        """A click on a box selects and chooses it."""
        offset = event.get_content_offset(self)
        box = self.picture.box_at(offset.x - self._left, offset.y) if offset is not None else None
        if box:
            self.selected = box.id
            self._redraw()
            self.action_choose()

    def action_choose(self) -> None:
        """Say which node was picked."""
        if self.selected is not None:
            self.post_message(self.NodeChosen(self, self.selected))

    def action_move(self, way: str) -> None:
        """The cursor goes along an edge that leaves on that side, else to the nearest box there."""
        if self.selected is None:
            return
        neighbour = neighbour_of(self.picture, self.selected, way)
        if neighbour:
            self.selected = neighbour
            self._redraw()

    @property
    def _start(self) -> str:
        """Where the cursor begins: the box that is here, else the first."""
        here = (box.id for box in self.picture.boxes if self._states.get(box.id, NodeState()).here)
        return next(here, self.picture.boxes[0].id)

    @property
    def _left(self) -> int:
        """The picture's first column in the content area."""
        return max(0, (self.size.width - self.picture.width) // 2)

    def _redraw(self) -> None:
        """Build the rows anew and refresh those that differ: a running clock costs one row, not the picture."""
        if not self.is_mounted or not self.size.width:
            self._strips = []
            return
        before, self._strips = self._strips, self._draw()
        if len(before) != len(self._strips):
            self.refresh()
            return
        changed = [y for y, strips in enumerate(zip(before, self._strips, strict=True)) if strips[0] != strips[1]]
        if changed:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    def _draw(self) -> list[Strip]:
        """The picture as rows of the widget's width."""
        canvas = _Canvas(self.picture.width, self.picture.height)
        self._put_lines(canvas)
        for box in self.picture.boxes:
            self._put_box(canvas, box, self._states.get(box.id, NodeState()))
        self._put_jump(canvas)
        base, looks = self.rich_style, _LOOKS.styles(self.app)
        styles: dict[str, Style] = {"": base}
        for name in {name for row in canvas.styles for name in row if name}:
            styles[name] = sum((looks[part] for part in name.split("+")), base)
        margin = Segment(" " * self._left, base)
        rows = []
        for chars, names in zip(canvas.chars, canvas.styles, strict=True):
            segments = [margin]
            for name, run in groupby(zip(chars, names, strict=True), key=lambda cell: cell[1]):
                text = "".join(char for char, _ in run)
                segments.append(Segment(to_ascii(text) if self.ascii else text, styles[name]))
            rows.append(Strip(segments, self._left + len(chars)).crop_extend(0, self.size.width, base))
        return rows

    def _put_lines(self, canvas: _Canvas) -> None:
        """Frames first, the routes and the notes over them."""
        for box in self.picture.boxes:
            state = self._states.get(box.id, NodeState())
            _put_frame(canvas, box, "here" if state.here else _MAY_STYLES[state.may], bool(state.mark) or state.here)
        for (x, y), (char, edges) in self.picture.lines.items():
            canvas.put(x, y, char, self._edge_style(edges, "edge"))
        for note in self.picture.notes:
            canvas.put(note.x, note.y, note.text, self._edge_style(note.edges, "note"))

    def _edge_style(self, edges: frozenset[str], otherwise: str) -> str:
        """Where lines share a cell the brightest of them shows."""
        if self._latest in edges:
            return "latest"
        return "taken" if edges & self._taken else otherwise

    def _put_box(self, canvas: _Canvas, box: Box, state: NodeState) -> None:
        """The name, the report and the bars of the box that is here."""
        style = "here" if state.here else _MAY_STYLES[state.may]
        named = f"{style}+selected" if self.has_focus and self.selected == box.id else style
        x, y, room = box.slot
        if box.frame == "box":
            canvas.put(box.x + 1, box.y, _MAY_SIGNS[state.may], style)
            canvas.put(box.x + 2, box.y, box.id, named)
            canvas.put(box.x + 2 + len(box.id), box.y, " ", style)
        else:
            canvas.put(box.x + (box.frame == "brackets"), box.y, box.id, named)
        if state.here:
            left, right = (box.x - 1, box.right) if box.frame == "bare" else (box.x, box.right - 1)
            bar_y = box.y + 1 if box.frame == "box" else box.y
            canvas.put(left, bar_y, "█", "here")
            canvas.put(right, bar_y, "█", "here")
        report = _MARKS[state.mark][:room]
        report += fit((plain(state.text), plain(state.short)), room - len(report))
        if box.frame == "box":
            if not state.text and (state.here or not state.mark):
                report += fit((box.words,), room - len(report))
            report = (" " * ((room - len(report)) // 2) + report).ljust(room)
        style = state.mark or ("here" if state.here else "words")
        canvas.put(x, y, report, style)

    def _put_jump(self, canvas: _Canvas) -> None:
        """The words for a move that has no edge, in the place the picture keeps for them."""
        if self._jump and self.picture.jump:
            x, y, room = self.picture.jump
            canvas.put(x, y, plain(self._jump)[:room].ljust(room), "jump")


def neighbour_of(picture: Picture, node: str, way: str) -> str | None:
    """The node to go to from ``node``: over an edge on that side (leaving before arriving), else the nearest there."""
    here = picture.by_id[node]
    ahead = [box for box in picture.boxes if _distance(here, box, way) is not None]
    leaving, arriving = [], []
    for route in picture.routes:
        source, target = picture.ends(route)
        if source is here and _side(route) == way:
            leaving.append(target)
        elif target is here and _side(route, arriving=True) == way:
            arriving.append(source)
    for candidates in (leaving, arriving, ahead):
        reachable = [box for box in candidates if box in ahead]
        if reachable:
            return min(reachable, key=lambda box: _distance(here, box, way) or 0).id
    return None


def _distance(here: Box, there: Box, way: str) -> float | None:
    """How far a box is that way, sideways counted double; None if it lies elsewhere. A row counts as two columns."""
    across = (there.x + there.width / 2) - (here.x + here.width / 2)
    down = 2.0 * (there.y + there.height / 2 - here.y - here.height / 2)
    along, aside = {
        "up": (-down, across),
        "down": (down, across),
        "left": (-across, down),
        "right": (across, down),
    }[way]
    return along + 2 * abs(aside) if along > 0 else None


def _side(route: Route, *, arriving: bool = False) -> str:
    """The side of the box on which a route leaves its source, or arrives at its target."""
    (x, y), (next_x, next_y) = route.points[:2] if not arriving else route.points[:-3:-1]
    if x == next_x:
        return "down" if next_y > y else "up"
    return "right" if next_x > x else "left"


def _put_frame(canvas: _Canvas, box: Box, style: str, visited: bool) -> None:
    """The frame without its name: double for data mode, round brackets for a small box that was never visited."""
    if box.frame == "brackets":
        left, right = ("║", "║") if box.double else ("[", "]") if visited else ("(", ")")
        canvas.put(box.x, box.y, left + " " * (box.width - 2) + right, style)
    elif box.frame == "box":
        rows = ("╔═╗", "║ ║", "╚═╝") if box.double else ("╭─╮", "│ │", "╰─╯")
        for y, row in enumerate(rows, box.y):
            canvas.put(box.x, y, row[0] + row[1] * (box.width - 2) + row[2], style)


class _Canvas:
    """A grid of characters and of the names of their styles, joined by ``+``."""

    def __init__(self, width: int, height: int) -> None:
        self.chars = [[" "] * width for _ in range(height)]
        self.styles = [[""] * width for _ in range(height)]

    def put(self, x: int, y: int, text: Iterable[str], style: str) -> None:
        """Write from a cell to the right; what lies outside is lost."""
        if not 0 <= y < len(self.chars):
            return
        chars, styles = self.chars[y], self.styles[y]
        for column, char in enumerate(text, x):
            if 0 <= column < len(chars):
                chars[column] = char
                styles[column] = style
