"""The documents of this repository, and an app that only tells what it consists of: it opens nothing."""

from pathlib import Path

import pytest
from flask import Flask

from config.settings import Settings
from main import create_app


@pytest.fixture(scope="package")
def described(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """An app with the settings that nobody has changed."""
    return create_app(Settings.from_env({"DATA_DIR": str(tmp_path_factory.mktemp("described"))}))


@pytest.fixture
def docs() -> Path:
    """The folder of the documents."""
    return Path(__file__).resolve().parents[2] / "docs"
