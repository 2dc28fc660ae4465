"""Writes the README's picture from the real app: ``make pictures``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from tui.recordings import STATES  # noqa: E402
from tui.showing import app_on  # noqa: E402

TARGET = HERE.parent / "docs" / "screen.svg"


async def main() -> None:
    app = app_on(STATES["in_transaction"]())
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        app.catch_up()
        await pilot.pause()
        TARGET.write_text(app.export_screenshot(title="smtpscope"))


if __name__ == "__main__":
    asyncio.run(main())
