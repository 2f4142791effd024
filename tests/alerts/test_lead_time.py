"""The risk of nodes that ran out of memory while they were recorded, by time. What a scrape at each second would have said is in
tests/fixtures/lead-time/said/."""
import unittest

from recorded import FIXTURES
from replay import LEVEL, case, first_levels, promtool

# Of an OOM kill that no memory cgroup asked for the kernel's log tells as well; there was no other in these runs.
SAME = {"oom_kills": "oom_global_kills"}


def said(name):
    """{second: {series: value}, or None where it was not answered}, the first at 0; and when the load began."""
    rows = {}
    start = None
    for line in (FIXTURES / f"lead-time/said/{name}.txt").read_text().splitlines():
        time, answered, *values = line.split()
        start = float(time) if start is None else start
        told = {}
        for value in values:
            key, _, number = value.partition("=")
            for counter in [key, SAME[key]] if key in SAME else [key]:
                told[counter if counter.startswith("fencewatch_") else f'fencewatch_recent_increase{{counter="{counter}"}}'] = number
        rows[round(float(time) - start)] = told if answered == "answered=1" else None
    return rows, -start


def ever(series, name):
    return f'max(max_over_time({series}{{run="{name}"}}[10m]))'


class LeadTime(unittest.TestCase):
    def check(self, name, *checks):
        rows, begin = said(name)
        good, told = promtool(case(name, rows, [(round(begin + second), query, value) for second, query, value in checks]))
        self.assertTrue(good, told)

    def test_a_miscounted_node_is_told_before_it_hangs(self):
        """The first program that is not real-time hung at 82 s: level 2 comes at least 30 s before, level 3 at least 15 s, of the fifteen offsets at the worst."""
        for name in ("miscounted", "miscounted-realtime"):
            self.check(name, (0, ever(LEVEL, name), 1), (52, f'count({LEVEL}{{run="{name}"}} >= 2)', 15), (52, f'count({LEVEL}{{run="{name}"}} == 3)', 15))

    def test_a_reserve_for_phantom_pages_is_told_before_the_oom_kill(self):
        """It came at 79 s."""
        name = "miscounted-reserve"
        self.check(name, (0, ever(LEVEL, name), 1), (49, f'count({LEVEL}{{run="{name}"}} >= 2)', 15), (64, f'count({LEVEL}{{run="{name}"}} == 3)', 15))

    def test_right_watermarks_are_in_distress_when_memory_is_exhausted_and_not_before(self):
        """Less than is due was free from 73 s on; dips of single zones came before."""
        distress = "instance:fencewatch_memory_distress:bool"
        for name in ("healthy", "healthy-realtime"):
            self.check(name, (72, ever(distress, name), 0), (72, ever(LEVEL, name), 0))
        self.check("healthy-realtime", (145, f'count({LEVEL}{{run="healthy-realtime"}} == 3)', 15))

    def test_times_are_told_for_every_offset(self):
        rows, begin = said("miscounted")
        first = first_levels("miscounted", rows)
        self.assertEqual({level: len(offsets) for level, offsets in first.items()}, {1: 15, 2: 15, 3: 15})
        self.assertTrue(all(0 < second - begin < 52 for second in first[3].values()), first)


if __name__ == "__main__":
    unittest.main()
