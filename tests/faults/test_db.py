"""What the embedded log does when disk, power or processes fail (reliability.md 4.3, row Log/bus)."""

import os
import random
import re
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from support import Proc, need, scratch, tiphys, wait_for

SEED = int(os.environ.get("TIPHYS_SEED", time.time_ns() % 1_000_000))


@pytest.fixture
def folder():
    with scratch.scratch("db") as path:
        yield path


@pytest.fixture
def dice():
    print(f"seed {SEED}: TIPHYS_SEED={SEED} repeats this")
    return random.Random(SEED)


def writer_of(db: Path, log: Path, width: int, size: int, *more: str, wrap: tuple = (), **options) -> Proc:
    return Proc([*wrap, tiphys("bus_writer"), db, str(width), str(size), *more], log, **options)


def acked(log: Path) -> dict[int, str]:
    """Position and id of every event the writer said is stored."""
    found = re.findall(r"^ack (\d+) (\S+)$", log.read_text() if log.exists() else "", re.M)
    return {int(pos): event for pos, event in found}


def stored(db: Path) -> dict[int, str]:
    run = subprocess.run([tiphys("bus_reader"), db], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    rows = [line.split() for line in run.stdout.splitlines()]
    assert all(state == "ok" for _, _, state in rows)
    positions = sorted(int(pos) for pos, _, _ in rows)
    assert positions == list(range(1, len(rows) + 1))
    return {int(pos): event for pos, event, _ in rows}


def nothing_lost(log: Path, db: Path) -> int:
    said, there = acked(log), stored(db)
    lost = {pos: event for pos, event in said.items() if there.get(pos) != event}
    assert not lost, f"{len(lost)} of {len(said)} acknowledged events are lost: {list(lost.items())[:3]}"
    return len(said)


def acks(log: Path, n: int):
    return lambda: log.exists() and log.read_text().count("ack ") >= n


def test_a_full_disk_refuses_and_recovers_without_a_restart(folder):
    need("unshare", "mount")
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    disk, log = folder / "disk", folder / "writer.log"
    disk.mkdir()
    setup = f"mount -t tmpfs -o size=3m tmpfs {disk} && head -c 1m /dev/zero >{disk}/ballast && exec "
    writer = Proc(["unshare", "-m", "sh", "-c", f"{setup} {tiphys('bus_writer')} {disk}/db 4 2000"], log)
    wait_for(lambda: "refused FULL" in log.read_text(), 30, "a refusal")
    inside = Path(f"/proc/{writer.pid}/root{disk}")
    before = len(acked(log))
    assert before > 0
    (inside / "ballast").unlink()
    wait_for(lambda: len(acked(log)) > before, 30, "an event after space returned")
    writer.pause()
    copy = folder / "copy"
    copy.mkdir()
    for name in ("db", "db-wal"):
        shutil.copy(inside / name, copy / name)
    writer.kill9()
    assert nothing_lost(log, copy / "db") > before


def strace(inject: str) -> tuple[str, ...]:
    need("strace")
    return ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={inject.split(':')[0]}", "-e", f"inject={inject}")


@pytest.mark.parametrize("when", [5, 40, 260, 263, 300])
def test_a_failed_sync_ends_the_process(folder, when):
    """It is never tried again: the kernel may have dropped the pages (REL-14). 260 and more meet checkpoints."""
    db, log = folder / "db", folder / "writer.log"
    writer = writer_of(db, log, 8, 2000, wrap=strace(f"fdatasync:error=EIO:when={when}+"))
    assert writer.wait(timeout=60) == 70
    assert "level=error" in log.read_text() and "sync" in log.read_text()
    assert nothing_lost(log, db) > 0 or when < 40


@pytest.mark.parametrize("call", ["fdatasync", "pwrite64"])
def test_killed_before_a_system_call_nothing_is_lost(folder, dice, call):
    db, log = folder / "db", folder / "writer.log"
    for _ in range(4):
        when = dice.randint(1, 500)
        writer = writer_of(db, log, 8, 2000, wrap=strace(f"{call}:signal=KILL:when={when}"))
        assert writer.wait(timeout=60) == -9
        nothing_lost(log, db)


def tear(durable: Path, current: Path, dice: random.Random) -> None:
    """Of what was not synced, some sectors reached the disk and some did not."""
    old = durable.read_bytes() if durable.exists() else b""
    new = current.read_bytes() if current.exists() else b""
    size = dice.choice([len(old), len(new)])
    result = bytearray(old[:size].ljust(size, b"\0"))
    for at in range(0, min(size, len(new)), 512):
        if dice.random() < 0.5:
            result[at : at + 512] = new[at : at + 512][: size - at]
    durable.write_bytes(bytes(result))


@pytest.mark.parametrize("how", ["dropped", "torn"])
def test_power_loss_keeps_what_was_acknowledged(folder, dice, how):
    preload = tiphys("power_loss.so")
    log, live, disk = folder / "writer.log", folder / "live", folder / "disk"
    disk.mkdir()
    for round in range(3):
        shutil.rmtree(live, ignore_errors=True)
        shutil.copytree(disk, live)
        written = acks(log, len(acked(log)) + dice.randint(200, 1200))
        width = dice.choice([1, 16])
        writer = writer_of(live / "db", log, width, 1500, env={"LD_PRELOAD": str(preload), "POWER_LOSS_SHADOW": str(disk)})
        wait_for(written, 60, "events")
        writer.pause()
        writer.kill9()
        if how == "torn":
            tear(disk / "db-wal", live / "db-wal", dice)
        check = folder / f"check{round}"
        shutil.copytree(disk, check)
        assert nothing_lost(log, check / "db") >= 200


def test_damage_before_the_end_of_the_log_is_not_passed_over(folder, dice):
    db, log, wal = folder / "db", folder / "writer.log", folder / "db-wal"
    writer = writer_of(db, log, 4, 2000)
    wait_for(acks(log, 100), 30, "events")
    writer.kill9()
    good = wal.read_bytes()
    generation = good[16:24]
    frames = [at for at in range(32, len(good) - 4119, 4120) if good[at + 8 : at + 16] == generation]
    assert len(frames) > 8
    bad = bytearray(good)
    bad[dice.choice(frames[: len(frames) // 2]) + dice.randint(24, 4000)] ^= 1 << dice.randint(0, 7)
    wal.write_bytes(bytes(bad))
    run = subprocess.run([tiphys("bus_reader"), db], capture_output=True, text=True, timeout=60)
    assert run.returncode != 0 and "damaged at byte" in run.stderr
    assert wal.read_bytes() == bytes(bad)  # nothing was thrown away
    wal.write_bytes(good)
    assert nothing_lost(log, db) >= 100


def test_a_damaged_event_is_not_delivered(folder):
    db, log = folder / "db", folder / "writer.log"
    writer = writer_of(db, log, 4, 300, "needle")
    wait_for(acks(log, 40), 30, "events")
    writer.kill9()
    assert stored(db)  # copies the log back
    data = db.read_bytes()
    victim = acked(log)[3].encode()
    data = data.replace(victim * 3, victim * 2 + b"X" + victim[1:])
    db.write_bytes(data)
    run = subprocess.run([tiphys("bus_reader"), db], capture_output=True, text=True, timeout=60)
    rows = [line.split() for line in run.stdout.splitlines()]
    assert ["3", victim.decode(), "ok"] not in rows and not any(row[2] == "damaged" for row in rows)
    assert "damaged" in run.stderr


def test_processes_share_a_log_fairly_and_wake_each_other(folder):
    """Two writers and a reader that never polls: everything arrives, in one order, and nobody starves."""
    db = folder / "db"
    logs = [folder / "a.log", folder / "b.log"]
    seen = folder / "reader.log"
    reader = Proc([tiphys("bus_reader"), db, "follow", "3000"], seen)
    writers = [writer_of(db, log, 4, 260) for log in logs]
    assert reader.wait(timeout=60) == 0
    for writer in writers:
        writer.kill9()
    said = [acked(log) for log in logs]
    assert not set(said[0]) & set(said[1])
    there = stored(db)
    for mine in said:
        assert all(there[pos] == event for pos, event in mine.items())
    shares = sorted(len([p for p in mine if p <= 3000]) for mine in said)
    assert shares[0] > 300, f"one writer got {shares[0]} of 3000 events in"
    rows = [line.split() for line in seen.read_text().splitlines()]
    assert [int(row[0]) for row in rows] == list(range(1, 3001))
    assert Counter(row[2] for row in rows) == {"ok": 3000}
