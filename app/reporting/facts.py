"""What a report of a verification says, whatever it is written as."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from pydantic import Field

from app.verdicts import CHECKS, TECHNICAL, advice, mark
from pipeline.verification import VerificationReport, tools
from registry.values import VIETNAM, Value, Verdict
from signing.policy import POLICY

MOST_WHOLE = 20
"""Up to so many documents are shown with every check; of more, those that did not pass."""
MOST_NAMED = 1000
NOTHING = "Không có tài liệu nào được kiểm tra."


class ReportHead(Value):
    """The top of a report: whose it is, of what, by whom, and what the verdicts depend on. what: in Vietnamese."""

    agency: str
    what: str
    made_by: str
    made_at: datetime
    trust: str
    policy: str = f"{POLICY.version} ({POLICY.after})"
    tools: dict[str, str]


class ReportFacts(Value):
    """counted: verdict → number. failures: check → how many did not hold, or could not be made. shown: those told one
    by one; left_out: how many more did not pass. names: of a document, its number and its dossier's code, where the
    registry knows them: nobody's name."""

    head: ReportHead
    number: int
    counted: dict[str, int]
    failures: dict[str, int]
    levels: dict[str, int]
    shown: tuple[VerificationReport, ...]
    left_out: int
    names: dict[str, str] = Field(default_factory=dict)

    def name(self, report: VerificationReport) -> str:
        """What people call the document; its identifier goes with it, since numbers come twice."""
        told = self.names.get(report.document_id)
        return f"{told} ({report.document_id})" if told else report.document_id


def collect(head: ReportHead, reports: Iterable[VerificationReport], number_told: int | None = None) -> ReportFacts:
    """The facts of a stream of reports; no more of them are in memory than are shown."""
    counted: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    levels: Counter[str] = Counter()
    first: list[VerificationReport] = []
    bad: list[VerificationReport] = []
    number = left_out = 0
    for report in reports:
        number += 1
        counted[report.verdict] += 1
        failures.update(c.name for c in report.checks if c.decides and c.ok is not True)
        levels.update({one.level for one in report.signatures if one.level})
        if len(first) < MOST_WHOLE:
            first.append(report)
        if report.verdict is not Verdict.PASSED:
            if len(bad) < MOST_NAMED:
                bad.append(report)
            else:
                left_out += 1
    whole = number <= MOST_WHOLE
    return ReportFacts(
        head=head,
        number=number if number_told is None else number_told,
        counted={str(v): counted[v] for v in Verdict},
        failures=dict(failures.most_common()),
        levels=dict(sorted(levels.items())),
        shown=tuple(first if whole else bad),
        left_out=0 if whole else left_out,
    )


def head(agency: str, what: str, made_by: str, made_at: datetime, trust: str) -> ReportHead:
    return ReportHead(agency=agency, what=what, made_by=made_by, made_at=made_at, trust=trust, tools=tools())


def instant(value: datetime | None) -> str:
    """Clock time of Vietnam."""
    return value.astimezone(VIETNAM).strftime("%H:%M:%S %d/%m/%Y") if value else "không có"


def lines_of(report: VerificationReport) -> Sequence[tuple[str, str, str]]:
    """Mark, name and remark of each check."""
    told = []
    for check in report.checks:
        detail = "" if check.detail in TECHNICAL or check.ok is True else check.detail
        remark = " — ".join(part for part in (detail, advice(check, ours=report.ours)) if part)
        told.append((mark(check), CHECKS.get(check.name, check.name), remark))
    return told
