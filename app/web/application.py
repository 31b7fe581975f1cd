"""The web application: its routes, what every answer carries, how errors are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.health import Monitor
from app.metrics import Metrics
from app.web import (
    auth,
    disposal,
    finding,
    health,
    keeping,
    numbers,
    purposes,
    record,
    renewals,
    reuse,
    signing,
    status,
    tray,
)
from app.web.visit import LoginNeeded, PasswordChangeNeeded, PurposeNeeded, Site, templates
from config.messages import sentence
from pipeline.watch import Waiting
from registry.errors import AnswerRefused, Conflict, NotAllowed, NotFound, ServiceUnavailable, SohoaError

if TYPE_CHECKING:
    from app.wiring import Wiring

log = structlog.get_logger("sohoa.web")
HERE = Path(__file__).parent
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
STATUS: tuple[tuple[type[SohoaError], int], ...] = (
    (NotFound, 404),
    (NotAllowed, 403),
    (Conflict, 409),
    (AnswerRefused, 422),
    (ServiceUnavailable, 503),
)


def create_app(wiring: Wiring, *, waiting: Callable[[], tuple[Waiting, ...]]) -> FastAPI:
    """The web application over one installation. waiting: files of the inbox that are not whole yet."""
    app = FastAPI(title="sohoa", docs_url=None, redoc_url=None, openapi_url=None)
    monitor = Monitor(wiring)
    app.state.site = Site(wiring=wiring, waiting=waiting, monitor=monitor, metrics=Metrics(wiring, monitor))
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    for part in (
        auth,
        tray,
        finding,
        purposes,
        record,
        keeping,
        disposal,
        renewals,
        reuse,
        numbers,
        signing,
        status,
        health,
    ):
        app.include_router(part.router)

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], object]) -> Response:
        """No page is framed, cached or posted to from another site."""
        origin = request.headers.get("origin")
        if request.method == "POST" and origin and origin.split("://")[-1] != request.headers.get("host"):
            return PlainTextResponse(sentence("not-allowed"), status_code=403)
        response: Response = await call_next(request)  # type: ignore[misc]
        response.headers.update(HEADERS)
        if not request.url.path.startswith("/static/"):
            response.headers["Cache-Control"] = "no-store"
        return response

    app.middleware("http")(health.timed)

    @app.exception_handler(LoginNeeded)
    def to_login(request: Request, _exc: Exception) -> Response:
        if _is_program(request):
            return JSONResponse({"code": "login", "message": sentence("not-allowed")}, status_code=401)
        return RedirectResponse("/login", status_code=303)

    @app.exception_handler(PasswordChangeNeeded)
    def to_password(_request: Request, _exc: Exception) -> Response:
        return RedirectResponse("/password", status_code=303)

    @app.exception_handler(PurposeNeeded)
    def to_purpose(request: Request, _exc: Exception) -> Response:
        return RedirectResponse(f"/purpose?{urlencode({'back': request.url.path})}", status_code=303)

    @app.exception_handler(SohoaError)
    def failed(request: Request, exc: SohoaError) -> Response:
        number = next((number for kind, number in STATUS if isinstance(exc, kind)), 500)
        if _is_program(request):
            return JSONResponse({"code": exc.code, "message": sentence(exc.code)}, status_code=number)
        said = {"sentence": sentence(exc.code), "code": exc.code, "troubles": monitor.health().troubles}
        return templates.TemplateResponse(request, "error.html", said, status_code=number)

    @app.exception_handler(DBAPIError)
    @app.exception_handler(PoolTimeout)
    def database_away(request: Request, exc: Exception) -> Response:
        """The registry does not answer: not the page's fault, and nothing is lost. What the database refuses is."""
        away = isinstance(exc, (OperationalError, PoolTimeout)) or getattr(exc, "connection_invalidated", False)
        return failed(request, ServiceUnavailable("the registry")) if away else broke(request, exc)

    @app.exception_handler(Exception)
    def broke(request: Request, exc: Exception) -> HTMLResponse:
        """What nobody foresaw: its kind goes to the log, never its text, which may quote a document."""
        code = f"internal:{type(exc).__name__}"
        log.error("page_failed", code=code)
        said = {"sentence": sentence(code), "code": code}
        return templates.TemplateResponse(request, "error.html", said, status_code=500)

    @app.exception_handler(RequestValidationError)
    def not_understood(request: Request, _exc: Exception) -> Response:
        """A form or address that was put together by hand; what was typed is not repeated."""
        if _is_program(request):
            code = "answer-unreadable"
            return JSONResponse({"code": code, "message": sentence(code)}, status_code=422)
        said = {"sentence": "Biểu mẫu gửi lên không đúng. Hãy quay lại trang trước và nhập lại.", "code": "form"}
        return templates.TemplateResponse(request, "error.html", said, status_code=422)

    @app.get("/")
    def home() -> RedirectResponse:
        return RedirectResponse("/tray", status_code=303)

    return app


def _is_program(request: Request) -> bool:
    """Whether the answer is for a program, as JSON: {code, message}."""
    return request.url.path.startswith("/api/")
