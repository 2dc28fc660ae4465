"""What is looked at: panes, the picture, times, exchanges; and what the app is to those who act in it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from textual.app import App

from smtpscope.profile import Profile
from smtpscope.session.login_way import USUAL, Way
from smtpscope.session.recorder import Recorder
from smtpscope.session.thread import SessionThread
from smtpscope.session.view import View
from smtpscope.smtp.events import Answered, Asked
from smtpscope.tui.header import Shown
from smtpscope.tui.inspector_pages import Look, reply_page
from smtpscope.tui.keys import KeyGate
from smtpscope.tui.main_screen import MainScreen
from smtpscope.tui.rows import TIMES, LogRows
from smtpscope.tui.screens import Help


class Looking(App[int]):
    """The app's actions that ask nothing of the session, and the names that all of them share."""

    given: Profile
    recorder: Recorder
    session: SessionThread | None
    view: View
    rows: LogRows
    gate: KeyGate
    main: MainScreen
    own_question: tuple[Asked, Callable[[int], None]] | None
    aside: bool
    kept = False
    """A picture is being made that is kept."""

    @property
    @abstractmethod
    def profile(self) -> Profile:
        """What the session starts from now."""

    @property
    @abstractmethod
    def ehlo_name(self) -> str:
        """What EHLO says."""

    @property
    @abstractmethod
    def now(self) -> float:
        """Seconds since connect."""

    @property
    @abstractmethod
    def question(self) -> Asked | None:
        """The question that stands, if it was not laid aside."""

    @property
    def undecided(self) -> bool:
        """Whether a question stands, laid aside or not: nothing goes on before it is answered."""
        return self.own_question is not None or self.view.now.question is not None

    @property
    @abstractmethod
    def shown(self) -> Shown:
        """The moment that is on the screen."""

    @property
    @abstractmethod
    def past(self) -> bool:
        """Whether the screen is at an old row."""

    @abstractmethod
    def look(self) -> None:
        """Show what has come."""

    @abstractmethod
    def look_at(self, shown: Shown) -> Look:
        """What the inspector looks at."""

    @abstractmethod
    def show_row(self) -> None:
        """Show the row under the cursor."""

    @abstractmethod
    def go_to_row(self, row: int) -> None:
        """Put the cursor on a row of the log."""

    @abstractmethod
    def show_footer(self) -> None:
        """Show what space does now, and the keys."""

    @abstractmethod
    def say(self, news: str) -> None:
        """Tell something that is no event."""

    @abstractmethod
    def focus_line(self) -> None:
        """Go to the line."""

    @abstractmethod
    def fill_line(self, text: str, cursor: int | None = None, key: str = "") -> None:
        """Fill the line with a text."""

    @abstractmethod
    def fill_verb(self, verb: str, key: str = "") -> None:
        """Fill the line for a verb."""

    @abstractmethod
    def ask_credentials(self, mechanism: str, user: str | None = None, way: Way = USUAL) -> None:
        """Ask for user and password."""

    @abstractmethod
    def once_known(self, mechanism: str, work: Callable[[], None]) -> None:
        """Ask for user and password, then do something with them known."""

    def hear(self) -> None:
        """What has come is known, and not shown yet."""

    # -- help and panes

    def do_explain(self) -> None:
        """Help; a question that was laid aside comes back first."""
        if self.aside and self.view.now.question is not None:
            self.aside = False
            self.look()
            return
        page = reply_page(self.look_at(self.shown))
        self.push_screen(Help([paragraph.spans for paragraph in page], self.main.pane))

    def do_earlier(self) -> None:
        """To the exchange before."""
        self._to_exchange(-1)

    def do_later(self) -> None:
        """To the exchange after."""
        self._to_exchange(1)

    def _to_exchange(self, step: int) -> None:
        row = self.main.cursor_row
        other = self.view.log.next_exchange(row, step) if row >= 0 else -1
        if other >= 0:
            self.main.log_view.cursor = self.rows.place(other)
        elif step > 0:
            self.action_now()

    def do_picture(self) -> None:
        """The next size of the picture."""
        self.main.next_picture_size()
        if self.main.picture_size == "off" and self.main.pane == "picture":
            self.main.log_view.focus()
        self.look()

    def do_zoom(self) -> None:
        """The pane with the focus alone, and back."""
        self.main.zoom()
        self.look()

    def do_pane_picture(self) -> None:
        """Focus the picture."""
        self.main.open_picture()
        self.look()
        self.main.diagram.focus()

    def do_pane_log(self) -> None:
        """Focus the log."""
        self.main.open_log()
        self.look()
        self.main.log_view.focus()

    def do_pane_inspector(self) -> None:
        """Open the inspector and focus it."""
        self.main.open_inspector()
        self.look()
        self.main.inspector.take_focus()

    def do_pane_line(self) -> None:
        """Focus the line."""
        self.focus_line()

    def do_time(self) -> None:
        """The next time format."""
        self.rows.time = TIMES[(TIMES.index(self.rows.time) + 1) % len(TIMES)]
        self.main.log_view.refresh_rows()
        names = {"connect": "since connect", "before": "since the row before", "wall": "wall clock"}
        self.say(f"times are {names[self.rows.time]}")

    def do_theme(self) -> None:
        """Choose the colours."""
        self.search_themes()

    def action_leave_pane(self) -> None:
        """Escape: out of a question, a zoom, the inspector; it never touches the wire."""
        if self.own_question is not None:
            self.view.log.tell(Answered(self.now, self.own_question[0].kind, 0))
            self.own_question = None
        elif self.question is not None:
            self.aside = True
        elif self.main.zoomed:
            self.main.zoom()
        elif self.focused is not self.main.log_view:
            self.do_pane_log()
        elif self.past:
            self.action_now()
        self.look()

    def action_now(self) -> None:
        """Back to the last row."""
        self.main.log_view.action_last()
