"""Commands against the server of this machine: shows where it is, or runs ``flask`` with its environment."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from startup_scripts.errors import CannotStart
from startup_scripts.local_environment import running
from startup_scripts.local_server import ROOT
from startup_scripts.superadmin import FILE, kept_superadmin


def main(arguments: Sequence[str]) -> int:
    """Run one command of the application; without arguments, say where the server is and who may enter."""
    data_dir = Path(os.environ.get("DATA_DIR") or ROOT / "data").absolute()
    found = running(data_dir)
    if not arguments:
        return _overview(data_dir, found.get("PUBLIC_URL", ""))
    if not found:
        print(f"No server runs over {data_dir}; start it with: make run", file=sys.stderr)
        return 1
    command = [sys.executable, "-m", "flask", "--app", "main", *arguments]
    return subprocess.call(command, env={**os.environ, **found}, cwd=ROOT)


def _overview(data_dir: Path, url: str) -> int:
    print(f"server      {url or 'does not run; start it with: make run'}")
    try:
        account = kept_superadmin(data_dir / FILE)
        print(f"superadmin  {account.username}  {account.password}")
    except CannotStart:
        print("superadmin  none yet; the first start makes one")
    print('commands    make cli ARGS="--help"')
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
