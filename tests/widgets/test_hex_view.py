"""The bytes of a row as hex and text: every byte in its place, boundaries marked, secrets never drawn."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from smtpscope_widgets.hex_view import HexView


class HexApp(App[None]):
    """A hex view alone."""

    CSS = "HexView { height: 1fr; }"

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__()
        self.view = HexView(ascii_only=ascii_only)

    def compose(self) -> ComposeResult:
        yield self.view


def lines(view: HexView) -> list[str]:
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


async def test_offset_hex_and_text() -> None:
    app = HexApp()
    async with app.run_test(size=(80, 3)):
        app.view.show(b"250 Ok [/x]\r\n\x1b\x00\xff~\x7f")
        assert lines(app.view) == [
            "0000  32 35 30 20 4f 6b 20 5b 2f 78 5d 0d 0a 1b 00 ff  250 Ok [/x].....",
            "0010  7e 7f                                            ~.",
            "",
        ]


async def test_boundaries_of_reads_are_marked_before_their_byte_and_at_the_end() -> None:
    app = HexApp()
    async with app.run_test(size=(80, 2)):
        app.view.show(b"0123456789abcdef01", [0, 3, 16, 18])
        assert lines(app.view) == [
            "0000 |30 31 32|33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef",
            "0010 |30 31|                                           01",
        ]


async def test_hidden_bytes_are_never_drawn() -> None:
    app = HexApp()
    async with app.run_test(size=(80, 2)):
        app.view.show(b"AUTH PLAIN c2VjcmV0\r\n", hidden=[(11, 19)])
        shown = lines(app.view)
        assert shown == [
            "0000  41 55 54 48 20 50 4c 41 49 4e 20 ·· ·· ·· ·· ··  AUTH PLAIN •••••",
            "0010  ·· ·· ·· 0d 0a                                   •••..",
        ]


async def test_ascii_only_hides_with_ascii() -> None:
    app = HexApp(ascii_only=True)
    async with app.run_test(size=(80, 2)):
        app.view.show(b"abc", hidden=[(0, 99)])
        assert lines(app.view)[0].split() == ["0000", "**", "**", "**", "***"]


async def test_a_narrow_view_has_fewer_bytes_a_line_and_keeps_its_place() -> None:
    app = HexApp()
    async with app.run_test(size=(80, 10)) as pilot:
        app.view.show(bytes(range(256)) * 4)
        await pilot.press("pagedown")
        assert lines(app.view)[0].startswith("0090  90")
        for width, count in [(45, 8), (30, 4), (80, 16)]:
            await pilot.resize_terminal(width, 10)
            await pilot.pause()
            shown = lines(app.view)
            assert len(shown[0].split("  ")[1].split()) == count
            assert shown[0].startswith("0090  90")


async def test_keys_scroll() -> None:
    app = HexApp()
    async with app.run_test(size=(80, 5)) as pilot:
        app.view.show(bytes(range(256)))
        for key, first in [
            ("down", "0010"), ("pagedown", "0050"), ("pageup", "0010"), ("up", "0000"), ("up", "0000"), ("end", "00b0"),
            ("down", "00b0"), ("home", "0000"),
        ]:  # fmt: skip
            await pilot.press(key)
            assert lines(app.view)[0].startswith(first), key


async def test_another_text_starts_at_its_beginning() -> None:
    app = HexApp()
    async with app.run_test(size=(80, 5)) as pilot:
        app.view.show(bytes(1000))
        await pilot.press("end")
        app.view.show(b"short")
        await pilot.pause()
        assert lines(app.view)[0].endswith("short")
        app.view.show(b"")
        assert lines(app.view) == [""] * 5


async def test_the_length_of_the_data_does_not_matter() -> None:
    app = HexApp()
    async with app.run_test(size=(80, 5)) as pilot:
        app.view.show(b"ab" * (32 << 20), range(0, 64 << 20, 65536))
        await pilot.press("end")
        assert lines(app.view)[-1].startswith("3fffff0  61 62")


async def test_whatever_the_bytes_only_ascii_is_drawn_and_hidden_ones_leave_no_trace() -> None:
    app = HexApp(ascii_only=True)

    @given(st.binary(min_size=1, max_size=40), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40))))
    def check(data: bytes, hidden: list[tuple[int, int]]) -> None:
        app.view.show(data, range(41), hidden)
        shown = lines(app.view)
        assert all(line.isascii() and line.isprintable() for line in shown)
        covered = {at for start, end in hidden for at in range(start, end)}
        app.view.show(bytes(byte ^ 0xFF if at in covered else byte for at, byte in enumerate(data)), range(41), hidden)
        assert lines(app.view) == shown

    async with app.run_test(size=(80, 4)):
        check()
