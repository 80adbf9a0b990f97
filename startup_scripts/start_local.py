"""Start everything on this machine: ``start_local.py [--port N] [--data-dir DIR] [--no-sample] …``.

Old Pythons must be able to read this file: it tells them that they are too old.
"""

import importlib
import sys
from pathlib import Path

if not __package__:  # started by its path: then Python looks beside this file, not in the repository
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from startup_scripts.machine import refusal, this_machine


def main() -> int:
    """Return the exit code; the reason for any but 0 has been said."""
    reason = refusal(this_machine())
    if reason:
        print(reason, file=sys.stderr)
        return 1
    try:
        stack = importlib.import_module("startup_scripts.local_stack")  # now: it needs what was just checked
    except ModuleNotFoundError as error:
        print(f"The package {error.name} is not installed here. Run: make install", file=sys.stderr)
        return 1
    return int(stack.main())


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # before anything was started
        sys.exit(0)
