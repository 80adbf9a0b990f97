"""The end of a run: what everybody who knows anything says of it."""

import json
from collections import Counter
from collections.abc import Mapping

from tests.faults.client import PatientClient
from tests.faults.evidence import Evidence, JobSeen, Row, Sent, Upload
from tests.faults.killer import Killer
from tests.faults.meddler import Meddler
from tests.faults.product import Product
from tests.faults.provider import TroubledProvider
from tests.faults.uploads import CHANNELS


class Books:
    """Reads them."""

    def __init__(self, product: Product, client: PatientClient, provider: TroubledProvider | None) -> None:
        self._product, self._client, self._provider = product, client, provider

    def read(
        self, uploads: list[Upload], meddler: Meddler, killer: Killer, told: Mapping[str, str]
    ) -> Evidence:
        """Return all that the database, the API and the provider say."""
        db, noted = self._product.db, {"comment": "faults"}
        listed = {job["id"]: job for job in self._client.pages("/batch_processing/jobs")}
        student = {"role": "student"}
        return Evidence(
            channels=CHANNELS,
            uploads=uploads,
            students=list(db["students"].find({}, **noted)),
            users=list(db["users"].find(student, **noted)),
            identifiers=self._identifiers(),
            links=list(db["one_time_links"].find()),
            import_rows=[row for each in uploads for row in self._rows(each.first)],
            deliveries=list(db["deliveries"].find({}, **noted)),
            jobs=[self._job(job) for job in listed.values()],
            sent=self._sent(),
            unfinished=list(db["engine_jobs"].find({"state": {"$ne": "completed"}})),
            leftovers=self._leftovers(),
            workers=self._product.workers_seen(),
            strikes=list(killer.strikes),
            repeat_seconds={"email": 540.0, "sms": 0.0},
            ambiguous=self._provider.ambiguous if self._provider else {},
            cancelled=frozenset(meddler.cancelled),
            told=told,
            refused=frozenset(self._provider.brevo.plan.rejected) if self._provider else frozenset(),
        )

    def _identifiers(self) -> list[Row]:
        staff = {
            row["_id"]
            for row in self._product.db["users"].find({"role": {"$ne": "student"}}, comment="faults")
        }
        return [row for row in self._product.db["login_identifiers"].find() if row["user_id"] not in staff]

    def _leftovers(self) -> list[str]:
        db, files = self._product.db, self._product.data_dir / "files" / "imports"
        kept = {path.name for path in files.iterdir()} if files.exists() else set()
        found: list[str] = []
        for row in db["imports"].find({}, comment="faults"):
            if row["_id"] in kept:
                found.append(f"the file of import {row['_id']}, which is {row['state']}")
            other = {"import_id": row["_id"], "run": {"$ne": row["run"]}}
            if rows := db["import_rows"].count_documents(other, comment="faults"):
                found.append(f"{rows} rows of dead readings of import {row['_id']}")
        return found

    def _rows(self, shown: Row) -> list[Row]:
        roster = self._product.db["imports"].find_one({"_id": shown["id"]}, comment="faults")
        assert roster is not None
        rows = self._product.db["import_rows"]
        return list(rows.find({"import_id": shown["id"], "run": roster["run"]}, comment="faults"))

    def _job(self, listed: Row) -> JobSeen:
        path = f"/batch_processing/jobs/{listed['id']}"
        recipients = Counter(row["state"] for row in self._client.pages(f"{path}/recipients"))
        return JobSeen(self._client.get(path), listed, recipients)

    def _sent(self) -> list[Sent]:
        if self._provider:
            return self._provider.sent()
        lines = (self._product.data_dir / "outbox.jsonl").read_text().splitlines()
        messages = [json.loads(line) for line in lines]
        return [Sent(message["delivery_id"], message["channel"], message["to"]) for message in messages]
