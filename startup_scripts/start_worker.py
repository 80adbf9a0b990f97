"""Start processes that run jobs and serve nobody: ``start_worker.py [--port N] [--processes N] …``.

Old Pythons must be able to read this file: it tells them that they are too old.
"""

import importlib
import sys
from pathlib import Path

if not __package__:  # started by its path: then Python looks beside this file, not in the repository
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from startup_scripts.machine import refusal, this_machine


def main() -> str:
    """Become the workers' process; return why this is not possible."""
    reason = refusal(this_machine())
    if reason:
        return reason
    try:
        worker = importlib.import_module("startup_scripts.worker")  # now: it needs what was just checked
    except ModuleNotFoundError as error:
        return f"The package {error.name} is not installed here. Run: make install"
    return str(worker.main())


if __name__ == "__main__":
    sys.exit(main())
