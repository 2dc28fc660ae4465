"""``smtpscope --version`` as a whole process, beside a Python that does nothing. Argument: rounds, 41 by default."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from rounds import order, report

OURS, NOTHING = "smtpscope --version", "python -c pass"
LIMITS = {NOTHING: 2.0}


def timed(command: list[str], environment: dict[str, str]) -> float:
    """Seconds from start to end."""
    start = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return perf_counter() - start


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 41
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    commands = {
        OURS: [str(Path(sys.executable).with_name("smtpscope")), "--version"],
        NOTHING: [sys.executable, "-c", "pass"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name in order(list(commands), number):
            taken = timed(commands[name], environment)
            if number:  # the first round warms up
                seconds[name].append(taken)
    print(f"Whole process, {rounds} rounds:")
    return 0 if report(seconds, OURS, LIMITS) else 1


if __name__ == "__main__":
    sys.exit(main())
