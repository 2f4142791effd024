"""Series of recorded runs: what the binary prints of a recorded machine, and of a corosync log as far as it had been written at that time."""
import functools
import itertools
import os
import re
import shutil
import subprocess
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from mixin import ROOT, RULES

FIXTURES = ROOT / "tests/fixtures"
BINARY = os.environ.get("FENCEWATCH", ROOT / "build/release/fencewatch")
STEP, WINDOW = timedelta(seconds=15), timedelta(minutes=10)
# Of which counters the exporter says by how much they have grown lately, and which series each is the sum of.
RECENT = {
    "zones_short_seconds": r"zones_short_seconds_total",
    "memory_exhausted_seconds": r"memory_exhausted_seconds_total",
    "kswapd_low_hits": r'kswapd_watermark_hits_total\{watermark="low"\}',
    "kswapd_runs": r"kswapd_wakes_total",
    "zones_direct_stalls": r'reclaim_direct_stalls_total\{zone="(?!DMA).*',
    "compaction_failures": r"compaction_failures_total",
    "oom_kills": r"oom_kills_total",
    "oom_global_kills": r'oom_kill_events_total\{constraint="(global|cpuset|mempolicy)"\}',
    "small_allocation_failures": r'page_allocation_failures_total\{order="[0-3]"\}',
} | {f"corosync_{name}": f"corosync_{name}_total" for name in ("pauses", "unable_to_form", "token_warnings", "token_timeouts", "scheduling_misses", "hosts_unreachable", "link_flaps")}
RECENT = {counter: re.compile("fencewatch_" + series) for counter, series in RECENT.items()}
USED = set(re.findall(r"\bfencewatch_\w+", "".join(rule.read_text() for rule in RULES)))


def corosync_log(scenario, node):
    return (FIXTURES / "corosync" / scenario / f"{node}.log").read_text().splitlines(keepends=True)


def when(line):
    """The time of a line of a log file, in some year: only differences are asked for."""
    return datetime.strptime("2000 " + line[:15], "%Y %b %d %H:%M:%S")


def kernel_log(recording):
    """A recorded /dev/kmsg as rsyslog writes it."""
    lines = (FIXTURES / "oom" / f"{recording}.kmsg").read_text().splitlines()
    return "".join(f"Nov 23 08:00:00 n1 kernel: {line.split(';', 1)[1]}\n" for line in lines if ";" in line and not line.startswith(" "))


def printed(root, *flags):
    """{series: value} of what rules and alerts use. The exit code is 1 where a collector has nothing to read, as that of pressure on 4.19."""
    out = subprocess.run([BINARY, "--once", "--log.level=error", f"--path.rootfs={root}", *flags], stdout=subprocess.PIPE, text=True, check=False).stdout
    assert out, f"{BINARY} printed nothing"
    told = dict(line.rsplit(" ", 1) for line in out.splitlines() if re.match(r"\w*", line).group() in USED or any(series.match(line) for series in RECENT.values()))
    told |= {"fencewatch_memory_locked": "1", "fencewatch_process_realtime": "1"}  # as it runs; --once is neither
    return told


def write(root, path, text):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@functools.lru_cache(maxsize=None)
def machine(trees, syslog=""):
    """Of all collectors but corosync's log. The first tree is the machine, the others replace files of it."""
    with tempfile.TemporaryDirectory() as root:
        for tree in trees:
            shutil.copytree(FIXTURES / tree, root, dirs_exist_ok=True)
        write(Path(root), "var/log/syslog", syslog)
        return printed(root, "--no-collector.corosync_log")


@functools.lru_cache(maxsize=None)
def corosync(log):
    with tempfile.TemporaryDirectory() as root:
        write(Path(root), "var/log/cluster/corosync.log", log)
        (Path(root) / "proc").mkdir()
        return printed(root, "--collector.disable-defaults", "--collector.corosync_log")


def recent_increase(told):
    """What the exporter says at the end of these steps (exporter/collect/recent_increase.h); forgets nothing."""
    said = {}
    for counter, series in RECENT.items():
        values = [sum(map(float, found)) for step in told if (found := [value for name, value in step.items() if series.fullmatch(name)])]
        if values and values[-1] != values[0]:
            said[f'fencewatch_recent_increase{{counter="{counter}"}}'] = f"{values[-1] - values[max(0, len(values) - 1 - WINDOW // STEP)]:g}"
    return said


def timeline(labels, steps, memory, lines, start, first):
    """Input series of promtool for one node at every STEP from 0 on. `memory(step)` gives the arguments of machine(); the time `first` of corosync's
    log is at step `start`. A series that the node does not have at some time is absent then."""
    told = []
    for step in range(steps):
        so_far = "".join(line for line in lines if when(line) - first <= (step - start) * STEP)
        told.append({"up": "1", **machine(*memory(step)), **corosync(so_far)})
    for step in range(steps):
        told[step] |= recent_increase(told[:step + 1])
    for name in sorted(set().union(*told)):
        metric, brace, own = name.partition("{")
        runs = ((value, len(list(same))) for value, same in itertools.groupby(step.get(name, "_") for step in told))
        values = " ".join(f"_x{n}" if value == "_" else f"{value}x{n - 1}" for value, n in runs)
        yield {"series": f"{metric}{{{labels}{',' + own if brace else '}'}", "values": values}
