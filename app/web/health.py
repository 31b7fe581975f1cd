"""/healthz, /readyz, /metrics: for supervisors, balancers and Prometheus. No login, and nothing of a citizen.

/metrics answers only who asks the process directly: a reverse proxy names whom it speaks for, and is refused
(docs/decisions/0013).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app.health import PATIENCE_S
from app.web.visit import Site

router = APIRouter()
PROXIED = ("x-forwarded-for", "forwarded", "x-real-ip")
METHODS = frozenset({"GET", "HEAD", "POST"})


@router.get("/healthz")
def alive() -> PlainTextResponse:
    """This process lives. It says nothing of servers: starting it anew would not heal them."""
    return PlainTextResponse("ok")


@router.get("/readyz")
def ready(request: Request) -> JSONResponse:
    """Whether scans can be taken and kept: 503 while the registry or the store does not answer, or a disk is full.

    An index that is down is `degraded`: everything but searching goes on.
    """
    health = _site(request).monitor.health(wait_s=PATIENCE_S)
    named = ("registry", "store", "index", "room")
    told = {
        name: {"ok": state.ok, "seconds": round(state.seconds, 3), **({"code": state.code} if state.code else {})}
        for name, state in ((name, health[name]) for name in named)
    }
    body = {"ready": health.ready, "degraded": health.ready and not health["index"].ok, "checks": told}
    return JSONResponse(body, status_code=200 if health.ready else 503)


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Numbers in Prometheus' text format."""
    if any(name in request.headers for name in PROXIED):
        return PlainTextResponse("not found", status_code=404)
    return Response(_site(request).metrics.text(), media_type=CONTENT_TYPE_LATEST)


async def timed(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """How long each answer took, by the template of its route: a path may name a document."""
    began = time.monotonic()
    status = 500
    try:
        response = await call_next(request)
        status = response.status_code
        return response
    finally:
        route = getattr(request.scope.get("route"), "path", None)
        method = request.method if request.method in METHODS else "OTHER"
        _site(request).metrics.answered(method, route, status, time.monotonic() - began)


def _site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site
