"""One safe way into Brevo's SDK: bounded in time, no POST repeated by itself, certain where it can be."""

import hashlib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sib_api_v3_sdk
from sib_api_v3_sdk.rest import ApiException
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError

CONNECT_SECONDS: Final = 3.0
CONNECTIONS: Final = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """What Brevo said, whatever the status."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer. ``certain``: the request never left, so Brevo has nothing of it."""

    reason: str
    certain: bool


class BrevoClient:
    """A configured SDK client. One serves every channel and thread; at most ``connections`` are kept open."""

    def __init__(
        self, api_key: str, url: str, timeout_seconds: float, connections: int = CONNECTIONS
    ) -> None:
        configuration = sib_api_v3_sdk.Configuration()
        _unhook_logging(configuration)
        configuration.api_key["api-key"] = api_key
        configuration.host = url.rstrip("/")
        configuration.connection_pool_maxsize = connections
        self._seconds = timeout_seconds
        self.account = hashlib.sha256(api_key.encode()).hexdigest()[:12]
        self.sdk = sib_api_v3_sdk.ApiClient(configuration)
        # The pool's own default is three retries; a redirect, too, would be a second POST.
        self.sdk.rest_client.pool_manager.connection_pool_kw["retries"] = False

    def call(
        self, method: Callable[..., Any], *args: object, seconds: float | None = None
    ) -> Answer | Silence:
        """Call one SDK method and tell what came back; never raises for what the network did.

        ``seconds`` is less patience than usual.
        """
        patience = min(seconds or self._seconds, self._seconds)
        try:
            # Without preloading, since the SDK's models raise on a 2xx body that lacks a field they expect.
            # The timeout is a pair, since the SDK drops a single float in silence.
            timeout = (min(CONNECT_SECONDS, patience), patience)
            response = method(*args, _request_timeout=timeout, _preload_content=False)
            return _answer(response.status, response.headers, response.data)
        except ApiException as error:
            if error.status:
                return _answer(error.status, error.headers or {}, error.body)
            return _broken_tls(error)
        except (NewConnectionError, ConnectTimeoutError) as error:
            return Silence(_name(error), certain=True)
        except ReadTimeoutError:
            return Silence("no answer in time", certain=False)
        except Exception as error:  # after the first byte has left, anything at all may have arrived
            return Silence(_name(error), certain=False)


def _answer(status: int, headers: Mapping[str, str], body: bytes | None) -> Answer:
    return Answer(status, {name.lower(): value for name, value in headers.items()}, body or b"")


def _broken_tls(error: ApiException) -> Silence:
    cause: BaseException | None = error
    while cause is not None:
        if any(isinstance(part, ssl.SSLCertVerificationError) for part in (cause, *cause.args)):
            return Silence(
                "its certificate is not trusted", certain=True
            )  # the handshake comes before the request
        cause = cause.__context__
    return Silence("the TLS connection broke", certain=False)


def _name(error: Exception) -> str:
    # Only the kind: the text of an error may hold what was sent.
    return {
        "NewConnectionError": "connection refused",
        "NameResolutionError": "its name cannot be resolved",
        "ConnectTimeoutError": "no connection in time",
        "ProtocolError": "the connection was dropped",
    }.get(type(error).__name__, type(error).__name__)


def _unhook_logging(configuration: Any) -> None:
    # Every configuration of the SDK hangs its own handler on two loggers; logging is the server's affair.
    for logger in configuration.logger.values():
        logger.removeHandler(configuration.logger_stream_handler)
