"""The real application with URLs that make a worker big, busy or stuck, or whose jobs never return."""

import os
import time
from threading import Event

from flask import Flask

from assembly import runtime
from main import create_app as create_real_app
from services.ports import Queue

vars(runtime)["DRAIN_SECONDS"] = 4.0  # whoever waits for what never returns has waited long enough


def create_app() -> Flask:
    app = create_real_app()
    eaten: list[bytearray] = []

    @app.get("/eat/<int:mib>")
    def eat(mib: int) -> str:
        eaten.append(bytearray(os.urandom(1024)) * 1024 * mib)
        return str(os.getpid())

    @app.get("/slow/<float:seconds>")
    def slow(seconds: float) -> str:
        time.sleep(seconds)
        return str(os.getpid())

    @app.get("/stick")
    def stick() -> str:
        supervisor = app.extensions["versant"].supervisor
        clock = app.extensions["versant"].monitor._clock
        supervisor.add("sticky", 60.0, lambda: time.sleep(60)).start(clock, supervisor._stopping)
        return str(os.getpid())

    @app.get("/hang")
    def hang() -> str:
        engine = app.extensions["versant"].engine
        engine.handle("hang", lambda lease: Event().wait(), lambda args, reason: None)
        engine.submit("hang", {}, queue=Queue.FILES, key=f"hang-{os.getpid()}")
        return str(os.getpid())

    return app
