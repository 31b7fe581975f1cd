"""Who asks: the login behind a request, what the role may do, which units it may see."""

# no `from __future__ import annotations` here: FastAPI must see the dependencies made inside functions
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Form, Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from app.health import Monitor
from app.metrics import Metrics
from app.web import words
from config.catalogue import Unit
from pipeline.watch import Waiting
from registry import documents, reads, users
from registry.database import read, write
from registry.errors import NotAllowed, NotFound
from registry.reads import Purpose, Reader, Why
from registry.users import UserRow
from registry.values import DocumentState, Role, utc_now, vietnam_date

if TYPE_CHECKING:
    from app.wiring import Wiring

COOKIE = "sohoa"
EVERYONE = frozenset(Role)
MAY = {
    "tray": EVERYONE,
    "retry": frozenset({Role.SCANNER, Role.CLERK, Role.ADMIN}),
    "review": frozenset({Role.SCANNER, Role.CLERK, Role.ADMIN}),
    "sign": frozenset({Role.CLERK, Role.LEADER}),
    "search": frozenset({Role.CLERK, Role.AUDITOR, Role.LEADER, Role.ADMIN}),
    "document": EVERYONE,
    "reuse": frozenset({Role.CLERK, Role.ADMIN}),
    "keeping": frozenset({Role.AUDITOR, Role.ADMIN}),
    "report": frozenset({Role.AUDITOR, Role.ADMIN}),
    "indicators": frozenset({Role.CLERK, Role.AUDITOR, Role.LEADER, Role.ADMIN}),
    "status": frozenset({Role.SCANNER, Role.AUDITOR, Role.LEADER, Role.ADMIN}),
    "reads": frozenset({Role.AUDITOR, Role.LEADER}),
}
"""The least each role needs for its work (docs/decisions/0005)."""
PURPOSES = {
    Role.SCANNER: (Why.DOSSIER, Why.INTAKE),
    Role.CLERK: (Why.DOSSIER, Why.REQUEST, Why.COMPLAINT),
    Role.AUDITOR: (Why.INSPECTION, Why.COMPLAINT, Why.DOSSIER),
    Role.LEADER: (Why.DIRECTION, Why.DOSSIER, Why.COMPLAINT, Why.INSPECTION),
    Role.ADMIN: (Why.OPERATION, Why.DOSSIER, Why.COMPLAINT),
}
"""What each role may read a document for; the first is offered."""
SEES_IDENTITY_NUMBERS = frozenset({Role.SCANNER, Role.CLERK, Role.AUDITOR})

templates = Jinja2Templates(directory=Path(__file__).parent / "templates")
templates.env.filters.update(words.FILTERS)
templates.env.globals.update(words.GLOBALS)


class LoginNeeded(Exception):
    pass


class PasswordChangeNeeded(Exception):
    pass


class PurposeNeeded(Exception):
    """The account must say first what it reads documents for."""


@dataclass(frozen=True, slots=True)
class Site:
    """What every request shares."""

    wiring: "Wiring"
    waiting: Callable[[], tuple[Waiting, ...]]
    monitor: Monitor
    metrics: Metrics


@dataclass(frozen=True)
class Visit:
    """One request of a logged-in account."""

    request: Request
    site: Site
    user: UserRow
    csrf: str
    mark: str = ""
    said: Purpose | None = None
    """What documents are read for in this session, once it was said."""

    @property
    def wiring(self) -> "Wiring":
        return self.site.wiring

    @cached_property
    def units(self) -> frozenset[str]:
        """Codes of the units whose documents the account may see."""
        return self.wiring.records.units_for(self.user)

    @cached_property
    def unit_list(self) -> tuple[Unit, ...]:
        """The same, with their names, parents first."""
        return tuple(u for u in self.wiring.catalogue.units_on(self.today) if u.code in self.units)

    @cached_property
    def today(self) -> Any:
        return vietnam_date(utc_now())

    def may(self, what: str) -> bool:
        """Whether the role may do this."""
        return self.user.role in MAY[what]

    def unit_name(self, code: str) -> str:
        """The unit's name; its code for one that is not in force any more."""
        return next((u.name for u in self.wiring.catalogue.units if u.code == code), code)

    def record(self, document_id: str) -> documents.DocumentRecord:
        """The document. Raises NotFound also for one that the account may not see: it must not learn that it exists."""
        with read(self.wiring.engine) as conn:
            found = documents.get(conn, document_id)
        if found.unit not in self.units:
            raise NotFound("outside the account's units")
        return found

    @property
    def purpose(self) -> Purpose | None:
        """What the account reads archived documents for: what it said, or what its role is there for."""
        if self.said is None and self.user.role == Role.AUDITOR:
            return Purpose(why=Why.INSPECTION)
        return self.said

    @property
    def reader(self) -> Reader:
        """Who reads, as the audit log has it."""
        return Reader(account=self.user.username, role=self.user.role, unit=self.user.unit, session=self.mark)

    def said_purpose(self) -> Purpose:
        """What archived documents are read for. Raises PurposeNeeded: nothing of any may be shown yet."""
        if self.purpose is None:
            raise PurposeNeeded
        return self.purpose

    def purpose_for(self, record: documents.DocumentRecord) -> Purpose:
        """What this document is read for. Who works on what comes in need not say why. Raises PurposeNeeded."""
        incoming = record.archived_at is None and (self.may("review") or self.may("sign"))
        return Purpose(why=Why.INTAKE) if incoming else self.said_purpose()

    def read(self, action: str, record: documents.DocumentRecord, *, glance: bool = False) -> None:
        """The audit log says that the account read the document and what for, once in half an hour. Raises
        PurposeNeeded: nothing of the document may be shown yet.

        glance: a small picture, of which the log need not say more than that an answer showed the document.
        """
        purpose, reader = self.purpose_for(record), self.reader
        with read(self.wiring.engine) as conn:
            noted = reads.is_noted(conn, action, record.id, reader, purpose) or (
                glance and reads.was_shown(conn, record.id, reader, purpose)
            )
        if not noted:
            with write(self.wiring.engine) as conn:
                reads.note(conn, action, record.id, record.unit, reader, purpose)

    def reading_for(self, purpose: Purpose) -> "Visit":
        """The same visit; documents are read for this from now on, in this session."""
        with write(self.wiring.engine) as conn:
            users.keep_purpose(conn, self.request.cookies[COOKIE], purpose)
        return replace(self, said=purpose)

    def page(self, template: str, **context: Any) -> HTMLResponse:
        """A rendered page with the frame around it."""
        with read(self.wiring.engine) as conn:
            waiting = documents.count_in_state(conn, DocumentState.REVIEW, self.units) if self.may("review") else 0
            to_sign = documents.count_in_state(conn, DocumentState.TO_SIGN, self.units) if self.may("sign") else 0
        health = self.site.monitor.health()
        frame = {"visit": self, "user": self.user, "csrf": self.csrf, "to_review": waiting, "to_sign": to_sign}
        frame |= {"troubles": health.troubles, "unwell": len(health.wrong), "link": self.may("status")}
        return templates.TemplateResponse(self.request, template, {**frame, **context})


def visitor(request: Request) -> Visit:
    """The account behind the cookie. Raises LoginNeeded, PasswordChangeNeeded."""
    site: Site = request.app.state.site
    token = request.cookies.get(COOKIE)
    with read(site.wiring.engine) as conn:
        found = users.session(conn, token) if token else None
    if found is None:
        raise LoginNeeded
    if found.user.must_change and request.url.path not in ("/password", "/logout"):
        raise PasswordChangeNeeded
    return Visit(request=request, site=site, user=found.user, csrf=found.csrf, mark=found.mark, said=found.purpose)


def allowed(what: str) -> Callable[..., Visit]:
    """A dependency: the visit, when its role may do this. Raises NotAllowed."""

    def check(visit: Annotated[Visit, Depends(visitor)]) -> Visit:
        if not visit.may(what):
            raise NotAllowed(what)
        return visit

    return check


def posted(what: str) -> Callable[..., Visit]:
    """The same for a form that changes something: it must carry the session's token. Raises NotAllowed."""

    def check(visit: Annotated[Visit, Depends(allowed(what))], csrf: Annotated[str, Form()] = "") -> Visit:
        require_token(visit, csrf)
        return visit

    return check


def require_token(visit: Visit, csrf: str) -> None:
    """Raises NotAllowed for a form that was not made for this session."""
    if csrf != visit.csrf:
        raise NotAllowed("the form is not of this session")
