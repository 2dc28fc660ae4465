"""What is wrong or notable in a session: rules over its events, folded as they come.

``rule`` says what a finding and a rule are, ``replies``, ``login`` and ``events`` are the rules, ``fold`` applies them,
``lines`` shows what they found.
"""

from __future__ import annotations

from smtpscope.session.findings.fold import Findings
from smtpscope.session.findings.lines import evidence, findings_lines, summary
from smtpscope.session.findings.rule import Finding, Severity

__all__ = ["Finding", "Findings", "Severity", "evidence", "findings_lines", "summary"]
