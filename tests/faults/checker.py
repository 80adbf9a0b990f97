"""The judge: what is wrong with a run, each fault with the history of whom it concerns."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from services.batch_jobs.sending import NOT_CALLED
from tests.faults.evidence import Evidence, Row, Sent, Strike, Victim
from tests.faults.rosters import Row as Line

OUT: Final = frozenset({"sent", "delivered", "bounced", "complained"})
NOT_OUT: Final = frozenset({"failed", "skipped"})
FINAL: Final = OUT | NOT_OUT | {"unknown"}
LOSES_ANSWERS: Final = frozenset(
    {Victim.WORKER, Victim.WORKERS, Victim.MASTER, Victim.STARTER, Victim.PAUSED}
)
SLACK: Final = timedelta(seconds=0.5)  # between deciding to kill and the death


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is not as it must be."""

    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.text}"


def check(evidence: Evidence) -> list[Complaint]:
    """Return all that is wrong; nothing when the run was clean."""
    return [Complaint(rule.__name__, text) for rule in RULES for text in rule(evidence)]


def every_import_is_applied_with_true_counts(evidence: Evidence) -> Iterator[str]:
    """Every file ended ``applied``; what it says of its rows is what its rows are."""
    stored = _by(evidence.import_rows, "import_id")
    for upload in evidence.uploads:
        shown, roster = upload.first, upload.roster
        bad = len(roster.rows) - len(roster.good)
        wanted = {"total": len(roster.rows), "new": len(roster.good), "changed": 0, "same": 0, "error": bad}
        if shown["state"] != "applied" or shown["counts"] != wanted:
            yield f"{roster.name} is {shown['state']} with {shown['counts']} instead of {wanted}"
        if shown["rows_done"] != len(roster.good):
            yield f"{roster.name} says {shown['rows_done']} rows done of {len(roster.good)}"
        rows = stored.get(shown["id"], [])
        found = Counter((row["outcome"], bool(row["applied"])) for row in rows)
        if found != +Counter({("new", True): len(roster.good), ("error", False): bad}):
            yield f"{roster.name} keeps rows {dict(found)}"


def every_row_made_one_student(evidence: Evidence) -> Iterator[str]:
    """One student, account, link and set of identifiers for every good row; nothing for any other."""
    students = _by(evidence.students, "username")
    users, links = _by(evidence.users, "_id"), _by(evidence.links, "user_id")
    identifiers = _by(evidence.identifiers, "user_id")
    lines, silenced = _lines(evidence), _silenced(evidence)
    for username, line in lines.items():
        found = students.get(username, [])
        if len(found) != 1:
            yield f"{username} is {len(found)} students"
            continue
        student_id = found[0]["_id"]
        if len(users.get(student_id, [])) != 1:
            yield f"{username} has {len(users.get(student_id, []))} accounts"
        if {str(each["_id"]) for each in identifiers.get(student_id, [])} != line.identifiers:
            yield f"{username} may log in as {[each['_id'] for each in identifiers.get(student_id, [])]}"
        if len(links.get(student_id, [])) != 1 and not (student_id in silenced and not links.get(student_id)):
            yield f"{username} has {len(links.get(student_id, []))} links"
    for username in students.keys() - lines.keys():
        yield f"{username} stands in no roster"
    if orphans := identifiers.keys() - {student["_id"] for student in evidence.students}:
        yield f"identifiers of nobody: {sorted(orphans)}"


def every_recipient_has_one_delivery_a_channel(evidence: Evidence) -> Iterator[str]:
    """Deliveries are recipients times channels, each to the address of the row."""
    students = {str(row["username"]): str(row["_id"]) for row in evidence.students}
    found = _by(evidence.deliveries, "recipient_id")
    for username, line in _lines(evidence).items():
        rows = found.pop(students.get(username, ""), [])
        wanted = {channel: line.addresses[channel] for channel in evidence.channels}
        if len(rows) != len(wanted) or {row["channel"]: row["to"] for row in rows} != wanted:
            yield f"{username} has deliveries {[(row['channel'], row['to']) for row in rows]}, not {wanted}"
    for recipient, rows in found.items():
        yield f"{len(rows)} deliveries to {recipient}, who stands in no roster"


def no_message_left_twice(evidence: Evidence) -> Iterator[str]:
    """One delivery id, one message; every message belongs to a delivery, its channel and its address."""
    rows = {str(row["_id"]): row for row in evidence.deliveries}
    for delivery_id, messages in _by_delivery(evidence.sent).items():
        row = rows.get(delivery_id)
        if row is None:
            yield f"{len(messages)} messages of an unknown delivery {delivery_id} to {messages[0].to}"
        elif len(messages) > 1:
            yield f"{len(messages)} messages: {story(evidence, row)}"
        elif (messages[0].channel, messages[0].to) != (row["channel"], row["to"]):
            yield f"{messages[0]} went elsewhere: {story(evidence, row)}"


def every_state_is_final_and_true(evidence: Evidence) -> Iterator[str]:
    """``sent`` left, ``failed`` and ``skipped`` did not, and nothing is still on its way."""
    left = {sent.delivery_id for sent in evidence.sent}
    for row in evidence.deliveries:
        state, out = row["state"], str(row["_id"]) in left
        if state not in FINAL:
            yield f"still {state}: {story(evidence, row)}"
        elif state in OUT and not out:
            yield f"never left: {story(evidence, row)}"
        elif state in NOT_OUT and out:
            yield f"left all the same: {story(evidence, row)}"
        elif (state == "skipped") != (row["to"] is None or _dropped(evidence, row)):
            yield f"skipped or not, against its address: {story(evidence, row)}"
        elif state == "failed" and row["to"] not in evidence.refused and not _stood_still(evidence, row):
            yield f"failed, though the address is good: {story(evidence, row)}"


def unknown_stands_only_where_an_answer_was_lost(evidence: Evidence) -> Iterator[str]:
    """The provider was ambiguous or whoever called it died; and the call could not be repeated."""
    for row in evidence.deliveries:
        if row["state"] != "unknown":
            continue
        memory = evidence.repeat_seconds.get(row["channel"], 0.0)
        if not _calls(row):
            yield f"unknown without a call: {story(evidence, row)}"
        elif memory > (row["history"][-1]["at"] - _calls(row)[0]).total_seconds() and not _cancelled(
            evidence, row
        ):
            yield f"unknown, though it might have been repeated: {story(evidence, row)}"
        elif str(row["_id"]) not in evidence.ambiguous and not _interrupted(row, evidence.strikes):
            yield f"unknown, though nothing was lost: {story(evidence, row)}"


def what_the_provider_tells_stands(evidence: Evidence) -> Iterator[str]:
    """Whatever we believed of a message, the furthest of its provider's callbacks decides."""
    for row in evidence.deliveries:
        told = evidence.told.get(str(row["_id"]))
        if told is not None and row["state"] != told:
            yield f"told to be {told}: {story(evidence, row)}"


def every_job_is_complete_and_counts_right(evidence: Evidence) -> Iterator[str]:
    """Each job is over, cancelled if somebody did that. It says of itself, now and in lists, what an
    independent count of its deliveries says."""
    rows = _by(evidence.deliveries, "job_id")
    for job in evidence.jobs:
        own = rows.pop(job.shown["id"], [])
        counted = Counter(str(row["state"]) for row in own)
        name = f"job {job.shown['id']} ({dict(counted)})"
        end = "cancelled" if job.shown["id"] in evidence.cancelled else "completed"
        for what, seen in (("shown", job.shown), ("listed", job.listed)):
            if seen["state"] != end or seen["total"] != len(own) or seen["percent"] != 100.0:
                yield f"{name} is {what} as {seen['state']}, {seen['total']}, {seen['percent']} %"
            if +Counter(seen["counts"]) != counted or sum(seen["counts"].values()) != len(own):
                yield f"{name} is {what} with {seen['counts']}"
            if seen["sub_batches"]["done"] != seen["sub_batches"]["total"]:
                yield f"{name} is {what} with sub-batches {seen['sub_batches']}"
        if Counter(job.recipients) != counted:
            yield f"{name} lists recipients {dict(job.recipients)}"
    for job_id, own in rows.items():
        yield f"{len(own)} deliveries of job {job_id}, which no list shows"


def the_same_files_again_change_nothing(evidence: Evidence) -> Iterator[str]:
    """Every good row is ``same``, nothing is new, and nobody is told anything."""
    for upload in evidence.uploads:
        good, every = len(upload.roster.good), len(upload.roster.rows)
        wanted = {"total": every, "new": 0, "changed": 0, "same": good, "error": every - good}
        again = upload.again
        if again["state"] != "applied" or again["counts"] != wanted or again["job_id"]:
            yield f"{upload.roster.name} again: {again['state']} {again['counts']} job {again['job_id']}"


def every_loop_of_every_worker_is_alive(evidence: Evidence) -> Iterator[str]:
    """Each worker is ready and names no loop that is late or dead."""
    if not evidence.workers:
        yield "no worker answered"
    for worker in evidence.workers:
        # a channel whose provider was ill a moment ago may still rest
        bad = [
            part["name"] for part in worker.parts if not part["ok"] and part["name"] not in evidence.channels
        ]
        loops = [part for part in worker.parts if part["name"].startswith("loop:")]
        if worker.status != 200 or bad or not loops:
            yield f"worker {worker.pid} answers {worker.status}, not well: {bad or 'no loop at all'}"


def no_background_work_is_left(evidence: Evidence) -> Iterator[str]:
    """Every durable job came to its end, and none was given up; those of a cancelled job may be dropped."""
    for job in evidence.unfinished:
        if job["state"] == "cancelled" and job.get("group") in evidence.cancelled:
            continue
        yield f"{job['name']} {job['_id']} is {job['state']} after {job['attempt']} tries: {job['error']}"


def no_reading_leaves_anything(evidence: Evidence) -> Iterator[str]:
    """An upload that has been read is deleted, and so are the rows of readings that died."""
    yield from evidence.leftovers


Rule = Callable[[Evidence], Iterator[str]]
RULES: Final[Sequence[Rule]] = (
    every_import_is_applied_with_true_counts,
    every_row_made_one_student,
    every_recipient_has_one_delivery_a_channel,
    no_message_left_twice,
    every_state_is_final_and_true,
    unknown_stands_only_where_an_answer_was_lost,
    what_the_provider_tells_stands,
    every_job_is_complete_and_counts_right,
    the_same_files_again_change_nothing,
    every_loop_of_every_worker_is_alive,
    no_background_work_is_left,
    no_reading_leaves_anything,
)


def story(evidence: Evidence, row: Row) -> str:
    """Return all that is known of one delivery, in the order in which it happened."""
    begun = row["history"][0]["at"]
    events = [(one["at"], f"{one['state']} {one.get('reason', '')}".strip()) for one in row["history"]]
    last = row["history"][-1]["at"]
    events += [
        (strike.at, f"[{strike.victim} {strike.pid} killed]")
        for strike in evidence.strikes
        if begun - SLACK <= strike.at <= last + SLACK
    ]
    told = "; ".join(
        f"{(at - begun).total_seconds():+.3f} {what}" for at, what in sorted(events, key=lambda one: one[0])
    )
    effects = sum(sent.delivery_id == str(row["_id"]) for sent in evidence.sent)
    said = evidence.ambiguous.get(str(row["_id"]), "")
    return (
        f"{row['channel']} {row['_id']} to {row['to']}, {effects} effects, unit {row['unit']}, "
        f"fence {row['fence']}, attempts {row['attempts']}{', provider: ' + said if said else ''}: {told}"
    )


def _lines(evidence: Evidence) -> dict[str, Line]:
    return {line.roll_number.lower(): line for upload in evidence.uploads for line in upload.roster.good}


def _by(rows: Sequence[Row], field: str) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[str(row[field])].append(row)
    return grouped


def _by_delivery(sent: Sequence[Sent]) -> Mapping[str, list[Sent]]:
    grouped: dict[str, list[Sent]] = defaultdict(list)
    for each in sent:
        grouped[each.delivery_id].append(each)
    return grouped


def _calls(row: Row) -> list[Any]:
    return [one["at"] for one in row["history"] if one["state"] == "sending"]


def _cancelled(evidence: Evidence, row: Row) -> bool:
    """Tell whether a delivery ended, or stays in doubt, because its job was cancelled."""
    return row["job_id"] in evidence.cancelled and str(row["last_error"]).startswith("cancelled")


def _dropped(evidence: Evidence, row: Row) -> bool:
    """Tell whether a delivery was not sent because its job was cancelled."""
    return row["job_id"] in evidence.cancelled and row["last_error"] == "cancelled"


def _silenced(evidence: Evidence) -> set[str]:
    """Return who was told nothing, because their job was cancelled before their turn came."""
    silent = [
        row["job_id"] in evidence.cancelled and row["state"] == "skipped" for row in evidence.deliveries
    ]
    told = {str(row["recipient_id"]) for row, so in zip(evidence.deliveries, silent, strict=True) if not so}
    return {str(row["recipient_id"]) for row in evidence.deliveries} - told


def _stood_still(evidence: Evidence, row: Row) -> bool:
    """Tell whether the caller was stopped for so long that a newer claim had to judge, and says so itself."""
    return row["last_error"] == NOT_CALLED and _interrupted(row, evidence.strikes)


def _interrupted(row: Row, strikes: Sequence[Strike]) -> bool:
    """Tell whether somebody who may have held the answer was hit between the last call and the verdict."""
    called, judged = _calls(row)[-1], row["history"][-1]["at"]
    return any(
        strike.victim in LOSES_ANSWERS and called - SLACK <= strike.until and strike.at <= judged + SLACK
        for strike in strikes
    )
