"""What a failed worker says about the file it worked on."""

from __future__ import annotations

from registry.errors import RefusalCode, Refused, SohoaError, WorkerFailed


def refusal_of(failure: WorkerFailed) -> SohoaError:
    """A worker that ran out of time or memory on a file, or died of it again and again, says something about the file;
    one that was stopped with its pool says nothing: the work goes on later."""
    reason = getattr(failure, "reason", "")
    if reason == "closed":
        return failure
    return Refused(RefusalCode.TIMEOUT if reason == "timeout" else RefusalCode.UNREADABLE, str(failure))
