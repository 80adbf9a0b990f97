"""What a process tells of itself every two seconds, and how it hears what it has to do."""

import logging
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Lock
from typing import Final, TypeAlias

from pymongo.errors import PyMongoError

from services.ports import JSON
from services.processes.documents import BEAT_SECONDS, Command, ProcessState
from services.processes.repository import ProcessRepository
from utils.documents import new_id
from utils.supervisor import Supervisor

logger = logging.getLogger(__name__)

Source: TypeAlias = Callable[[], JSON]
CommandHandler: TypeAlias = Callable[[Mapping[str, JSON]], object]


class Heartbeat:
    """Writes this process's row and does the commands that it finds there, each once.

    A command is taken off the row by the beat after it was done: a reply that is lost loses no command, and
    one that is seen twice is known.
    """

    def __init__(
        self, processes: ProcessRepository, role: str, version: str, missed: Callable[[], object]
    ) -> None:
        """``missed`` is called when a beat could not be written."""
        self.id: Final = new_id()
        self._processes = processes
        self._role, self._version, self._missed = role, version, missed
        self._state = ProcessState.SERVING
        self._sources: dict[str, Source] = {}
        self._handlers: dict[str, CommandHandler] = {}
        self._done: set[str] = set()  # commands that the row may still name
        self._beating = Lock()

    def show(self, name: str, source: Source) -> None:
        """Let ``source`` be asked for the figure called ``name`` at every beat; it has to be quick."""
        self._sources[name] = source

    def on(self, name: str, handler: CommandHandler) -> None:
        """Declare what does commands called ``name``; it has to be quick."""
        self._handlers[name] = handler

    def install(self, supervisor: Supervisor) -> None:
        """Declare the loop."""
        supervisor.add("heartbeat", BEAT_SECONDS, self.tick)

    def tick(self) -> None:
        """Beat, and do what there is to do."""
        with self._beating:
            try:
                row = self._processes.beat(self.id, self._facts(), sorted(self._done))
            except PyMongoError:
                self._missed()
                raise
            self._done &= {command.id for command in row.commands}
            for command in row.commands:
                if command.id not in self._done:
                    self._done.add(command.id)
                    self._do(command)

    def drain(self) -> None:
        """Say that this process takes no more work; a database that is away does not hold it up."""
        self._state = ProcessState.DRAINING
        with suppress(PyMongoError):
            self.tick()

    def leave(self) -> None:
        """Take this process off the list; called when its loops have ended."""
        with suppress(PyMongoError):
            self._processes.remove(self.id)

    def _facts(self) -> Mapping[str, JSON]:
        return {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "parent": os.getppid(),
            "role": self._role,
            "version": self._version,
            "state": str(self._state),
            "figures": {name: _asked(source) for name, source in self._sources.items()},
        }

    def _do(self, command: Command) -> None:
        handler = self._handlers.get(command.name)
        if handler is None:
            logger.warning("no handler for command %s of another version", command.name)
            return
        try:
            handler(command.args)
        except Exception:
            logger.exception("command %s failed", command.name)


def _asked(source: Source) -> JSON:
    try:
        return source()
    except Exception as error:  # a figure that cannot be had must not stop the heart
        return {"error": type(error).__name__}
