#!/usr/bin/python3
"""tests/cluster/run.py BINARY [test...]: the exporter on the nodes of real corosync clusters. Root only; needs corosync, pacemaker, rsyslog,
systemd's journald, iptables, iproute2."""
import os
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # waiting.py
import cluster  # noqa: E402
import node  # noqa: E402

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if os.geteuid() != 0:
        print("skip cluster: root only")
        sys.exit(0)
    missing = [name for name in ("corosync", "pacemakerd", "rsyslogd", "iptables", "ip", "unshare", "nsenter") if shutil.which(name) is None]
    if missing:
        sys.exit(f"missing: {' '.join(missing)}")
    if subprocess.run(["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "true"], stderr=subprocess.DEVNULL).returncode:
        print("skip cluster: no namespaces here")
        sys.exit(0)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # unittest goes on after any other exception
    node.BINARY = os.path.abspath(sys.argv[1])
    names = sys.argv[2:]
    loader = unittest.TestLoader()
    here = os.path.dirname(os.path.abspath(__file__))
    suite = loader.loadTestsFromNames(names) if names else loader.discover(here)
    sys.exit(0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1)
