"""``python -m smtpscope``: the same as the command."""

import sys

from smtpscope.cli import main

sys.exit(main())
