"""run, watch, worker, web: the processes of an installation."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Annotated, Any

import typer
import uvicorn

from app import logs
from app.cli.output import Home, err, only_warnings, out
from app.cli.unlocking import unlock
from app.web.application import create_app
from app.wiring import Wiring, opened
from pipeline.crew import worker_name
from pipeline.dispatch import Dispatch
from pipeline.runner import Runner, posted_waiting
from pipeline.watch import Waiting, is_left_alone
from pipeline.worker import Worker
from pipeline.workshop import Workshop
from registry import documents, tray
from registry.database import read
from registry.errors import ServiceUnavailable
from registry.values import DocumentState, ScanState


def run(home: Home) -> None:
    """Theo dõi thư mục quét, đọc, ký, lưu và mở trang web. Ctrl-C: làm nốt việc đang dở rồi dừng."""
    with opened(home) as wiring:
        shop = _when_servers_answer(wiring)
        unlock(wiring)
        runner = Runner(shop)
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
        unlock(wiring)
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
