"""Fixtures: a folder in memory for a whole product, gone afterwards, and a provider."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import fast_disk


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for one product. What processes lose when they are killed is the same on any disk."""
    folder = Path(tempfile.mkdtemp(prefix="versant-faults-", dir=fast_disk()))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
