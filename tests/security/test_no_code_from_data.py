"""No byte that comes from outside becomes code, an object of its own choice, or a weak digest."""

import ast
import json
import pickle
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from redis import Redis
from socketio import Server

from integrations.redis_bus import CHANNEL, RedisBus
from integrations.redis_live import RedisLive
from tests.docs.evidence import ROOT
from tests.own_redis import OwnRedis
from tests.waiting import until
from utils.clock import SystemClock

PRODUCT: Final = ("assembly", "commands", "config", "integrations", "routes", "services", "utils")
RUNS: Final = frozenset({"eval", "exec", "compile", "__import__", "render_template_string"})
REVIVES: Final = frozenset({"pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle", "yaml"})
SHELLS: Final = frozenset({"system", "popen", "getoutput", "getstatusoutput"})
WEAK: Final = frozenset({"md5", "sha1"})


@cache
def nodes() -> Sequence[tuple[str, ast.AST]]:
    """Return every import, call and argument of the product, and the file in which it stands."""
    paths = [*ROOT.glob("*.py"), *(path for name in PRODUCT for path in (ROOT / name).rglob("*.py"))]
    return [
        (path.relative_to(ROOT).as_posix(), node)
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Call | ast.keyword)
    ]


def found(looks_bad: Callable[[ast.AST], bool]) -> list[str]:
    """Return where something looks bad."""
    return [f"{path}: {ast.unparse(node)}" for path, node in nodes() if looks_bad(node)]


def test_nothing_runs_what_data_say() -> None:
    assert found(_runs) == []


def test_nothing_revives_objects_that_data_choose() -> None:
    assert found(lambda node: imports(node, REVIVES)) == []


def test_no_weak_hash_is_used() -> None:
    assert found(lambda node: _calls(node, WEAK) or imports(node, WEAK)) == []


class Bomb:
    """What unpickling would do: leave a mark."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._mark,)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with OwnRedis() as own:
        yield own.url


@pytest.fixture
def redis(address: str) -> Iterator[Redis]:
    """The Redis of some processes, for somebody who got in."""
    with Redis.from_url(address) as client:
        yield client


def test_what_processes_tell_each_other_over_redis_is_json(redis: Redis, address: str) -> None:
    bus, live = RedisBus(address, SystemClock()), RedisLive(address)
    Server(client_manager=live, async_mode="threading")
    heard: list[bytes] = []
    with redis.pubsub(ignore_subscribe_messages=True) as subscription:  # type: ignore[no-untyped-call]
        subscription.subscribe(CHANNEL, live.channel)
        subscription.get_message(timeout=1.0)
        bus.publish("rights", {"user_id": "a"})
        bus.send()
        live.emit("batch_job:progress", {"id": "a"}, namespace="/", room="batch_job:a")

        def both() -> bool:
            message = subscription.get_message(timeout=0.5)
            heard.extend([message["data"]] if message else [])
            return len(heard) == 2

        until(both, "both messages", seen=lambda: heard)

    assert all(json.loads(said) for said in heard)


def test_a_pickle_on_a_channel_is_not_opened_and_the_next_word_is_heard(
    redis: Redis, address: str, tmp_path: Path
) -> None:
    bus, live = RedisBus(address, SystemClock()), RedisLive(address)
    server = Server(client_manager=live, async_mode="threading")
    heard: list[Any] = []
    server.manager.initialize()  # begins to listen
    bus.subscribe("rights", heard.append)
    bus.listen()
    mark = tmp_path / "opened"
    bombs: Sequence[bytes] = [pickle.dumps(Bomb(mark), protocol) for protocol in (0, 2, 5)]

    for bomb in bombs:
        redis.publish(CHANNEL, bomb)
        redis.publish(live.channel, bomb)
    redis.publish(CHANNEL, json.dumps(["another", "rights", {"user_id": "a"}]))

    def next_word() -> bool:
        bus.listen()
        return bool(heard)

    until(next_word, "the next word")

    assert heard == [{"user_id": "a"}]
    assert not mark.exists()
    assert pickle.loads(bombs[0]) is None  # it would have gone off
    assert mark.exists()


def _runs(node: ast.AST) -> bool:
    if isinstance(node, ast.keyword) and node.arg == "shell":
        return True
    in_shell = _calls(node, SHELLS) and _owner(node) in ("os", "subprocess")
    return in_shell or (_calls(node, RUNS) and _owner(node) in ("", "builtins", "flask"))


def imports(node: ast.AST, names: frozenset[str]) -> bool:
    """Tell whether a node imports one of these modules, or something so called from one."""
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return False
    modules = [name.name for name in node.names] + [getattr(node, "module", None) or ""]
    return any(module.partition(".")[0] in names for module in modules)


def _calls(node: ast.AST, names: frozenset[str]) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    return getattr(called, "attr", getattr(called, "id", "")) in names


def _owner(node: ast.AST) -> str:
    called = node.func if isinstance(node, ast.Call) else node
    return getattr(called.value, "id", "?") if isinstance(called, ast.Attribute) else ""
