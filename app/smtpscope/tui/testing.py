"""Next tests and repetitions from the screen: what could be sent is listed first, and nothing goes before a digit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from smtpscope.session import plan
from smtpscope.smtp.events import Asked, Failed, Told
from smtpscope.tui.acting import Acting
from smtpscope.tui.header import clock
from smtpscope.tui.line_bar import LineBar

if TYPE_CHECKING:
    from smtpscope.session.case import Case
    from smtpscope.session.next_tests import Planned

TEST = "test"
"""The kind of the question that lists the tests: it is the screen's own, and no row of the log."""


GLANCE = 2000
"""Rows of a session of which every row may be looked at for its tests as the cursor moves."""


class Testing(Acting):
    """The app's half of next tests."""

    _heard: Told | None = None
    _with_credentials: Callable[[], None] | None = None  # waits for them

    # -- what has come

    @property
    def waiting(self) -> str:
        """What the header says while a test waits or a repetition runs, empty else."""
        told = self.view.now.told
        if told is None or self.session is None:
            return ""
        if told.kind == "run" and self.view.now.question is None:
            return f"{told.text}, ^] stops it"
        if not told.until:
            return ""
        return f"{clock(told.until - self.now + 0.999)} to the next try, Esc stops it"  # if it is cut, the time stays

    def hear(self) -> None:
        """Ring once where a test that waited was accepted."""
        super().hear()
        told = self.view.now.told
        if told is not self._heard:
            self._heard = told
            if told is not None and told.kind == "accepted":
                self.bell()

    # -- next tests

    def tests_at(self, row: int) -> tuple[Case | None, list[Planned]]:
        """The case of a row of the log, and the tests that make sense for it now."""
        from smtpscope.session.case import case_of  # not before it is needed: a start is quicker without
        from smtpscope.session.next_tests import offered

        event = self.view.log.event[row] if row >= 0 else -1
        case = case_of(self.recorder, event) if row >= 0 else None
        if case is None:
            return None, []
        failed = self.recorder[event]
        live = self.session.session if self.session is not None else None
        full = live.own_name if live is not None else None
        failure = failed.reason if isinstance(failed, Failed) else ""
        return case, offered(case, self.view.machine, self.profile, full, self.view.now.local, failure)

    def test_ids(self, row: int) -> list[str] | None:
        """The tests at a row by their digits; None where to find them would take too long for a look."""
        if self.session is None:
            return []
        return [test.id for test in self.tests_at(row)[1]] if len(self.view.log) <= GLANCE else None

    def do_next_tests(self) -> None:
        """List the tests for the row under the cursor."""
        if self.session is None:
            self.say("this is a recording: nothing can be sent")
            return
        if self.undecided:
            self.say("a question stands: a digit answers it, ? brings it back")
            return
        case, tests = self.tests_at(self.main.cursor_row)
        if case is None or not tests:
            self.say("there is no test for this row: put the cursor on a refusal")
            return
        text = "next tests" + (", from now on" if self.past else "") + ": a digit sends this, Esc nothing"
        answers = tuple(self.view.redactor.text(test.sends) for test in tests)
        self.own_question = (Asked(self.now, TEST, text, answers), lambda place: self._run(tests[place], case))
        self.look()

    def _run(self, test: Planned, case: Case) -> None:
        self.action_now()
        if test.fill:
            self.fill_line(test.fill, len(test.fill))
        elif test.asks or (test.logs_in and self.profile.password is None):
            asked = next((step.mechanism for step in test.steps if step.mechanism), "")
            self.once_known(asked or plan.USUAL, lambda: self.call("run_test", test, case))
        else:
            self.call("run_test", test, case)

    def action_digit(self, number: int) -> None:
        """A digit runs a test while they are listed."""
        if not self._listed:
            super().action_digit(number)
            return
        assert self.own_question is not None
        question, run = self.own_question
        if number > len(question.answers):
            self.say(f"there is no test {number}: 1 to {len(question.answers)}, or Esc")
            return
        self.own_question = None
        run(number - 1)
        self.look()

    @property
    def _listed(self) -> bool:
        return self.own_question is not None and self.own_question[0].kind == TEST

    def action_leave_pane(self) -> None:
        """Escape lays the list aside; where there is nothing else to leave, it stops a test that waits."""
        if self._listed:
            self.own_question = None
            self.look()
        elif self.waiting and not self._can_leave:
            self.call("stop_test")
        else:
            super().action_leave_pane()

    @property
    def _can_leave(self) -> bool:
        away = self.focused is not self.main.log_view
        return self.question is not None or self.past or away or self.main.zoomed

    def once_known(self, mechanism: str, work: Callable[[], None]) -> None:
        """Ask for user and password, then do ``work``, which logs in where it is its turn."""
        self._with_credentials = work
        self.ask_credentials(mechanism)

    def on_line_bar_credentials(self, event: LineBar.Credentials) -> None:
        """User and password were given; where something waits for them it is done."""
        if self._with_credentials is None:
            return
        event.prevent_default()
        work, self._with_credentials = self._with_credentials, None
        self.know(event.password)
        self.call("know", event.user, event.password)
        work()
        self.main.log_view.focus()

    def on_wire_line_cancelled(self) -> None:
        """Escape in the line: no credentials, nothing to do with them."""
        self._with_credentials = None

    # -- repeat

    def do_repeat(self) -> None:
        """The session again, several times."""
        self._repeat([])

    def _repeat(self, words: list[str]) -> None:
        numbers = [word for word in words if word.isascii() and word.isdigit()]
        if len(words) > 2 or len(numbers) > 1 or any(word not in (*numbers, "data") for word in words):
            self.say("repeat knows repeat 20, and repeat 20 data to send the message each time")
        elif self.past:
            self.say("End first: this is the past, and nothing can be sent from it")
        else:
            from smtpscope.session.repeat import TIMES  # what it stands on is not for before the first frame

            self.call("repeat", int(numbers[0][:9]) if numbers else TIMES, "data" in words)

    def execute(self, text: str) -> None:
        """One line of the app's own."""
        words = text.split()
        if words[:1] == ["repeat"]:
            self._repeat(words[1:])
        else:
            super().execute(text)
