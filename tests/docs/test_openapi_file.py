"""docs/openapi.json: what ``make openapi`` writes, kept up with the routes."""

import json
from pathlib import Path

from flask import Flask
from openapi_spec_validator import validate


def test_it_is_what_the_routes_declare_now(described: Flask, docs: Path) -> None:
    printed = described.test_cli_runner().invoke(args=["openapi"], catch_exceptions=False).stdout

    assert (docs / "openapi.json").read_text(encoding="utf-8") == printed, "run: make openapi"


def test_it_is_valid_openapi(docs: Path) -> None:
    validate(json.loads((docs / "openapi.json").read_text(encoding="utf-8")))
