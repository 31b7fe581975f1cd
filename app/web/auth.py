"""Login with local accounts, logout, and the change of a password that somebody else has seen."""

from __future__ import annotations

import time
from collections import deque
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.web.visit import COOKIE, Site, Visit, require_token, templates, visitor
from registry import audit, users
from registry.database import write
from registry.errors import NotAllowed

router = APIRouter()

WINDOW_S = 300.0
TRIES = {"account": 5, "address": 50}
"""An office shares one address: one person's slips must not lock out all."""


class Attempts:
    """Failed logins of the last minutes, by `account:…` and `address:…`: who used up the tries waits."""

    def __init__(self) -> None:
        self._failed: dict[str, deque[float]] = {}

    def blocked(self, *keys: str) -> bool:
        """Whether one of the keys has used up its tries."""
        now = time.monotonic()
        for key in keys:
            failed = self._failed.get(key, deque())
            while failed and failed[0] < now - WINDOW_S:
                failed.popleft()
            if not failed:
                self._failed.pop(key, None)
        return any(len(self._failed.get(key, ())) >= TRIES[key.partition(":")[0]] for key in keys)

    def failed(self, *keys: str) -> None:
        for key in keys:
            self._failed.setdefault(key, deque()).append(time.monotonic())

    def forget(self, key: str) -> None:
        self._failed.pop(key, None)


_attempts = Attempts()


@router.get("/login")
def login_form(request: Request) -> HTMLResponse:
    return templates.TemplateResponse(request, "login.html", {"problem": ""})


@router.post("/login")
def login(
    request: Request, username: Annotated[str, Form(max_length=60)], password: Annotated[str, Form(max_length=200)]
) -> Response:
    """A session cookie, readable by no script and sent to no other site; every attempt is in the audit log."""
    site: Site = request.app.state.site
    keys = (f"account:{username}", f"address:{request.client.host if request.client else ''}")
    if _attempts.blocked(*keys):
        problem = "Đã thử sai nhiều lần. Hãy đợi 5 phút rồi đăng nhập lại."
        return templates.TemplateResponse(request, "login.html", {"problem": problem}, status_code=429)
    with write(site.wiring.engine) as conn:
        user = users.verify_password(conn, username, password)
        token = users.open_session(conn, user.username, site.wiring.settings.web.session_hours) if user else ""
        audit.append(
            conn, actor=user.username if user else "unknown", action="login" if user else "login-failed", subject="web"
        )
    if user is None:
        _attempts.failed(*keys)
        problem = "Tài khoản hoặc mật khẩu không đúng."
        return templates.TemplateResponse(request, "login.html", {"problem": problem}, status_code=401)
    _attempts.forget(keys[0])
    return _with_cookie(RedirectResponse("/", status_code=303), request, token)


@router.post("/logout")
def logout(request: Request, visit: Annotated[Visit, Depends(visitor)], csrf: Annotated[str, Form()]) -> Response:
    require_token(visit, csrf)
    with write(visit.wiring.engine) as conn:
        users.close_session(conn, request.cookies[COOKIE])
    answer = RedirectResponse("/login", status_code=303)
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/password")
def password_form(visit: Annotated[Visit, Depends(visitor)]) -> HTMLResponse:
    return visit.page("password.html", problem="")


@router.post("/password")
def change_password(
    request: Request,
    visit: Annotated[Visit, Depends(visitor)],
    csrf: Annotated[str, Form()],
    old: Annotated[str, Form(max_length=200)],
    new: Annotated[str, Form(max_length=200)],
    again: Annotated[str, Form(max_length=200)],
) -> Response:
    """The new password holds, other sessions have ended, this one goes on."""
    require_token(visit, csrf)
    if new != again:
        return visit.page("password.html", problem="Hai lần gõ mật khẩu mới không giống nhau.")
    if new == old:
        return visit.page("password.html", problem="Mật khẩu mới phải khác mật khẩu cũ.")
    name = visit.user.username
    try:
        with write(visit.wiring.engine) as conn:
            if users.verify_password(conn, name, old) is None:
                return visit.page("password.html", problem="Mật khẩu cũ không đúng.")
            users.change_password(conn, name, new)
            token = users.open_session(conn, name, visit.wiring.settings.web.session_hours)
            audit.append(conn, actor=name, action="change-password", subject=name)
    except NotAllowed:
        return visit.page("password.html", problem=f"Mật khẩu mới cần ít nhất {users.LEAST_PASSWORD} ký tự.")
    return _with_cookie(RedirectResponse("/", status_code=303), request, token)


def _with_cookie(answer: Response, request: Request, token: str) -> Response:
    answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return answer
