"""Numbers and names that the whole system agrees on and that nobody needs to set."""

from typing import Final

PAGE_LIMIT: Final = 50
PAGE_LIMIT_MAX: Final = 200

MAX_BODY_BYTES: Final = 512 * 1024
MAX_UPLOAD_BYTES: Final = 10 * 1024 * 1024
MAX_BODY_KEYS: Final = 2_000
MAX_URL_BYTES: Final = 4 * 1024
MAX_HEADER_BYTES: Final = 16 * 1024
# A batch of 500 events: Brevo throws away what is refused, so a batch must never be refused for its size.
MAX_WEBHOOK_BYTES: Final = 2 * 1024 * 1024
MAX_WEBHOOK_KEYS: Final = 50_000

ROSTER_MAX_ROWS: Final = 20_000
ROSTER_MAX_COLUMNS: Final = 50
ROSTER_CHUNK: Final = 500
TAKEN_ELSEWHERE_PER_HOUR: Final = 200

ACTIVATION_HOURS: Final = 72
RESET_MINUTES: Final = 30

TEMPLATE_TESTS_PER_HOUR: Final = 20

LIVE_EVENTS_PER_SECOND: Final = 5
MAX_SOCKETS_PER_USER: Final = 5
SOCKET_MESSAGE_BYTES: Final = 64 * 1024
