import json
import multiprocessing
import os
import stat
import subprocess
import sys
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from integrations.outbox import LocalOutbox, OutboxSender
from services.ports import Accepted, Busy, Channel, Message, SendUnit

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "outbox.jsonl"


def message(delivery_id: str, text: str = "Your link: https://x.test/a#t") -> Message:
    return Message(delivery_id, Channel.EMAIL, "asha@x.test", "Asha", "Welcome", text, "<p>hello</p>")


def unit(*delivery_ids: str) -> SendUnit:
    return SendUnit("key", Channel.EMAIL, tuple(message(delivery_id) for delivery_id in delivery_ids))


def ids_in(path: Path) -> list[str]:
    return [json.loads(line)["delivery_id"] for line in path.read_bytes().splitlines()]


def test_a_message_is_one_json_line_with_everything_a_person_needs(path: Path) -> None:
    LocalOutbox(path).append([message("d1", "Zoë — your link")])

    line = json.loads(path.read_text())
    assert line.pop("sent_at").endswith("Z")
    assert line == {
        "delivery_id": "d1",
        "channel": "email",
        "to": "asha@x.test",
        "subject": "Welcome",
        "text": "Zoë — your link",
        "html": "<p>hello</p>",
    }


def test_only_the_owner_may_read_the_links(path: Path) -> None:
    LocalOutbox(path).append([message("d1")])

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_same_delivery_is_written_once(path: Path) -> None:
    # Given a unit that was written
    sender = OutboxSender(LocalOutbox(path), Channel.EMAIL)
    sender.send(unit("d1", "d2"))

    # When it is repeated, with a message more
    outcome = sender.send(unit("d1", "d2", "d3"))

    # Then all three are accepted, in order, and each is there once
    assert outcome == Accepted(("d1", "d2", "d3"))
    assert ids_in(path) == ["d1", "d2", "d3"]


def test_a_second_process_and_a_restart_know_what_is_there(path: Path) -> None:
    first, second = LocalOutbox(path), LocalOutbox(path)
    first.append([message("d1")])
    second.append([message("d1"), message("d2")])
    first.append([message("d2"), message("d3")])

    restarted = LocalOutbox(path)

    assert restarted.append([message("d1"), message("d3")]) == 0
    assert ids_in(path) == ["d1", "d2", "d3"]


def test_ids_that_json_has_to_escape_are_known_again_too(path: Path) -> None:
    odd = ['quo"te', "back\\slash", "zoë", "line\nbreak"]
    LocalOutbox(path).append([message(delivery_id) for delivery_id in odd])

    assert LocalOutbox(path).append([message(delivery_id) for delivery_id in odd]) == 0


BLOCKS = 100


def send_overlapping(path: Path, together: Barrier) -> None:
    sender = OutboxSender(LocalOutbox(path), Channel.EMAIL)
    together.wait(30)
    for block in range(BLOCKS):
        assert isinstance(sender.send(unit(*(f"d{n}" for n in range(block * 5, block * 5 + 10)))), Accepted)


def test_processes_that_send_the_same_units_at_once_write_each_message_once(path: Path) -> None:
    # Given three processes with the same overlapping units
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(3)
    workers = [spawn.Process(target=send_overlapping, args=(path, together)) for _ in range(3)]

    # When they send at the same time
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    # Then every message lies there once, on a line of its own
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert sorted(ids_in(path)) == sorted(f"d{n}" for n in range(BLOCKS * 5 + 5))


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_line_torn_by_a_crash_is_cut_at_start(path: Path, cut: int) -> None:
    # Given a process that died in the middle of its write
    LocalOutbox(path).append([message("d1"), message("d2")])
    whole = path.read_bytes()
    path.write_bytes(whole[: -1 - cut])

    # When the next one starts and repeats the unit
    restarted = LocalOutbox(path)
    assert ids_in(path) == ["d1"]
    restarted.append([message("d1"), message("d2")])

    # Then the line is whole again and not glued to anything
    assert ids_in(path) == ["d1", "d2"]


def test_a_line_torn_by_another_process_is_cut_before_the_next_append(path: Path) -> None:
    outbox = LocalOutbox(path)
    outbox.append([message("d1")])
    with path.open("ab") as file:
        file.write(b'{"delivery_id":"d2","channel":"ema')

    outbox.append([message("d2"), message("d3")])

    assert ids_in(path) == ["d1", "d2", "d3"]


def test_a_line_that_lacks_only_its_newline_is_kept(path: Path) -> None:
    LocalOutbox(path).append([message("d1"), message("d2")])
    path.write_bytes(path.read_bytes()[:-1])

    assert LocalOutbox(path).append([message("d2"), message("d3")]) == 1
    assert ids_in(path) == ["d1", "d2", "d3"]


def test_a_file_of_nothing_but_a_torn_line_becomes_empty(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'{"delivery_id":"' + b"x" * 200_000)

    LocalOutbox(path)

    assert path.read_bytes() == b""


def test_a_deleted_file_starts_anew(path: Path) -> None:
    outbox = LocalOutbox(path)
    outbox.append([message("d1")])
    path.unlink()

    assert outbox.append([message("d1")]) == 1
    assert ids_in(path) == ["d1"]


def test_a_file_emptied_and_filled_by_somebody_else_is_learnt_anew(path: Path) -> None:
    # Given a file that was emptied, and then grew past the place that we had read to
    ours, theirs = LocalOutbox(path), LocalOutbox(path)
    ours.append([message("d1")])
    os.truncate(path, 0)
    theirs.append([message(f"e{n}") for n in range(10)])

    # When we send again what only the old file held
    assert ours.append([message("d1"), message("e3")]) == 1

    # Then it is there, and nothing is there twice
    assert ids_in(path) == [*(f"e{n}" for n in range(10)), "d1"]


def test_lines_of_somebody_else_are_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not json\n[1, 2]\n")

    outbox = LocalOutbox(path)
    outbox.append([message("d1")])

    assert path.read_bytes().startswith(b"not json\n[1, 2]\n")
    assert [found["delivery_id"] for found in outbox.read(10, None)[0]] == ["d1"]


def test_a_full_disk_is_busy_and_leaves_nothing(path: Path) -> None:
    # Given a disk on which every write fails for want of room
    path.parent.mkdir()
    path.symlink_to("/dev/full")
    sender = OutboxSender(LocalOutbox(path), Channel.SMS)

    # When a unit is sent
    outcome = sender.send(unit("d1"))

    # Then the caller may try again later, and after there is room everything is written
    assert outcome == Busy("outbox: No space left on device", 5.0)
    path.unlink()
    assert isinstance(sender.send(unit("d1")), Accepted)
    assert ids_in(path) == ["d1"]


SHORT_WRITE = """
import resource, signal, sys
from pathlib import Path
from tests.integrations.test_outbox import LocalOutbox, OutboxSender, Channel, unit
sender = OutboxSender(LocalOutbox(Path(sys.argv[1])), Channel.EMAIL)
sender.send(unit("d1"))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
print(sender.send(unit(*(f"e{n}" for n in range(10)))))
"""


def test_a_write_that_stops_half_way_leaves_nothing_of_the_unit(path: Path) -> None:
    # Given a process whose files may not grow beyond 500 bytes, so that the kernel writes a part
    done = subprocess.run(
        [sys.executable, "-c", SHORT_WRITE, path], cwd=ROOT, capture_output=True, text=True, check=True
    )

    # Then the sender is told so, and only whole earlier lines are left
    assert done.stdout.startswith("Busy(reason='outbox: No space left on device'")
    assert ids_in(path) == ["d1"]


def test_reading_goes_from_the_newest_to_the_oldest_in_pages(path: Path) -> None:
    # Given more messages than one block of the backward reader holds
    outbox = LocalOutbox(path)
    outbox.append([message(f"d{n}", "x" * 1000) for n in range(250)])

    # When all pages are read
    seen, cursor, pages = [], None, 0
    while True:
        page, cursor = outbox.read(60, cursor)
        seen += [str(found["delivery_id"]) for found in page]
        pages += 1
        if cursor is None:
            break

    # Then each message was there once
    assert seen == [f"d{n}" for n in reversed(range(250))]
    assert pages == 5


def test_a_page_stays_the_same_while_messages_arrive(path: Path) -> None:
    outbox = LocalOutbox(path)
    outbox.append([message(f"d{n}") for n in range(4)])
    _, cursor = outbox.read(2, None)

    outbox.append([message("d4")])

    assert [found["delivery_id"] for found in outbox.read(2, cursor)[0]] == ["d1", "d0"]


def test_reading_skips_a_torn_tail_and_tolerates_any_cursor(path: Path) -> None:
    outbox = LocalOutbox(path)
    outbox.append([message("d1"), message("d2")])
    with path.open("ab") as file:
        file.write(b'{"delivery_id":"d3"')

    assert [found["delivery_id"] for found in outbox.read(10, None)[0]] == ["d2", "d1"]
    assert len(outbox.read(10, 10**9)[0]) == 2
    assert outbox.read(10, 5) == ([], None)
    assert outbox.read(10, -3) == ([], None)


def test_an_outbox_without_a_file_is_empty(path: Path) -> None:
    outbox = LocalOutbox(path)
    path.unlink()

    assert outbox.read(10, None) == ([], None)
    assert outbox.size() == 0


def test_ten_thousand_messages_take_less_than_two_seconds(path: Path) -> None:
    sender = OutboxSender(LocalOutbox(path), Channel.EMAIL)
    units = [unit(*(f"{block}-{n}" for n in range(100))) for block in range(100)]

    began = time.thread_time()
    for one in units:
        sender.send(one)
    took = time.thread_time() - began

    print(f"10,000 messages in units of 100: {took:.2f} s")
    assert took < 2
