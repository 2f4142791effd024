#!/usr/bin/env python3
"""Inputs that were once read wrongly, or are like such, each with what --once must tell.
   tests/cases.py BINARY [NAME…]      default: all below tests/fixtures/cases
A case is a folder with `tree` (a root as --path.rootfs sees it) and `expect`: comments, and one line each:
   METRIC{label="value",…} VALUE            the sum of the series with these labels; none counts as 0
   METRIC{…} absent                         no such series
   METRIC{…} >= VALUE | <= VALUE            every such series, and there must be one
   METRIC{…} absent-or>= VALUE              every such series, if there is one (also absent-or<=)"""
import os
import re
import subprocess
import sys
import tempfile
import unittest

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures/cases")
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
EXPECTED = re.compile(r"^(\w+)(?:\{(.*?)\})? (absent-or>=|absent-or<=|>=|<=)?\s*(\S+)$")


def once(binary, tree):
    """The samples that it prints: name, labels, value."""
    with tempfile.TemporaryDirectory() as empty:
        command = [binary, "--once", f"--path.rootfs={tree}"]
        # A tree of logs alone must not be given the /proc of this machine.
        command += [f"--path.{name}fs={empty}" for name in ("proc", "sys") if not os.path.isdir(f"{tree}/{name}")]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60)
    found = [SAMPLE.match(line) for line in done.stdout.splitlines() if not line.startswith("#")]
    if not found or done.returncode not in (0, 1):
        raise AssertionError(f"no exposition, exit code {done.returncode}: {done.stderr[-500:]}")
    return [(m[1], dict(LABEL.findall(m[2] or "")), float(m[3])) for m in found if m]


def holds(line, samples):
    """Whether the expected line is true, and what was found."""
    parsed = EXPECTED.match(line)
    if not parsed:
        raise AssertionError(f"what does this line expect? {line}")
    name, labels, relation, wanted = parsed.groups()
    labels = dict(LABEL.findall(labels or ""))
    found = [value for its, has, value in samples if its == name and labels.items() <= has.items()]
    if wanted == "absent":
        return not found, found
    if relation is None:
        return sum(found) == float(wanted), found
    good = all(value >= float(wanted) if ">" in relation else value <= float(wanted) for value in found)
    return good and (bool(found) or "absent" in relation), found


class Cases(unittest.TestCase):
    binary = None

    def case(self, name):
        with open(f"{CASES}/{name}/expect") as file:
            lines = [line.strip() for line in file]
        self.assertTrue(lines[0].startswith("# "), "the first line says what the case is")
        expected = [line for line in lines if line and not line.startswith("#")]
        self.assertTrue(expected, "nothing is expected")
        samples = once(self.binary, f"{CASES}/{name}/tree")
        wrong = [f"{line}: found {found[:6]}" for line in expected for good, found in [holds(line, samples)] if not good]
        self.assertEqual(wrong, [])


for case in sorted(os.listdir(CASES)):
    setattr(Cases, "test_" + case.replace("-", "_"), lambda self, case=case: self.case(case))

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    Cases.binary = os.path.abspath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + ["Cases.test_" + name.replace("-", "_") for name in sys.argv[2:]], verbosity=2)
