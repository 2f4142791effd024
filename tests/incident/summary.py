#!/usr/bin/env python3
"""What was seen in the guests.   summary.py FOLDER: of tests/incident/run.sh. Times are seconds from the start of the load."""
import re
import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/alerts"))
from recorded import USED  # noqa: E402
from replay import INTERVAL, first_levels  # noqa: E402

BLOCK = 4096
MEMORY_HALF = ("zone", "oom", "reclaim", "fragmentation", "pressure")
LATE = 3.0  # seconds that a program is late which might have been needed


def records(path):
    """(type, begun, ended, body)"""
    with path.open("rb") as file:
        while (head := file.read(BLOCK)).startswith(b"@@ "):
            kind, begun, _, ended, size = head.split(b"\n", 1)[0].split()[1:]
            body = file.read(-(-int(size) // BLOCK) * BLOCK)
            yield kind.decode(), float(begun), float(ended), body[:int(size)]


def exposition(body):
    head, _, text = body.partition(b"\r\n\r\n")
    text = zlib.decompress(text, 31) if b"ncoding: gzip" in head else text
    return dict(line.rsplit(" ", 1) for line in text.decode().splitlines() if line and not line.startswith("#"))


def zones(text):
    """(free, min) of each zone but DMA; of zones without memory (0, min)."""
    found, name = [], ""
    for line in text.splitlines():
        words = line.split()
        if line.startswith("Node"):
            name = words[-1]
        elif line.startswith("  pages free") and name != "DMA":
            found.append([int(words[-1]), 0])
        elif words[:1] == ["min"] and name != "DMA" and found:
            found[-1][1] = int(words[1])
    return found


class Run:
    def __init__(self, folder):
        console = (folder / "console.log").read_text(errors="replace")
        phases = {phase: float(at) for at, phase in re.findall(r"INCIDENT: ([\d.]+) (fill|load|growth|oom kill)", console)}
        self.begin = phases["load"]
        kills = [float(at) for at in re.findall(r"\[ *([\d.]+)\] Out of memory: Killed process", console)]
        self.kill = min(kills) - self.begin if kills else None
        self.scrapes, self.free, self.rounds = [], [], {}
        for kind, begun, ended, body in records(folder / "record"):
            if kind == "S":
                self.scrapes.append((begun, ended, exposition(body) if body else None))
            elif kind == "P":
                proc, _, late = body.decode(errors="replace").partition("== late\n")
                self.free.append((begun, zones(proc)))
                for name, at, by in re.findall(r"LATE (\w+) ([\d.]+) ([\d.]+)", late):
                    self.rounds.setdefault(name, []).append((float(at), float(by)))
        self.end = max(self.free)[0]

    def hung(self, name):
        """When the program was first 3 s late, which it may have been to the end of the record."""
        rounds = self.rounds.get(name, [])
        times = [at - by + LATE for at, by in rounds if by > LATE]
        times += [rounds[-1][0] + LATE] if rounds and self.end - rounds[-1][0] > LATE + 1 else []
        return min(times) - self.begin if times else None

    def levels(self):
        start = self.scrapes[0][0]
        rows = {}
        for second in range(int(self.scrapes[-1][0] - start) + 1):
            at = start + second
            answer = next((told for begun, ended, told in self.scrapes if begun >= at - 0.5 and ended <= at + 10 and told), None)
            rows[second] = answer and {key: value for key, value in answer.items() if re.match(r"\w+", key).group() in USED}
        return {level: sorted(second + start - self.begin for second in offsets.values()) for level, offsets in first_levels("guest", rows).items()}

    def under_load(self):
        return [one for one in self.scrapes if one[0] >= self.begin and (self.kill is None or one[0] < self.begin + self.kill)]

    def answered(self):
        scrapes = self.under_load()
        took = sorted(ended - begun for begun, ended, told in scrapes if told)
        return f"{sum(t <= 1 for t in took)} of {len(scrapes)}, longest {took[-1]:.2f} s" if took else f"0 of {len(scrapes)}"

    def collectors_down(self):
        down = {key for _, _, told in self.under_load() if told for key in MEMORY_HALF if told.get(f'fencewatch_collector_up{{collector="{key}"}}', "1") != "1"}
        return ", ".join(sorted(down)) or "none"

    def first_word(self):
        """When /proc first showed memory short (read every half second; what is reserved for phantom pages not known), and the first scrape that said so."""
        due = next((sum(float(value) for key, value in told.items() if key.startswith("fencewatch_zone_expected_watermark_pages")
                        and 'zone="DMA"' not in key and 'watermark="min"' in key) for _, _, told in self.scrapes if told), 0)
        dip = next((at for at, read in self.free if sum(free for free, _ in read) < due and any(0 < free < least for free, least in read)), None)
        said = next((ended for _, ended, told in self.scrapes if told and float(told.get("fencewatch_zones_short_seconds_total", 0)) > 0), None)
        return None if dip is None or said is None else (dip - self.begin, said - self.begin)

    def forecasts(self):
        """(told, true within a factor of two) up to when memory was first short."""
        met = next((begun for begun, _, told in self.scrapes if told and float(told.get("fencewatch_zones_short_seconds_total", 0)) > 0), None)
        told = [(begun, float(values["fencewatch_memory_seconds_to_min"])) for begun, _, values in self.scrapes
                if values and "fencewatch_memory_seconds_to_min" in values and (met is None or begun < met)]
        return len(told), sum(met is not None and seconds / 2 <= met - begun <= 2 * seconds for begun, seconds in told)


    def aims(self, books, levels):
        """(what is asked for, whether it was so)"""
        scrapes = self.under_load()
        yield "every scrape is answered within 1 s", all(told and ended - begun <= 1 for begun, ended, told in scrapes)
        yield "all collectors of memory are up", self.collectors_down() == "none"
        late = min((at for at in (self.hung("plain"), self.kill) if at is not None), default=None)
        if books == "right":
            exhausted = (self.first_word() or [self.end])[0]
            early = [at for at in levels.get(2, []) if at < exhausted]
            yield "no distress before memory is exhausted", not early
        else:
            yield "the guest ran out of memory", late is not None
            for level, lead in ((2, 30), (3, 15)) if books == "wrong" else ((2, 30),):
                told = levels.get(level, [])
                yield f"level {level} at least {lead} s before", late is not None and len(told) == INTERVAL and told[-1] <= late - lead


def seconds(value):
    return "never" if value is None else f"{value:+.0f}"


def span(values):
    if not values:
        return "never"
    return f"{seconds(values[0])} to {seconds(values[-1])}" + ("" if len(values) == INTERVAL else f" ({len(values)} of {INTERVAL} offsets)")


def main():
    runs = {folder.name: Run(folder) for folder in sorted(Path(sys.argv[1]).iterdir()) if (folder / "console.log").exists() and (folder / "record").exists()}
    levels = {name: run.levels() for name, run in runs.items()}
    rows = [("watermarks",) + tuple(runs)]
    for level in (1, 2, 3):
        rows.append((f"level {level}, of 15 offsets of a scrape every 15 s",) + tuple(span(levels[name].get(level)) for name in runs))
    rows.append(("scrapes answered within 1 s",) + tuple(run.answered() for run in runs.values()))
    rows.append(("collectors of memory that were down",) + tuple(run.collectors_down() for run in runs.values()))
    for name, what in (("engine", "real-time and locked"), ("unlocked", "real-time"), ("plain", "locked")):
        rows.append((f"a program that is {what} is 3 s late",) + tuple(seconds(run.hung(name)) for run in runs.values()))
    rows.append(("first OOM kill",) + tuple(seconds(run.kill) for run in runs.values()))
    rows.append(("memory short in /proc; first scrape that says so",) + tuple(
        "never" if run.first_word() is None else "{:+.1f}; {:+.1f}".format(*run.first_word()) for run in runs.values()))
    rows.append(("forecasts told; true within a factor of two",) + tuple("{}; {}".format(*run.forecasts()) for run in runs.values()))
    rows.append(("recorded until",) + tuple(seconds(run.end - run.begin) for run in runs.values()))
    for number, row in enumerate(rows):
        print("| " + " | ".join(row) + " |")
        if number == 0:
            print("|---" * len(row) + "|")
    missed = 0
    for name, run in runs.items():
        for aim, reached in run.aims(name, levels[name]):
            print("ok" if reached else "FAIL", f"{name}: {aim}")
            missed += not reached
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
