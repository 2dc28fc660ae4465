"""The main screen as a person works with it: a whole session, keys that run on, panes, sizes, copies."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from servers.scripted import Peer
from smtpscope.demo.recipients import PRACTICE_RECIPIENTS
from smtpscope.options import read
from smtpscope.profile import Profile
from smtpscope.smtp.command import SMTPCommand
from smtpscope.tui.screens import Help
from tui.driving import OFFER, PROFILE, Driven, answering, driven, on_server
from tui.recordings import finished, in_transaction, questioned

SIZES = [(40, 12), (80, 23), (80, 24), (120, 40), (200, 60)]
WALK = [
    ("connect to the practice server", "BANNER"),
    ("EHLO ", "CONNECTED"),
    ("STARTTLS", "BANNER"),
    ("EHLO ", "EHLO"),
    ("AUTH CRAM-MD5", "CONNECTED"),
    ("MAIL FROM:<alice@example.org>", "MAIL"),
    ("RCPT TO:<reject@example.org>", "MAIL"),
    ("RCPT TO:<bob@example.org>", "RCPT"),
    ("DATA", "DATA"),
    ("send the message text, dot held", "SEND_STREAM"),
    ("the dot", "SEND_MESSAGE"),
    ("QUIT", "NONE"),
]


def demo() -> Profile:
    profile = read(["demo"])
    assert isinstance(profile, Profile)
    return profile


# -- the walk


@pytest.mark.parametrize("size", [(120, 40), (80, 23)], ids=["120x40", "80x23"])
async def test_space_walks_a_whole_session_and_every_state_lights_up(size: tuple[int, int]) -> None:
    lit: set[str] = set()
    async with driven(demo(), size=size) as hands:
        assert hands.here == "NONE"
        assert hands.sent == b"", "the practice server waits for the first space"
        for label, here in WALK:
            assert hands.footer.startswith(f"space {label}"), hands.footer
            await hands.press("space")
            assert hands.here == here
            lit |= {member.name for member in SMTPCommand if hands.node(member)} | {here}
        assert set(SMTPCommand.__members__) - lit == {"HELO", "RSET"}
        assert "queue id" in hands.header or size == (80, 23)
        assert "550 5.1.1 No such user here" in "\n".join(hands.log)
        await hands.press("space", "h", "enter", "x", "enter", "o", "enter")
        assert hands.node("HELO").startswith("passed 250")
        assert hands.node("RSET").startswith("passed 250")
        assert hands.node("CUSTOM").startswith("passed")


async def test_every_practice_recipient_answers_as_help_says() -> None:
    async with driven(demo()) as hands:
        await hands.press("f5")
        assert hands.here == "MAIL", "F5 stops at the refusal"
        for recipient in PRACTICE_RECIPIENTS:
            if recipient.delay or recipient.reply.startswith("421"):
                continue
            await hands.press("i")
            await hands.write(f"RCPT TO:<{recipient.local_part}@example.org>")
            await hands.press("enter")
            assert recipient.reply in hands.log[-1]
        await hands.press("question_mark")
        assert hands.over is Help


async def test_a_message_of_the_demo_arrives() -> None:
    async with driven(demo()) as hands:
        await hands.press(*["space"] * 11)
        assert hands.app.session is not None
        assert hands.app.session.session is not None
        (message,) = hands.app.session.session._practice.messages
        assert message.forward_paths == ("bob@example.org",)
        assert message.queue_id in hands.header


# -- running on


async def test_f5_stops_before_data() -> None:
    async with on_server() as (hands, server):
        await hands.press("f5")
        assert hands.here == "RCPT"
        assert server.received.endswith(b"RCPT TO:<bob@example.org>\r\n")
        await hands.press("f5")
        assert hands.here == "RCPT", "DATA is a step of its own"


async def test_f5_stops_at_a_refusal() -> None:
    refusing = answering({"RCPT": [b"550 5.1.1 no\r\n", b"250 ok\r\n"]})
    async with on_server(refusing) as (hands, server):
        await hands.press("f5")
        assert server.received.endswith(b"RCPT TO:<reject@example.org>\r\n")
        await hands.press("f5")
        assert hands.here == "RCPT"


async def test_f5_on_a_node_runs_to_there() -> None:
    async with on_server(connect=False) as (hands, _):
        await hands.press("1")
        hands.app.main.diagram.selected = "SEND_STREAM"
        await hands.press("f5")
        assert hands.here == "SEND_STREAM"
        hands.app.main.diagram.selected = "RSET"
        events = len(hands.sent)
        await hands.press("f5")
        assert len(hands.sent) == events, "a node that no step leads to runs nothing"
        assert hands.here == "SEND_STREAM"


async def test_the_picture_is_walked_with_arrows_and_enter_only_fills() -> None:
    async with on_server() as (hands, server):
        await hands.press("1")
        assert hands.focus == "picture"
        assert hands.app.main.diagram.selected == "BANNER"
        await hands.press("right")
        assert hands.app.main.diagram.selected == "EHLO"
        await hands.press("enter")
        assert hands.app.main.line.ghost == "EHLO client.test"
        assert server.received == b""
        await hands.press("enter")
        assert server.received == b"EHLO client.test\r\n"
        assert hands.focus == "picture"


async def test_a_click_on_a_node_sends_nothing() -> None:
    async with on_server() as (hands, server):
        await hands.click(hands.app.main.diagram, "EHLO")
        assert hands.app.main.line.ghost == "EHLO client.test"
        await hands.click(hands.app.main.diagram, "NONE")
        assert hands.line.startswith(": drop")
        assert hands.here == "BANNER"
        assert server.received == b""


async def test_f6_sends_the_last_transaction_again_on_this_link() -> None:
    async with on_server() as (hands, server):
        await hands.press(*["space"] * 7)
        assert hands.here == "SEND_MESSAGE"
        begin = server.received.index(b"MAIL")
        once = server.received[begin:]
        await hands.press("f6")
        assert server.received[begin:] == once + once
        assert server.connections == 1
        assert hands.here == "SEND_MESSAGE"


async def test_ctrl_r_replays_to_the_cursors_row_on_a_new_connection() -> None:
    async with on_server() as (hands, server):
        await hands.press(*["space"] * 7)
        first = server.received
        while "MAIL FROM" not in hands.of(hands.app.main.log_view).split("\n>")[-1].split("\n")[0]:
            await hands.press("k")
        await hands.press("ctrl+r")
        assert server.connections == 2
        assert server.received == first + b"EHLO client.test\r\nMAIL FROM:<alice@example.org>\r\n"
        assert hands.here == "MAIL"
        assert any("connect again" in row for row in hands.log)


@pytest.mark.parametrize("key", ["ctrl+right_square_bracket", "f8"])
@pytest.mark.parametrize("before", [[], ["1"], ["3"], ["i"], ["colon"], ["question_mark"], ["ctrl+p"]])
async def test_drop_works_whatever_has_the_focus(key: str, before: list[str]) -> None:
    async with on_server() as (hands, server):
        await hands.press(*before, key)
        assert hands.here == "NONE"
        assert hands.app.view.now.closed is not None
        await server.finished()
        assert server.received == b"", "it says nothing"


async def test_drop_works_under_the_list_of_pasted_lines() -> None:
    async with on_server() as (hands, _):
        await hands.paste("a\nb")
        await hands.press("f8")
        assert hands.app.view.now.closed is not None


async def test_c_connects_at_none_only() -> None:
    async with on_server(connect=False) as (hands, server):
        await hands.press("c")
        assert hands.here == "BANNER"
        await hands.press("c")
        assert server.connections == 1
        assert "there is a connection already" in hands.said
        await hands.press("q", "enter", "c")
        assert hands.here == "BANNER"
        assert server.connections == 2


async def test_after_a_lost_connection_envelope_and_typed_text_are_kept() -> None:
    async def once(peer: Peer) -> None:
        await peer.send(b"220 mail.test\r\n")
        await peer.line()
        await peer.send(OFFER)
        await peer.line()
        if peer.server.connections == 1:
            peer.close()
        else:
            await peer.send(b"250 ok\r\n")
            await peer.gone()

    async with on_server(once) as (hands, server):
        await hands.press("space", "i")
        await hands.write("VRFY half ty")
        await hands.press("escape", "m", "right")
        await hands.press("ctrl+u")
        await hands.write("MAIL FROM:<other@example.org>")
        await hands.begin("enter")
        await hands.until(lambda: hands.app.view.now.closed is not None)
        assert hands.here == "NONE"
        assert "c connects again" in hands.header
        await hands.press("i")
        await hands.write("RCPT TO:<kept")
        await hands.press("escape", "c")
        assert hands.here == "BANNER"
        assert any("connect again" in row for row in hands.log)
        assert hands.app.main.line.value == "RCPT TO:<kept"
        await hands.press("space", "m")
        assert hands.app.main.line.ghost == "MAIL FROM:<other@example.org>"
        assert server.connections == 2


async def test_a_421_leads_to_none_with_its_words_in_sight() -> None:
    async with on_server(answering({"EHLO": b"421 4.3.2 shutting down\r\n"})) as (hands, _):
        await hands.begin("space")
        await hands.until(lambda: hands.app.view.now.closed is not None)
        assert hands.here == "NONE"
        assert "421 4.3.2 shutting down" in hands.text
        assert "c connects again" in hands.header
        assert hands.footer.startswith("space connect")


async def test_a_refused_port_is_one_sentence_with_the_way_out() -> None:
    async with on_server(connect=False) as (hands, server):
        server._listener.close()
        await hands.press("c")
        assert "refused the connection" in hands.said
        assert "c connects again" in hands.header
        assert hands.here == "NONE"


async def test_a_refusing_greeting_rests_at_banner_and_quit_is_next() -> None:
    async with on_server(answering({"BANNER": b"554 5.7.1 no mail here\r\n"})) as (hands, server):
        assert hands.here == "BANNER"
        assert hands.node("BANNER").startswith("refused 554")
        assert hands.footer.startswith("space QUIT")
        await hands.press("space")
        assert server.received == b"QUIT\r\n"


# -- the log


async def many(hands: Driven, rows: int) -> None:
    await hands.paste("NOOP\n" * rows + "NOOP")
    await hands.press("2")


async def test_j_k_g_and_pages_move_in_the_log() -> None:
    async with on_server(size=(80, 23)) as (hands, _):
        await many(hands, 40)
        log = hands.app.main.log_view
        last = len(hands.log) - 1
        assert log.cursor == last
        await hands.press("k", "k", "j")
        assert log.cursor == last - 1
        await hands.press("g")
        assert log.cursor == 0
        assert "connect to" in hands.of(log).split("\n")[0]
        await hands.press("pagedown")
        assert log.cursor == log.size.height - 1
        await hands.press("pageup", "down", "up")
        assert log.cursor == 0
        await hands.press("G")
        assert log.cursor == last
        await hands.press("home")
        assert log.cursor == 0
        await hands.press("end")
        assert log.cursor == last


async def test_follow_lets_go_when_one_scrolls_up_and_says_how_much_is_new() -> None:
    async with on_server(size=(80, 23)) as (hands, _):
        await many(hands, 20)
        hands.app.main.log_view.scroll_relative(y=-3, animate=False)
        await hands.press("o", "enter")
        assert " 2 new ▼" in hands.of(hands.app.main.log_view)
        await hands.press("G")
        assert "new" not in hands.of(hands.app.main.log_view)
        await hands.press("o", "enter")
        assert hands.app.main.log_view.cursor == len(hands.log) - 1


async def test_end_leads_back_to_now_from_the_picture_too() -> None:
    async with on_server(size=(80, 23)) as (hands, _):
        await many(hands, 20)
        await hands.press("g", "1", "end")
        assert hands.app.main.log_view.cursor == len(hands.log) - 1


async def test_arrows_fold_and_unfold_a_long_reply() -> None:
    async with on_server(size=(80, 23)) as (hands, _):
        await hands.press("space")
        rows = len(hands.log)
        assert "250-mail.test  +4 ▸" in hands.of(hands.app.main.log_view)
        await hands.press("right")
        assert len(hands.log) == rows + 4
        assert "250-SIZE 1000000" in hands.text
        await hands.press("left")
        assert len(hands.log) == rows


async def test_the_message_folds() -> None:
    async with on_server(size=(80, 23)) as (hands, _):
        await hands.press(*["space"] * 6)
        assert "message, 26 bytes, 4 lines" in hands.text
        await hands.press("right")
        assert "Subject: hi" in hands.text
        assert "..dot" in hands.text
        await hands.press("g", "G", "k")


async def test_time_formats() -> None:
    async with driven(PROFILE, in_transaction().recorder, size=(80, 23)) as hands:
        first = hands.of(hands.app.main.log_view)
        seen = {first}
        for words in ("since the row before", "wall clock", "since connect"):
            await hands.press("colon")
            await hands.write("time")
            await hands.press("enter")
            assert words in hands.said
            seen.add(hands.of(hands.app.main.log_view))
        assert len(seen) == 3
        assert hands.of(hands.app.main.log_view) == first


# -- copies


@pytest.fixture
def state_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("TMUX", raising=False)
    return tmp_path / "state" / "smtpscope"


async def test_y_copies_the_row_and_says_where_to(state_folder: Path) -> None:
    async with driven(PROFILE, in_transaction().recorder) as hands:
        await hands.press("k", "y")
        assert (state_folder / "last-copy.txt").read_text() == "250 2.1.5 Ok"
        assert (state_folder / "last-copy.txt").stat().st_mode & 0o777 == 0o600
        assert hands.app.clipboard == "250 2.1.5 Ok"
        assert str(state_folder / "last-copy.txt") in hands.said.replace(" ", "")
        assert "clipboard" in hands.said
        await hands.press("j")
        assert "last-copy.txt" not in hands.said, "news stand until the next key"


async def test_capital_y_copies_the_whole_session_redacted(state_folder: Path) -> None:
    async with driven(PROFILE, finished()) as hands:
        await hands.press("Y")
        text = (state_folder / "last-copy.txt").read_text()
        assert " ~> MAIL FROM:<alice@example.org>" in text
        assert "<~* 550 5.1.1" in text
        assert "AGFsaWNl" not in text
        assert "wonderland" not in text
        assert hands.app.clipboard == text


async def test_a_state_folder_that_cannot_be_written_is_told(state_folder: Path) -> None:
    state_folder.parent.mkdir(parents=True)
    state_folder.write_text("in the way")
    async with driven(PROFILE, in_transaction().recorder) as hands:
        await hands.press("y")
        assert "no file" in hands.said


# -- panes and sizes


def assert_nothing_overlaps(hands: Driven) -> None:
    screen = hands.app.main
    taken: dict[tuple[int, int], str] = {}
    for widget in (screen.top, screen.diagram, screen.rule, screen.log_view, screen.inspector, screen.explanation,
                   screen.line, screen.bottom):  # fmt: skip
        if not widget.display or not widget.region:
            continue
        region = widget.region
        assert region.right <= screen.size.width
        assert region.bottom <= screen.size.height
        for y in range(region.y, region.bottom):
            for x in (region.x, region.right - 1):
                assert taken.setdefault((x, y), str(widget.id)) == str(widget.id)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("recording", [in_transaction, finished, questioned])
async def test_every_part_has_its_rows(size: tuple[int, int], recording: object) -> None:
    assert callable(recording)
    made = recording()
    async with driven(PROFILE, getattr(made, "recorder", made), size=size) as hands:
        screen = hands.app.main
        columns, rows = size
        assert len(hands.rows) == rows
        assert_nothing_overlaps(hands)
        assert screen.top.region.y == 0
        assert screen.bottom.region.bottom == rows
        assert screen.line.region.bottom == rows - 1
        assert screen.log_view.size.height >= 3
        picture = {(120, 40): 14, (200, 60): 14, (80, 23): 8, (80, 24): 8, (40, 12): 2}[size]
        assert screen.diagram.size.height == picture
        assert screen.beside == (columns >= 110)
        if size == (80, 23) and recording is not questioned:
            assert screen.log_view.size.height == 9
            assert screen.explanation.size.height == 2


async def test_resizing_keeps_everything_in_sight_and_the_focus_where_it_can_be() -> None:
    async with driven(PROFILE, in_transaction().recorder, size=(120, 40)) as hands:
        await hands.press("3")
        for size in [*SIZES, *SIZES[::-1], (20, 5), (400, 120), (120, 40)]:
            await hands.resize(*size)
            assert len(hands.rows) == size[1]
            assert_nothing_overlaps(hands) if size[1] >= 12 else None
            focused = hands.app.main.focused
            assert focused is not None
            assert focused.region or size == (20, 5), "keys go to what can be seen"
        await hands.press("2")
        assert hands.focus == "log"


async def test_p_goes_through_the_sizes_that_fit() -> None:
    async with driven(PROFILE, in_transaction().recorder, size=(120, 40)) as hands:
        heights = []
        for _ in range(5):
            await hands.press("p")
            diagram = hands.app.main.diagram
            heights.append(diagram.size.height if diagram.display else 0)
        assert heights == [8, 2, 0, 14, 8]
        await hands.resize(80, 23)
        await hands.press("p")
        await hands.press("p", "1")
        assert hands.app.main.diagram.display, "1 brings the picture back"
        assert hands.focus == "picture"


async def test_the_focus_does_not_stay_in_a_picture_that_is_off() -> None:
    async with driven(PROFILE, in_transaction().recorder, size=(120, 40)) as hands:
        await hands.press("1", "p", "p", "p")
        assert not hands.app.main.diagram.display
        assert hands.focus == "log"


@pytest.mark.parametrize("size", [(120, 40), (80, 23)], ids=["120x40", "80x23"])
@pytest.mark.parametrize(("pane", "key"), [("picture", "1"), ("log", "2"), ("inspector", "3")])
async def test_z_zooms_the_pane_with_the_focus_and_back(size: tuple[int, int], pane: str, key: str) -> None:
    async with driven(PROFILE, in_transaction().recorder, size=size) as hands:
        await hands.press(key)
        before = hands.text
        await hands.press("z")
        shown = {
            "picture": hands.app.main.diagram,
            "log": hands.app.main.log_view,
            "inspector": hands.app.main.inspector,
        }
        sizes = {name: widget.region.height if widget.display else 0 for name, widget in shown.items()}
        assert sizes[pane] >= size[1] - 5
        assert not any(height for name, height in sizes.items() if name != pane)
        assert hands.focus == pane
        assert_nothing_overlaps(hands)
        await hands.press("z")
        assert hands.text == before
        await hands.press("z", "escape")
        assert hands.text == before or pane == "inspector"


async def test_a_pane_that_is_chosen_out_of_a_zoom_is_seen() -> None:
    async with driven(PROFILE, in_transaction().recorder, size=(120, 40)) as hands:
        for first, then, pane in (
            ("2", "1", "picture"),
            ("1", "3", "inspector"),
            ("3", "2", "log"),
            ("2", "3", "inspector"),
        ):
            await hands.press(first, "z", then)
            assert hands.focus == pane
            assert hands.app.main.focused is not None
            assert hands.app.main.focused.region.height > 0
            if hands.app.main.zoomed:
                await hands.press("z")


async def test_the_rule_tells_which_pane_has_the_focus() -> None:
    async with driven(PROFILE, in_transaction().recorder, size=(120, 40)) as hands:
        assert "wire *" in hands.of(hands.app.main.rule)
        await hands.press("3")
        assert "inspector *" in hands.of(hands.app.main.rule)
        assert "wire *" not in hands.of(hands.app.main.rule)


# -- plain terminals


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_ascii_mode_has_only_ascii_on_the_whole_screen(size: tuple[int, int]) -> None:
    async with on_server(
        answering({"EHLO": "250-grüße\r\n250-日本\r\n250-x\r\n250 AUTH PLAIN\r\n".encode()}),
        replace(PROFILE, ascii=True),
        size=size,
    ) as (hands, _):
        await hands.press("space")
        for keys in ([], ["i"], ["escape", "e"], ["escape", "escape", "3"], ["right"], ["escape", "question_mark"],
                     ["escape", "ctrl+p"], ["escape", "colon"], ["escape", "1", "z"]):  # fmt: skip
            await hands.press(*keys)
            assert hands.text.isascii(), [char for char in hands.text if not char.isascii()]
            assert len({len(row) for row in hands.rows}) == 1


async def test_no_color_has_no_colour_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with driven(PROFILE, in_transaction().recorder) as hands:
        for strip in hands.app.screen._compositor.render_strips():
            for segment in strip:
                for colour in (segment.style.color, segment.style.bgcolor) if segment.style else ():
                    assert colour is None or colour.is_default, segment
        assert "▒" in hands.text


async def test_leaving_without_a_session_is_leaving() -> None:
    async with driven() as hands:
        await hands.press("ctrl+q")
        assert not hands.app.is_running


async def test_a_recording_can_be_looked_at_and_nothing_can_be_sent() -> None:
    async with driven(PROFILE, in_transaction().recorder, recording=True) as hands:
        events = len(hands.app.recorder)
        await hands.press("f6")
        assert "this is a recording" in hands.said
        await hands.press("o", "enter", "f5", "ctrl+r", "f8")
        assert len(hands.app.recorder) == events


async def test_the_first_frame_comes_before_anything_is_done() -> None:
    started = asyncio.Event()

    async def handler(peer: Peer) -> None:
        started.set()
        await peer.send(b"220 mail.test\r\n")
        await peer.gone()

    async with on_server(handler, connect=False) as (hands, server):
        assert "not connected" in hands.header
        assert server.connections == 0
