import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from main import Runtime
from services.accounts.access_repository import LinkRepository
from services.accounts.documents import LinkPurpose, UserStatus
from services.accounts.links import LinkNotValid, OneTimeLinks
from services.accounts.repository import UserRepository
from services.batch_jobs.service import FURTHEST_START
from tests.people import grown
from utils.clock import SystemClock
from utils.scope import Scope

ACTIVATE, RESET = LinkPurpose.ACTIVATE, LinkPurpose.RESET


@pytest.fixture
def links(runtime: Runtime) -> OneTimeLinks:
    return made(runtime)


def made(runtime: Runtime, key: str = "k" * 32) -> OneTimeLinks:
    stored, users = LinkRepository(runtime.store), UserRepository(runtime.store)
    return OneTimeLinks(stored, users, key, "https://x.test", SystemClock())


def now() -> datetime:
    return datetime.now(UTC)


def token(links: OneTimeLinks, purpose: LinkPurpose, user_id: str, nonce: str) -> str:
    return links.url(purpose, user_id, nonce).partition("token=")[2]


def test_a_link_is_the_same_every_time_it_is_made(links: OneTimeLinks) -> None:
    nonces = links.issue_many(ACTIVATE, [("u1", "c1"), ("u2", "c1")])

    urls = {links.url(ACTIVATE, user_id, nonces[user_id]) for user_id in ("u1", "u2") for _ in range(3)}

    assert len(urls) == 2
    assert all(url.startswith("https://x.test/activate?token=") for url in urls)
    assert {len(url.partition("token=")[2]) for url in urls} == {52}
    assert {len(nonce) for nonce in nonces.values()} == {32}


def test_only_the_hash_is_stored(links: OneTimeLinks, db: Any) -> None:
    [nonce] = links.issue_many(RESET, [("u1", None)]).values()

    secret = token(links, RESET, "u1", nonce)
    [row] = db.one_time_links.find({"user_id": "u1"})
    assert row["_id"] == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(row)
    assert nonce not in str(row)


def test_a_token_depends_on_key_purpose_person_and_nonce(links: OneTimeLinks, runtime: Runtime) -> None:
    tokens = {
        token(links, RESET, "u1", "n1"),
        token(links, ACTIVATE, "u1", "n1"),
        token(links, RESET, "u2", "n1"),
        token(links, RESET, "u1", "n2"),
        token(made(runtime, "q" * 32), RESET, "u1", "n1"),
    }

    assert len(tokens) == 5


def test_a_link_is_used_once_and_for_its_purpose(links: OneTimeLinks) -> None:
    secret = token(links, RESET, "u1", links.issue_many(RESET, [("u1", "c1")])["u1"])

    with pytest.raises(LinkNotValid):
        links.consume(ACTIVATE, secret)
    assert links.owner(RESET, secret) == "u1"
    assert links.consume(RESET, secret) == "u1"
    for use in (links.owner, links.consume):
        with pytest.raises(LinkNotValid):
            use(RESET, secret)


def test_a_new_link_ends_the_older_of_the_same_purpose_and_person(links: OneTimeLinks) -> None:
    first = links.issue_many(ACTIVATE, [("u1", "c1"), ("u2", "c1")])
    reset = links.issue_many(RESET, [("u1", "c1")])

    links.issue_many(ACTIVATE, [("u1", "c1")])

    with pytest.raises(LinkNotValid):
        links.consume(ACTIVATE, token(links, ACTIVATE, "u1", first["u1"]))
    assert links.consume(ACTIVATE, token(links, ACTIVATE, "u2", first["u2"])) == "u2"
    assert links.consume(RESET, token(links, RESET, "u1", reset["u1"])) == "u1"


def test_a_link_that_ran_out_holds_anew(links: OneTimeLinks, db: Any) -> None:
    nonces = links.issue_many(ACTIVATE, [("u1", "c1")])
    db.one_time_links.update_many({"user_id": "u1"}, {"$set": {"expires_at": now() - timedelta(days=90)}})

    assert links.renew(ACTIVATE, list(nonces.items())) == {}

    assert links.consume(ACTIVATE, token(links, ACTIVATE, "u1", nonces["u1"])) == "u1"


@pytest.mark.parametrize("end", ["used", "account.activated", "superseded", "no longer kept"])
def test_a_link_that_was_ended_says_why_and_stays_so(links: OneTimeLinks, db: Any, end: str) -> None:
    nonces = links.issue_many(ACTIVATE, [("u1", "c1"), ("u2", "c1")])
    secret = token(links, ACTIVATE, "u1", nonces["u1"])
    match end:
        case "used":
            links.consume(ACTIVATE, secret)
        case "superseded":
            links.issue_many(ACTIVATE, [("u1", "c1")])
        case "no longer kept":
            db.one_time_links.delete_many({"user_id": "u1"})
        case _:
            links.end_all(["u1"], end)

    assert links.renew(ACTIVATE, list(nonces.items())) == {("u1", nonces["u1"]): end}

    with pytest.raises(LinkNotValid):
        links.owner(ACTIVATE, secret)


def test_a_link_holds_until_the_newer_one_goes_out_and_cannot_be_renewed_beyond(
    links: OneTimeLinks, db: Any
) -> None:
    older = links.issue_many(ACTIVATE, [("u1", "c1")])
    old, start = token(links, ACTIVATE, "u1", older["u1"]), now() + timedelta(hours=1)

    newer = links.issue_many(ACTIVATE, [("u1", "c1")], from_at=start)
    before = links.renew(ACTIVATE, list(older.items()))
    owner = links.owner(ACTIVATE, old)
    past = {"superseded_at": now() - timedelta(seconds=1)}
    db.one_time_links.update_many({"user_id": "u1", "superseded_at": {"$ne": None}}, {"$set": past})
    after = links.renew(ACTIVATE, [*older.items(), *newer.items()])

    assert (before, owner) == ({}, "u1")
    assert after == {("u1", older["u1"]): "superseded"}
    with pytest.raises(LinkNotValid):
        links.owner(ACTIVATE, old)
    assert links.consume(ACTIVATE, token(links, ACTIVATE, "u1", newer["u1"])) == "u1"


def test_links_are_kept_for_as_long_as_their_messages_may_be_tried_again(runtime: Runtime, db: Any) -> None:
    kept = db.one_time_links.index_information()["expiry"]["expireAfterSeconds"]

    assert kept >= (FURTHEST_START.days + runtime.settings.job_retention_days) * 24 * 3600


def test_many_are_issued_in_few_commands(links: OneTimeLinks, db: Any) -> None:
    people = [(f"u{number}", "c1") for number in range(500)]

    links.issue_many(ACTIVATE, people)
    nonces = links.issue_many(ACTIVATE, people)

    assert len(set(nonces.values())) == 500
    assert db.one_time_links.count_documents({"user_id": {"$gt": ""}, "ended_at": None}) == 500


@pytest.mark.parametrize("what", ["deactivated", "address changed"])
def test_a_link_that_is_issued_at_the_moment_of_a_change_ends_with_it(
    links: OneTimeLinks, runtime: Runtime, db: Any, what: str
) -> None:
    user, scope = grown(runtime, "r1", email="r1@example.com"), Scope.everything()
    accounts = runtime.services.accounts
    issued: list[str] = []

    def change() -> None:
        if what == "deactivated":
            accounts.set_status(scope, user.id, UserStatus.DEACTIVATED)
        else:
            accounts.change(scope, user.id, name="R", email="new@example.com", mobile_number=None)

    def issue() -> None:
        seen = accounts.get(scope, user.id)
        if not issued:  # the change comes between what this transaction has read and what it writes
            issued.append(what)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(change).result()
        if seen.status is not UserStatus.DEACTIVATED and seen.email == "r1@example.com":
            links.issue_many(ACTIVATE, [(user.id, user.campus_id)])

    runtime.store.atomically(issue)

    assert db.one_time_links.count_documents({"user_id": user.id, "ended_at": None}) == 0
