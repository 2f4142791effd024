"""The npm packages of package-lock.json: Grafana's types, TypeScript and a plotter. Kept below build/ until the lock file changes."""
import fcntl
import hashlib
import shutil
import subprocess

from dashboards import ROOT

HERE = ROOT / "tests/dashboards"


def packages():
    """The directory whose node_modules has them; they are fetched once."""
    lock = HERE / "package-lock.json"
    directory = ROOT / "build/npm" / hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not (directory / "complete").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, directory)
            subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"], cwd=directory, check=True,
                           stdin=subprocess.DEVNULL, capture_output=True)
            (directory / "complete").touch()
    return directory
