"""init, run, web, users, doctor: from an empty folder to a working installation."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn

from app import logs
from app.cli.output import EXIT_PARTLY, Home, Json, actor, err, only_warnings, out, show, table
from app.doctor import examine
from app.setup import Credentials, initialise
from app.web import create_app
from app.wiring import Wiring, opened
from pipeline.crew import worker_name
from pipeline.dispatch import Dispatch
from pipeline.runner import Runner, posted_waiting
from pipeline.watch import Waiting, is_left_alone
from pipeline.worker import Worker
from pipeline.workshop import Workshop
from registry import audit, documents, tray, users
from registry.database import read, write
from registry.errors import ServiceUnavailable
from registry.values import DocumentState, Role, ScanState, utc_now, vietnam_date


def register(app: typer.Typer) -> None:
    app.command("init")(init)
    app.command("run")(run)
    app.command("web")(web)
    app.command("watch")(watch)
    app.command("worker")(worker)
    app.command("doctor")(doctor)
    app.command("units")(units)
    app.command("procedures")(procedures)
    accounts = typer.Typer(help="Tài khoản.", no_args_is_help=True)
    accounts.command("add")(add_user)
    accounts.command("list")(list_users)
    app.add_typer(accounts, name="users")


def init(
    home: Annotated[Path, typer.Argument(help="Thư mục cài đặt mới.")],
    demo: Annotated[bool, typer.Option("--demo", help="Thêm đơn vị, hồ sơ và bản quét mẫu.")] = False,
    agency: Annotated[str, typer.Option(help="Tên cơ quan ghi trong chứng thư thử nghiệm.")] = "",
    json: Json = False,
) -> None:
    """Tạo một cài đặt: cấu hình, thư mục, danh mục, chứng thư thử nghiệm, tài khoản đầu tiên. Chạy lại không đổi gì."""
    made = initialise(home.resolve(), demo=demo, agency=agency)
    if json:
        show({"home": str(home.resolve()), "demo": demo, "accounts": [c.model_dump() for c in made]})
        return
    out.print(f"Cài đặt ở [bold]{home}[/bold].")
    _print_credentials(made)


def run(home: Home) -> None:
    """Theo dõi thư mục quét, đọc, ký, lưu và mở trang web. Ctrl-C: làm nốt việc đang dở rồi dừng."""
    with opened(home) as wiring:
        runner = Runner(_when_servers_answer(wiring))
        server = _server(wiring, runner.waiting)
        _stop_on_signals(runner, server)
        pages = threading.Thread(target=server.run, name="web", daemon=True)
        pages.start()
        if wiring.settings.demo:
            only_warnings()
            threading.Thread(target=_greet, args=(wiring, server), name="greeting", daemon=True).start()
        else:
            err.print(f"Trang web: http://{wiring.settings.web.host}:{wiring.settings.web.port}")
        try:
            runner.run()
        finally:
            server.should_exit = True
            pages.join(10)


def watch(home: Home) -> None:
    """Chỉ theo dõi thư mục quét và chia việc cho các `sohoa worker`; khi máy khác đang theo dõi thì chờ thay."""
    with opened(home) as wiring:
        runner = Runner(_when_servers_answer(wiring), executing=False)
        _stop_on_signals(runner)
        runner.run(wait=True)


def worker(
    home: Home, name: Annotated[str | None, typer.Option(help="Tên của tiến trình này, không trùng nhau.")] = None
) -> None:
    """Chỉ đọc, ký và lưu; chạy được trên nhiều máy. Ctrl-C hay SIGTERM: làm nốt việc đang dở rồi dừng."""
    with opened(home) as wiring, ExitStack() as stack:
        shop = _when_servers_answer(wiring)
        instance = name or stack.enter_context(worker_name(shop.folder("work")))
        logs.speak(wiring.settings.log.format, instance)
        dispatch = Dispatch(wiring.settings.registry_url)
        stack.callback(dispatch.close)
        working = Worker(shop, dispatch, instance)
        _stop_on_signals(working)
        working.run()


def web(home: Home) -> None:
    """Chỉ mở trang web."""
    with opened(home) as wiring:
        shop = _when_servers_answer(wiring, store=False)
        server = _server(wiring, lambda: posted_waiting(shop))
        _stop_on_signals(None, server)
        server.run()


def doctor(home: Home, json: Json = False) -> None:
    """Kiểm tra công cụ, ngôn ngữ đọc, khóa, đồng hồ, ổ đĩa, cơ sở dữ liệu; nói cách sửa."""
    checks = examine(home)
    if json:
        show({"checks": checks})
    else:
        for check in checks:
            out.print(f"{'[green]✓[/green]' if check.ok else '[red]✗[/red]'} {check.name}: {check.detail}")
            if not check.ok:
                out.print(f"   → {check.fix}")
    if not all(check.ok for check in checks):
        sys.exit(EXIT_PARTLY)


def units(home: Home, json: Json = False) -> None:
    """Các đơn vị đang hoạt động."""
    with opened(home) as wiring:
        rows = wiring.catalogue.units_on(vietnam_date(utc_now()))
    if json:
        show([{"code": u.code, "name": u.name, "level": u.level, "parent": u.parent, "inbox": u.inbox} for u in rows])
    else:
        table(("Mã", "Tên", "Cấp", "Thư mục quét"), [(u.code, u.name, u.level, u.inbox) for u in rows])


def procedures(home: Home, json: Json = False) -> None:
    """Các thủ tục đang áp dụng, với giấy tờ phải nộp và kết quả."""
    today = vietnam_date(utc_now())
    with opened(home) as wiring:
        rows = wiring.catalogue.procedures_on(today)
    if json:
        show(
            [
                {
                    "code": p.code,
                    "name": p.name,
                    "components": [{"code": c.code, "name": c.name} for c in p.components_on(today)],
                    "results": [{"code": r.code, "name": r.name} for r in p.results],
                }
                for p in rows
            ]
        )
    else:
        table(("Mã", "Tên", "Giấy tờ"), [(p.code, p.name, len(p.components_on(today))) for p in rows])


def add_user(
    username: str,
    role: Role,
    home: Home,
    unit: Annotated[str | None, typer.Option(help="Mã đơn vị.")] = None,
    name: Annotated[str, typer.Option(help="Họ tên.")] = "",
    json: Json = False,
) -> None:
    """Thêm tài khoản; in mật khẩu dùng một lần, phải đổi ở lần đăng nhập đầu."""
    password = users.one_time_password()
    with opened(home) as wiring, write(wiring.engine) as conn:
        if unit:
            wiring.catalogue.unit(unit, date.today())  # noqa: DTZ011 refuses an unknown unit
        users.add_user(conn, username=username, password=password, role=role, unit=unit, full_name=name)
        audit.append(conn, actor=actor(), action="add-user", subject=username, unit=unit, detail={"role": role})
    made = Credentials(username=username, password=password, role=role)
    if json:
        show(made)
    else:
        _print_credentials([made])


def list_users(home: Home, json: Json = False) -> None:
    """Các tài khoản."""
    with opened(home) as wiring, read(wiring.engine) as conn:
        rows = users.list_users(conn)
    if json:
        show(rows)
    else:
        table(("Tài khoản", "Vai trò", "Đơn vị"), [(u.username, u.role, u.unit) for u in rows])


def _when_servers_answer(wiring: Wiring, *, store: bool = True) -> Workshop:
    """The workshop, once database and archive answer: after a power cut everything starts at once, in any order.

    store: False for pages alone, which must be there to say that the archive is away.
    Raises SettingsInvalid when the archive's home does not protect what it holds. Ctrl-C ends the waiting.
    """
    said = ""
    while True:
        try:
            shop = wiring.workshop
            if store:
                shop.store.check()
        except ServiceUnavailable as exc:
            if said != str(exc):
                said = str(exc)
                err.print(f"Đang chờ máy chủ trả lời: {said}")
            time.sleep(1)
        else:
            return shop


def _server(wiring: Wiring, waiting: Callable[[], tuple[Waiting, ...]]) -> uvicorn.Server:
    told = wiring.settings.web
    application = create_app(wiring, waiting=waiting)
    config = uvicorn.Config(
        application, host=told.host, port=told.port, log_level="error", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    # signals belong to the runner, which drains before it stops
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    return server


def _stop_on_signals(working: Runner | Worker | None, server: uvicorn.Server | None = None) -> None:
    def stop(_number: int, _frame: Any) -> None:
        err.print("Đang làm nốt việc dở rồi dừng…")
        if working is not None:
            working.stop()
        if server is not None:
            server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _greet(wiring: Wiring, server: uvicorn.Server) -> None:
    """Shows how far the sample scans are, then the address and what to try."""
    while not server.started:
        time.sleep(0.1)
    place = f"http://{wiring.settings.web.host}:{wiring.settings.web.port}"
    out.print(f"Trang web đã mở: [bold]{place}[/bold] — đang đọc các bản quét mẫu…")
    _follow(wiring, server)
    guide = wiring.settings.home / "dang-nhap-thu.txt"
    out.print(f"\nMở [bold]{place}[/bold] và thử:")
    out.print("  · Khay xử lý: mỗi bản quét đang ở đâu, vì sao bị từ chối")
    out.print("  · Tìm kiếm: gõ [bold]hon nhan[/bold] (không dấu) hoặc một số ký hiệu")
    out.print("  · Tái sử dụng: số định danh [bold]003199000001[/bold], thủ tục 1.001776")
    out.print("  · Chỉ tiêu: tỷ lệ số hóa của từng đơn vị so với kế hoạch")
    if guide.exists():
        out.print(f"\nTài khoản thử (mật khẩu dùng một lần):\n{guide.read_text(encoding='utf-8')}")
    out.print(f"Thả tệp quét của bạn vào [bold]{wiring.folder('inbox')}[/bold]/<đơn vị>/. Ctrl-C để dừng.")


def _follow(wiring: Wiring, server: uvicorn.Server) -> None:
    """Prints how many scans are archived until each one is, waits for a person, or was refused."""
    inbox = wiring.folder("inbox")
    shown = -1
    while not server.should_exit:
        with read(wiring.engine) as conn:
            counts = tray.counts(conn)
            unsure = documents.count_in_state(conn, DocumentState.REVIEW)
        archived, known = counts.get(ScanState.DONE, 0), sum(counts.values())
        if archived != shown:
            out.print(f"  đã ký và lưu kho {archived} bản quét")
            shown = archived
        ended = archived + unsure + counts.get(ScanState.QUARANTINED, 0) + counts.get(ScanState.DUPLICATE, 0)
        waiting = sum(1 for path in inbox.rglob("*") if path.is_file() and not is_left_alone(path.name))
        if ended == known and waiting <= unsure:
            break
        time.sleep(1)
    if unsure:
        out.print(f"  {unsure} giấy tờ máy đọc chưa chắc, đang chờ người kiểm tra trước khi ký")


def _print_credentials(made: list[Credentials]) -> None:
    if made:
        out.print("Mật khẩu dùng một lần, phải đổi khi đăng nhập lần đầu; không in lại:")
        table(("Tài khoản", "Vai trò", "Mật khẩu"), [(c.username, c.role, c.password) for c in made])
