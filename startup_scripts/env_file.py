"""Settings in a file, for start scripts: the environment goes before it."""

import os

from dotenv import dotenv_values

from startup_scripts.local_server import ROOT


def env_file() -> dict[str, str]:
    """Return what the file of settings says (``.env``, or the one that ENV_FILE names)."""
    path = os.environ.get("ENV_FILE") or ROOT / ".env"
    return {name: value for name, value in dotenv_values(path).items() if value is not None}
