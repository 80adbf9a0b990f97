"""FileStore in a bucket of S3 or a server that speaks its protocol. Bytes go past us, by presigned links."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from services.ports import FileLink, Health
from utils.clock import Clock
from utils.problems import Unavailable
from utils.resilient_services import Breaker

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CONNECT_SECONDS: Final = 2.0
READ_SECONDS: Final = 10.0
TRIES: Final = 3  # by the SDK, 1-2-4 s with full jitter, for what is safe to repeat: all that we ask
SEATS: Final = 10
SEAT_SECONDS: Final = 1.0
MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound"})
T = TypeVar("T")


def s3_client(region: str, endpoint_url: str, key_id: str, secret: str) -> "S3Client":
    """Return a client with a bound on every wait; without a key it looks where AWS's tools do."""
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": TRIES},
        max_pool_connections=SEATS,
        signature_version="s3v4",
        s3={"addressing_style": "path" if endpoint_url else "auto"},
    )
    session = boto3.session.Session(aws_access_key_id=key_id or None, aws_secret_access_key=secret or None)
    return session.client("s3", region_name=region or None, endpoint_url=endpoint_url or None, config=config)


class S3Files:
    """Keeps files in one bucket. At most ``SEATS`` calls wait for it at once, also while it hangs."""

    def __init__(self, client: "S3Client", bucket: str, breaker: Breaker, clock: Clock) -> None:
        self._client, self._bucket = client, bucket
        self._breaker, self._clock = breaker, clock
        self._seats = BoundedSemaphore(SEATS)

    def put(self, key: str, content: bytes) -> None:
        """Store a file; S3 answers once it is durable."""
        self._call(lambda: self._client.put_object(Bucket=self._bucket, Key=key, Body=content))

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """Lend a copy, which is gone when the block ends."""
        with tempfile.TemporaryDirectory(prefix="versant-file-") as folder:
            path = Path(folder) / "content"
            self._found(key, lambda: self._client.download_file(self._bucket, key, str(path)))
            yield path

    def size(self, key: str) -> int | None:
        """Return how many bytes a file has."""
        try:
            head = self._found(key, lambda: self._client.head_object(Bucket=self._bucket, Key=key))
        except FileNotFoundError:
            return None
        return int(head["ContentLength"])

    def beginning(self, key: str, length: int) -> bytes:
        """Return the first bytes of a file."""

        def read() -> bytes:
            # not as a range: some servers refuse one that is longer than the file
            with closing(self._client.get_object(Bucket=self._bucket, Key=key)["Body"]) as body:
                return body.read(length)

        return self._found(key, read)

    def move(self, source: str, target: str) -> None:
        """Copy within the bucket, then remove; dying between the two leaves the copy, and a rest to sweep."""
        place = {"Bucket": self._bucket, "Key": source}
        self._found(
            source,
            lambda: self._client.copy_object(Bucket=self._bucket, Key=target, CopySource=place),  # type: ignore[arg-type]
        )
        self.delete(source)

    def delete(self, key: str) -> None:
        """Remove a file."""
        self._call(lambda: self._client.delete_object(Bucket=self._bucket, Key=key))

    def keys_before(self, prefix: str, before: datetime) -> Iterator[str]:
        """Yield the keys of old files, page by page."""
        token: str | None = None
        while True:
            more = {"ContinuationToken": token} if token else {}
            page = self._call(
                lambda more=more: self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, **more)  # type: ignore[misc]
            )
            for found in page.get("Contents", ()):
                if found["LastModified"] < before:
                    yield found["Key"]
            token = page.get("NextContinuationToken")
            if not token:
                return

    def upload_link(self, key: str, content_type: str, size: int, seconds: int) -> FileLink:
        """Return a presigned link: type and length are part of what is signed."""
        wanted = {"ContentType": content_type, "ContentLength": size}
        headers = {"Content-Type": content_type, "Content-Length": str(size)}
        return self._link("put_object", "PUT", key, wanted, headers, seconds)

    def download_link(self, key: str, name: str, content_type: str, /, seconds: int) -> FileLink:
        """Return a presigned link; the bucket is told to send it as an attachment of this name and type."""
        wanted = {
            "ResponseContentDisposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "ResponseContentType": content_type,
        }
        return self._link("get_object", "GET", key, wanted, {}, seconds)

    def check(self) -> Health:
        """Ask for the bucket, outside the breaker; any answer lets an open breaker probe at once."""
        said = "answers"
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            said = f"answered {_status(error)}"
            if _status(error) >= 500:
                return Health("s3", False, said)
        except (BotoCoreError, OSError) as error:
            return Health("s3", False, f"does not answer ({type(error).__name__})")
        self._breaker.try_now()
        return Health("s3", said == "answers", said)

    def status(self) -> dict[str, str | int | float]:
        """Return the breaker's state for people."""
        return self._breaker.status()

    def _link(
        self,
        operation: str,
        method: str,
        key: str,
        wanted: Mapping[str, object],
        headers: Mapping[str, str],
        seconds: int,
    ) -> FileLink:
        params = {"Bucket": self._bucket, "Key": key, **wanted}
        url = self._client.generate_presigned_url(operation, Params=params, ExpiresIn=seconds)
        return FileLink(method, url, headers, self._clock.now() + timedelta(seconds=seconds))

    def _found(self, key: str, call: Callable[[], T]) -> T:
        try:
            return self._call(call)
        except ClientError as error:
            if _code(error) in MISSING:
                raise FileNotFoundError(key) from None
            raise

    def _call(self, call: Callable[[], T]) -> T:
        if not self._breaker.allow():
            raise Unavailable("The file storage does not answer.", retry_after=self._breaker.retry_after())
        if not self._seats.acquire(timeout=SEAT_SECONDS):
            self._breaker.succeeded()  # nothing was asked of it
            raise Unavailable("The file storage is busy.", retry_after=SEAT_SECONDS)
        try:
            result = call()
        except ClientError as error:
            self._answered(error)
            raise
        except (BotoCoreError, OSError) as error:
            self._breaker.failed(type(error).__name__)
            raise Unavailable("The file storage does not answer.", retry_after=1) from None
        finally:
            self._seats.release()
        self._breaker.succeeded()
        return result

    def _answered(self, error: ClientError) -> None:
        """Note an error that came as an answer: its own fault (5xx), or a refusal, so that it is there."""
        if (status := _status(error)) >= 500:
            self._breaker.failed(f"answered {status}")
            raise Unavailable("The file storage does not answer.", retry_after=1) from None
        self._breaker.succeeded()
        if _code(error) not in MISSING:
            raise Unavailable(f"The file storage refuses: {_code(error)}.", retry_after=60) from None


def _status(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
