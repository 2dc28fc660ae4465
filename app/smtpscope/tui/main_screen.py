"""The main screen: its widgets from top to bottom, how they share the terminal, and what each shows of the view."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen

from smtpscope.profile import Profile
from smtpscope.session.log import Spans
from smtpscope.session.plan import NextStep
from smtpscope.session.view import View
from smtpscope.smtp.events import Asked
from smtpscope.smtp.reply import Reply
from smtpscope.tui import picture_state
from smtpscope.tui.footer import Footer, footer
from smtpscope.tui.header import Shown, header
from smtpscope.tui.history import History
from smtpscope.tui.inspector import Inspector
from smtpscope.tui.inspector_pages import UNUSED, Look, beside, question_page, reply_of
from smtpscope.tui.line_bar import LineBar
from smtpscope.tui.pictures import picture_for, size_for
from smtpscope.tui.rows import LogRows
from smtpscope.tui.seek import Seek
from smtpscope.visible import safe
from smtpscope_widgets.chip_row import ChipRow
from smtpscope_widgets.seek_bar import SeekBar
from smtpscope_widgets.spans import cells, cut, wrapped
from smtpscope_widgets.state_diagram import StateDiagram
from smtpscope_widgets.text_rows import TextRows
from smtpscope_widgets.wire_log import WireLog

BESIDE = 110
"""Columns from which the inspector stands beside the log."""
INSPECTOR = 48
"""Its columns there."""
SIZES = ("wide", "compact", "strip", "off")
"""What ``p`` goes through."""

_WELCOME = "space does the next step, ? explains, ^p lists everything that can be done"


class MainScreen(Screen[None]):
    """Knows how things look; what they mean is in the view, what is done is the app's."""

    AUTO_FOCUS = "#log"

    DEFAULT_CSS = """
    MainScreen {
        layout: vertical;
        overflow: hidden;
        #header { background: $panel; }
        #rule { text-style: dim; }
        #panes { height: 1fr; }
        #log { width: 1fr; height: 1fr; }
        #inspector { display: none; width: 1fr; }
        #explain { height: 2; }
        #line { height: 1; }
        #footer { height: 1; background: $panel; }
        &.beside #inspector { display: block; width: 48; border-left: vkey $panel; }
        &.over #inspector { display: block; }
        &.over #log { display: none; }
        &.zoomed #rule { display: none; }
        &.zoomed-picture #panes, &.zoomed-picture #rule, &.zoomed-picture #chips { display: none; }
        &.zoomed-picture #picture { height: 1fr; }
        &.beside.zoomed #inspector { display: none; }
        &.beside.zoomed-inspector #inspector { display: block; width: 1fr; }
        &.zoomed-inspector #log { display: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "app.do('custom')", show=False)]

    def __init__(
        self, profile: Profile, rows: LogRows, history: History, fill: Callable[[], None], *, recording: bool = False
    ) -> None:
        """``fill`` has everything shown; it is called before the first frame. A ``recording`` has a bar of its time."""
        super().__init__()
        self._fill = fill
        self._profile = profile
        self._choice: str | None = None
        self._resumed = False
        self._footer = Footer([], [])
        ascii_only = profile.ascii
        self.top = TextRows(ascii_only=ascii_only, id="header")
        self.diagram = StateDiagram(picture_for("compact", 80), ascii=ascii_only, id="picture")
        self.rule = TextRows(ascii_only=ascii_only, id="rule")
        self.log_view = WireLog(rows, ascii_only=ascii_only, id="log")
        self.inspector = Inspector(ascii_only=ascii_only, id="inspector")
        self.rows = rows
        self.seek = Seek(rows.log)
        self.seek_bar = SeekBar(ascii_only=ascii_only, id="seek") if recording else None
        self.explanation = TextRows(ascii_only=ascii_only, id="explain")
        self.line = LineBar(profile, history, ascii_only=ascii_only, id="line")
        self.bottom = TextRows(ascii_only=ascii_only, id="footer")

    def compose(self) -> ComposeResult:
        """From top to bottom, laid out for the terminal from the first frame on."""
        columns, rows = self.app.size
        self.diagram.picture = picture_for(size_for(columns, rows), columns)
        self.set_class(columns >= BESIDE, "beside")
        yield self.top
        yield self.diagram
        yield self.rule
        with Horizontal(id="panes"):
            yield self.log_view
            yield self.inspector
        if self.seek_bar is not None:
            yield self.seek_bar
        yield self.explanation
        yield self.line
        yield self.bottom

    def on_mount(self) -> None:
        """All widgets are there."""
        self._fill()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """The first time everything has just been styled: once more would cost a tenth of a start."""
        event.refresh_styles, self._resumed = self._resumed, True

    # -- sizes

    def lay_out(self) -> None:
        """Where the inspector is depends on the width."""
        beside = self.size.width >= BESIDE
        self.set_class(not beside and (self.has_class("over") or self.pane == "inspector"), "over")
        self.set_class(beside, "beside")

    @property
    def beside(self) -> bool:
        """Whether the inspector stands beside the log."""
        return self.has_class("beside")

    @property
    def picture_size(self) -> str:
        """The picture that is shown: as chosen, if it fits, else as the terminal has room for."""
        fitting = size_for(*self.size)
        if self._choice is None or self._choice == "off":
            return self._choice or fitting
        return max(self._choice, fitting, key=SIZES.index)

    def next_picture_size(self) -> None:
        """The next size that fits."""
        fitting = SIZES[SIZES.index(size_for(*self.size)) :]
        self._choice = fitting[(fitting.index(self.picture_size) + 1) % len(fitting)]

    @property
    def pane(self) -> str:
        """What has the focus: log, picture, inspector or line."""
        if self.focused is self.line:
            return "line"
        if self.focused is self.diagram:
            return "picture"
        return "log" if self.focused in (self.log_view, None) or isinstance(self.focused, ChipRow) else "inspector"

    @property
    def zoomed(self) -> bool:
        """Whether one pane has the screen."""
        return self.has_class("zoomed") or self.has_class("zoomed-picture")

    def zoom(self) -> None:
        """The pane with the focus alone, and back."""
        pane = self.pane
        if self.zoomed:
            self.leave_zoom()
        elif pane == "picture":
            self.add_class("zoomed-picture")
        else:
            self.add_class("zoomed")
            self.set_class(pane == "inspector", "zoomed-inspector")

    def leave_zoom(self) -> None:
        """All panes again."""
        self.remove_class("zoomed", "zoomed-picture", "zoomed-inspector")

    def open_picture(self) -> None:
        """The picture, also where it was off."""
        self.leave_zoom()
        if self._choice == "off":
            self._choice = None

    def open_log(self) -> None:
        """The log, where the inspector stands over it."""
        self.leave_zoom()
        self.remove_class("over")

    def open_inspector(self) -> None:
        """Over the log, where it is not beside it."""
        self.leave_zoom()
        self.set_class(not self.beside, "over")

    # -- what is shown

    def show_top(self, shown: Shown, profile: Profile) -> None:
        """Header and picture."""
        columns, size, machine = self.size.width, self.picture_size, shown.moment.machine
        self.top.show([header(shown, profile, columns, size)])
        self.diagram.display = size != "off" and not self.has_class("zoomed")
        if self.diagram.display:
            trail = picture_state.trail(machine)
            picture = picture_for(size, columns, machine.here.name, trail.before, trail.aside)
            nodes = picture_state.nodes(shown.moment, shown.now)
            self.diagram.show(picture, nodes, trail.edges, trail.latest, trail.jump)

    def action_copy_text(self) -> None:
        """Ctrl+C copies the text that was marked by mouse as ``y`` does: to the file too, and says where."""
        if self.get_selected_text() is None:
            raise SkipAction
        self.call_later(self.run_action, "app.do('row')")

    @property
    def cursor_row(self) -> int:
        """The id of the row under the log's cursor, -1 for none."""
        return self.rows.id(self.log_view.cursor)

    @property
    def inspected(self) -> bool:
        """Whether the inspector is on the screen."""
        if self.has_class("zoomed-picture"):
            return False
        return self.has_class("over") or (self.beside and (not self.zoomed or self.has_class("zoomed-inspector")))

    def show_row(self, look: Look, question: Asked | None, news: str) -> None:
        """The row under the cursor, below a question or news: in the inspector, else in the rows below the log."""
        redactor, row = look.view.redactor, self.cursor_row
        if self.seek_bar is not None and row >= 0:
            self.seek_bar.show(self.seek.position(row), self.seek.ticks(), *self.seek.ends)

        def above(width: int, room: int) -> list[Spans]:
            lines = wrapped([(safe(redactor.text(news)), "warn")], max(10, width)) if news else []
            if question is None:
                return lines
            return [*_question(question, redactor.text(question.text), max(10, width), room), *lines]

        inspected = self.inspected
        if inspected:
            self.inspector.show(look, above)
        self.explanation.display = not inspected and (not self.beside or question is not None or bool(news))
        if not self.explanation.display:
            return
        width, room = self.size.width - 2, self.log_view.size.height + self.explanation.size.height - 1
        lines = above(width, room)
        rows = max(2, len(lines) if question is not None else 0)
        explained = self._explained(look, width)
        if question is not None and len(lines) + len(explained) <= room // 2:
            rows = max(2, len(lines) + len(explained))
        self.explanation.styles.height = rows
        self.explanation.show([[(" ", "text"), *line] for line in [*lines, *explained][:rows]])

    def _explained(self, look: Look, width: int) -> list[Spans]:
        """The row under the cursor in a few rows, the first two of which may be all that is seen."""
        row, log = look.row, look.view.log
        ellipsis = "..." if self._profile.ascii else "…"
        if look.asked is not None:
            lines = [cut(line, width, ellipsis) for line in question_page(look)]
        elif (secured := look.secured) is not None:
            from smtpscope.session.tls_report import in_a_line  # not before it is needed: a start is quicker without

            lines = [log.spans(row), [(in_a_line(secured, look.wall, look.view.redactor), "text")]]
            lines = [cut(line, width, ellipsis) for line in lines]
        elif (reply := reply_of(log, row)) is not None:
            lines = self._replied(look, reply)
        else:
            lines = wrapped(log.spans(row), width) if row >= 0 else [[(_WELCOME, "dim")]]
        if (group := log.groups.get(row)) is not None and not group.open and self.rows.filter is None:
            lines[0] += [("   ", "text"), ("right" if self._profile.ascii else "→", "key"), (" unfolds it", "dim")]
        return lines

    def _replied(self, look: Look, reply: Reply) -> list[Spans]:
        """What a reply means."""
        from smtpscope.session.explain import brief  # not before it is needed: a start is quicker without

        words = UNUSED if look.unused else brief(reply, look.situation)
        lines: list[Spans] = [[(look.view.redactor.text(line), "text")] for line in words.splitlines()]
        if not look.unused and (told := beside(look)) and told[0][0][1] == "fault":
            first, *more = wrapped([(text, "bad") for text, _ in told[0]], self.size.width - 4)
            lines[1:] = [[*first, (" +" if self._profile.ascii else " …", "more")] if more else first]
        return lines

    def show_footer(
        self, view: View, step: NextStep, *, sends: bool = True, past: bool = False, status: str = ""
    ) -> None:
        """What space does, and the keys, of which some send; and the rule: who has the focus, what was searched for."""
        step = step._replace(label=view.redactor.text(step.label))
        prompt = self.line.prompt if self.pane == "line" else ""
        machine = view.machine if sends else None
        self._footer = footer(machine, step, self.size.width, prompt, self._profile.ascii, latest=not past)
        self.bottom.show([self._footer.spans])
        dash, width = "-" if self._profile.ascii else "─", self.size.width
        left = width - INSPECTOR if self.beside else width
        marked = {pane: f" {name} *" if self.pane == pane else f" {name}" for pane, name in _PANES.items()}
        text = f"{dash}{marked['inspector' if self.has_class('over') else 'log']} "
        text += f"{dash} {safe(status)} " if status else ""
        text = text.ljust(left, dash)
        if self.beside:
            text += f"{dash}{marked['inspector']} ".ljust(width - left, dash)
        self.rule.show([[(text, "dim")]])

    def footer_action(self, column: int) -> str:
        """The action that a click on the footer means, empty for none."""
        return next((action for start, end, action in self._footer.places if start <= column < end), "")


def _question(question: Asked, text: str, width: int, room: int) -> list[Spans]:
    """Its text and its answers, in as many rows as they need; an answer is broken only if it is longer than a row.

    Where ``room``, in rows, is too small the text is cut, and never an answer.
    """
    rows: list[Spans] = []
    for number, answer in enumerate(question.answers, 1):
        piece = f"{number} {safe(answer)}"
        if rows and cells([*rows[-1], (f"   {piece}", "")]) <= width:
            rows[-1].append((f"   {piece}", "key"))
        else:
            rows += wrapped([(piece, "key")], width)
    lines = wrapped([(safe(text), "question")], width)
    if len(lines) > (most := max(1, room - len(rows))):
        lines = [*lines[: most - 1], [("".join(words for words, _ in lines[most - 1])[: width - 1] + "…", "question")]]
    return [*lines, *rows]


_PANES = {"log": "wire", "inspector": "inspector"}
