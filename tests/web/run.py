#!/usr/bin/python3
"""tests/web/run.py BINARY [test...]: TLS, users, IPv6 and what floods of connections do to them. Needs openssl and Debian's prometheus."""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
for place in (HERE, os.path.join(HERE, "../http"), os.path.dirname(HERE)):
    sys.path.insert(0, place)
import exporter  # noqa: E402

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    exporter.BINARY = os.path.abspath(sys.argv[1])
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(sys.argv[2:]) if sys.argv[2:] else loader.discover(HERE)
    sys.exit(0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1)
