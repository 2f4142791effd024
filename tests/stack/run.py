"""A real Prometheus and Alertmanager with our rules.   tests/stack/run.py BINARY   STACK_INTERVAL=5: seconds between scrapes (1)"""
import os
import sys
import unittest

sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # waiting.py
import stack  # noqa: E402

if __name__ == "__main__":
    stack.BINARY = os.path.abspath(sys.argv[1])
    here = os.path.dirname(os.path.abspath(__file__))
    result = unittest.TextTestRunner(verbosity=2, failfast=False).run(unittest.defaultTestLoader.discover(here))
    sys.exit(not result.wasSuccessful())
