"""A server of its own whose messages leave through a fake Brevo that calls back."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from config.settings import Settings
from main import Runtime, create_app
from services.migrations import Migrator
from tests.cast import Cast
from tests.conftest import settle
from tests.fakes.brevo_effects import Effect
from tests.fakes.brevo_server import API_KEY, BrevoServer

TOKEN = "webhook-4f1c9a7be2d35806-9c1e7d"
PREVIOUS = "webhook-0b7d2e94c6a81f53-6a2f0b"


@dataclass(frozen=True)
class Mailing:
    """The server, the fake, the people."""

    app: Flask
    brevo: BrevoServer
    cast: Cast
    db: Any

    @property
    def runtime(self) -> Runtime:
        runtime: Runtime = self.app.extensions["versant"]
        return runtime

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def rest(self) -> None:
        """Wait until all background work is done."""
        settle(self.runtime, self.db)

    def tell(self, channel: str, body: Any, token: str = TOKEN, status: int = 204) -> None:
        """Call the webhook of a channel."""
        head = {"Authorization": f"Bearer {token}"}
        reply = self.client.post(f"/webhooks/brevo/{channel}", json=body, headers=head)
        assert reply.status_code == status, reply.get_data(as_text=True)

    def sent(self, job_id: str) -> list[Effect]:
        """Return what really left for a job, as one campus' admin asked for it."""
        ids = {row["_id"] for row in self.db["deliveries"].find({"job_id": job_id})}
        return [effect for effect in self.brevo.effects() if effect.delivery_id in ids]


@contextmanager
def mailing(settings: Settings, looking: Any, folder: Path) -> Iterator[Mailing]:
    """Run such a server over a database of its own."""
    name = f"mailing_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    db = looking.client[name]
    with BrevoServer() as brevo:
        change = {
            "mongodb_uri": settings.mongodb_uri.replace(f"/{looking.name}?", f"/{name}?"),
            "data_dir": folder,
            "brevo_api_key": API_KEY,
            "brevo_api_url": brevo.url,
            "sender_email": "no-reply@example.com",
            "sms_sender": "ACADEMY",
            "webhook_token": TOKEN,
            "webhook_token_previous": PREVIOUS,
        }
        app = create_app(settings.model_copy(update=change))
        app.config["TESTING"] = True
        runtime: Runtime = app.extensions["versant"]
        messages = lambda: [{"to": e.to, "text": e.text} for e in brevo.effects()]  # noqa: E731
        try:
            Migrator(runtime.store.db).run()
            runtime.start()
            yield Mailing(app, brevo, Cast(app, messages), db)
        finally:
            runtime.stop()
            runtime.store.db.client.close()
            looking.client.drop_database(name)
