"""migrate, backup, restore: from one home to another, and back from the archive alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli.output import EXIT_PARTLY, Home, Json, actor, err, out, show, table
from app.equality import MOST_NAMED
from app.migrate import KEPT_AS, QUESTIONS
from app.migrate import migrate as migrate_to
from app.restore import restore as restore_home
from app.wiring import opened
from archive.backups import iter_backups
from pipeline.backup import make_backup, remove_expired
from registry.values import VIETNAM


def migrate(
    home: Home,
    to: Annotated[Path, typer.Option("--to", help="Cấu hình mới đầy đủ; đường dẫn trong đó tính từ thư mục cài đặt.")],
    number: Annotated[int, typer.Option("--questions", min=1, help="Số câu hỏi đặt cho cả hai chỉ mục.")] = QUESTIONS,
    json: Json = False,
) -> None:
    """Chuyển sổ đăng ký, kho và chỉ mục sang nơi mới, rồi chứng minh hai bên bằng nhau.

    Chỉ khi mọi dòng, mọi byte và mọi câu trả lời bằng nhau thì cấu hình mới mới có hiệu lực; nếu không, cấu hình cũ giữ
    nguyên. Bị ngắt giữa chừng thì chạy lại lệnh này. Trước đó hãy dừng run, watch, worker và web ở mọi máy.
    """
    done = migrate_to(home, to, actor=actor(), console=err, number=number)
    if json:
        show({**done.model_dump(mode="json"), "differences": done.differences[:MOST_NAMED]})
    else:
        out.print(f"Đã chuyển: {', '.join(done.moved)} ({done.seconds:.0f} giây).")
        out.print(
            f"So sánh: {sum(done.tables.values())} dòng của {len(done.tables)} bảng, {done.objects} tệp trong kho,"
            f" {done.records} tài liệu trong chỉ mục, {done.questions} câu hỏi, {done.audit_rows} dòng nhật ký."
        )
        if done.equal:
            out.print(f"[green]Hai bên bằng nhau.[/green] Cấu hình mới có hiệu lực; cấu hình cũ: {KEPT_AS}")
        else:
            out.print(f"[red]{len(done.differences)} chỗ khác nhau; cấu hình cũ giữ nguyên.[/red]")
            table(
                ("Phần", "Chỗ", "Bên cũ", "Bên mới"),
                [(d.what, d.where, d.source, d.target) for d in done.differences[:MOST_NAMED]],
            )
    if not done.equal:
        sys.exit(EXIT_PARTLY)


def backup(
    home: Home,
    prune: Annotated[bool, typer.Option("--prune", help="Chỉ bỏ các bản đã quá hạn giữ.")] = False,
    json: Json = False,
) -> None:
    """Sao lưu sổ đăng ký, danh mục và cấu hình (không có mật khẩu, khóa) vào chính kho lưu trữ.

    Bản sao lưu bị khóa trong kho theo registry.backup_days; `sohoa run` và `sohoa watch` tự làm mỗi ngày một bản.
    """
    with opened(home) as wiring:
        if prune:
            held = list(iter_backups(wiring.store))
            removed = remove_expired(wiring.settings, wiring.engine, wiring.store, held, actor=actor())
            if json:
                show({"removed": removed, "kept": sorted(set(held) - set(removed))})
            else:
                out.print(f"Đã bỏ {len(removed)} bản quá hạn, còn {len(held) - len(removed)} bản.")
            return
        made = make_backup(wiring.settings, wiring.engine, wiring.store, actor=actor())
    if json:
        show(made)
    else:
        out.print(f"{made.id}: {made.rows} dòng, {(made.size_bytes or 0) / 1e6:.1f} MB, khóa đến {made.retain_until}.")


def restore(home: Home, json: Json = False) -> None:
    """Dựng lại cài đặt chỉ từ kho lưu trữ: bản sao lưu mới nhất còn nguyên, rồi mọi hồ sơ lưu sau đó.

    Thư mục cài đặt mới chỉ cần một sohoa.toml chỉ tới kho; sổ đăng ký và chỉ mục phải còn trống. Kho chỉ được đọc.
    """
    back = restore_home(home, actor=actor(), console=err)
    if json:
        show({"ok": back.whole, **back.model_dump(mode="json")})
    else:
        if back.made_at is not None:
            at = back.made_at.astimezone(VIETNAM)
            out.print(f"Từ bản sao lưu {at:%H:%M ngày %d/%m/%Y}: {back.rows} dòng; bỏ qua {len(back.broken)} bản hỏng.")
        out.print(f"{back.records} tài liệu trong kho, {back.after_backup} lưu sau đó; {back.indexed} tìm được.")
        holds = "nguyên vẹn" if back.audit_holds else "[red]KHÔNG nguyên vẹn[/red]"
        out.print(f"Nhật ký kiểm toán: {back.audit_rows} dòng, {holds}. Bản quét làm tiếp: {back.going_on}.")
        for document_id in (*back.damaged, *back.missing):
            out.print(f"[red]không đọc được hoặc không còn trong kho:[/red] {document_id}")
        if back.lost:
            out.print("Bản quét không còn, phải quét lại (có trong khay xử lý):")
            table(("Đơn vị", "Tệp", "Hồ sơ"), [(scan.unit, scan.file_name, scan.dossier_code) for scan in back.lost])
        for sentence in back.cannot:
            out.print(f"[yellow]Không tự trở lại:[/yellow] {sentence}")
        out.print("Tiếp theo: sohoa doctor")
    if not back.whole:
        sys.exit(EXIT_PARTLY)
