"""A real S3-compatible server over HTTP, with one bucket, while the block runs; it can be frozen."""

import os
import signal
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from integrations.s3_files import s3_client
from startup_scripts.child import Child
from startup_scripts.ports import free_port

KEY_ID: Final = "AKIAVERSANTTESTS0000"
SECRET: Final = "a-secret-of-the-tests-0123456789abcdef01"
BUCKET: Final = "versant-tests"
REGION: Final = "us-east-1"
START_SECONDS: Final = 120.0


class S3Server:
    """The server. ``environment`` is what leads the product to it."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "S3_BUCKET": BUCKET,
            "S3_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }
        folder.mkdir(parents=True, exist_ok=True)
        self._child = Child(
            [
                *(sys.executable, "-m", "nanio", "serve", "--no-access-log", "--log-level", "warning"),
                *("--host", "127.0.0.1", "--port", str(self.port), "--data-dir", str(folder / "data")),
            ],
            folder / "s3.log",
            env={**os.environ, "NANIO_ACCESS_KEY": KEY_ID, "NANIO_SECRET_KEY": SECRET},
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.thaw()
        self.stop()

    def start(self) -> None:
        """Return when it answers; its bucket is there."""
        self._child.start()
        client = s3_client(REGION, self.url, KEY_ID, SECRET)
        give_up = time.monotonic() + START_SECONDS
        while True:
            try:
                client.create_bucket(Bucket=BUCKET)
                return
            except client.exceptions.BucketAlreadyOwnedByYou:
                return
            except Exception:
                if time.monotonic() > give_up or self._child.code is not None:
                    raise
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop it, if it runs."""
        self._child.stop(5.0)

    def freeze(self) -> None:
        """Let it hang: it takes connections and answers none."""
        os.kill(self._child.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self._child.code is None:
            os.kill(self._child.pid, signal.SIGCONT)
