"""A real Prometheus and Alertmanager with our rules.   tests/stack/run.py BINARY [test…]   STACK_INTERVAL: seconds between scrapes (1, on the real cluster 5)"""
import os
import sys
import unittest

sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # waiting.py
import stack  # noqa: E402

if __name__ == "__main__":
    stack.BINARY = os.path.abspath(sys.argv[1])
    here = os.path.dirname(os.path.abspath(__file__))
    loader = unittest.defaultTestLoader
    suite = loader.loadTestsFromNames(sys.argv[2:]) if sys.argv[2:] else loader.discover(here)
    result = unittest.TextTestRunner(verbosity=2, failfast=False).run(suite)
    sys.exit(not result.wasSuccessful())
