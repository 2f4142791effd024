#!/usr/bin/python3
"""tests/events/run.py BINARY [test...]: real logs. A process killed by this kernel, a journald, an rsyslogd with logrotate, kill -9. Root
only; needs systemd's journald, rsyslog, logrotate and util-linux."""
import os
import shutil
import sys
import unittest

here = os.path.dirname(os.path.abspath(__file__))
sys.path[0:0] = [here, os.path.dirname(here), os.path.join(os.path.dirname(here), "http")]  # waiting.py, exporter.py
import exporter  # noqa: E402

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if os.geteuid() != 0:
        print("skip events: root only")
        sys.exit(0)
    missing = [name for name in ("rsyslogd", "logrotate", "unshare", "logger", "journalctl", "setpriv") if shutil.which(name) is None]
    if missing:
        sys.exit(f"missing: {' '.join(missing)}")
    exporter.BINARY = os.path.abspath(sys.argv[1])
    names = sys.argv[2:]
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(names) if names else loader.discover(here)
    sys.exit(0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1)
