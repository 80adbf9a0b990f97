"""Say why the settings in the environment make no server: ``python -m config``."""

import os
import sys

from config.settings import Settings, SettingsError


def main() -> int:
    """Print a line for each fault; return 78 where there is one."""
    try:
        Settings.from_env()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return os.EX_CONFIG
    return 0


if __name__ == "__main__":
    sys.exit(main())
