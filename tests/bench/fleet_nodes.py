#!/usr/bin/python3
"""The expositions of N simulated nodes for fleet.sh: all are members of a quiet cluster, every tenth is miscounted, and in these and three of ten others memory was
short lately and memory cgroups killed.

    fleet_nodes.py serve PORT DIRECTORY                      /metrics?node=I, two recordings in DIRECTORY: healthy, miscounted
    fleet_nodes.py push URL DIRECTORY NODES REGEX SECONDS    the metrics of these nodes that match, as they would have been SECONDS long, to a Prometheus

What is sent is made once for each 15 seconds: counters of a busy machine go up, free memory moves, events stay where they are.
"""
import asyncio
import functools
import re
import struct
import sys
import time
import urllib.request
from pathlib import Path

INTERVAL = 15
MOVING = re.compile(r"^(fencewatch_(zone_free_pages|zone_stat_pages|node_stat_pages|zone_free_blocks|page_cache_pages|kswapd_\w+|reclaim_(scanned|stolen)\w+"
                    r"|major_page_faults_total|refaults_total|pressure_\w+|collector_duration_seconds|http_\w+)|process_cpu_seconds_total)\b")
# What a member of a quiet cluster says besides.
MEMBER = Path(__file__).with_name("quiet_member.prom")
# What was short of memory says as well.
SHORT = "".join(f'fencewatch_recent_increase{{counter="{counter}"}} 3\n' for counter in ("zones_direct_stalls", "compaction_failures", "oom_kills"))


class Exposition:
    def __init__(self, path, more=""):
        told = {}
        for text in (Path(path).read_text(), MEMBER.read_text(), more):
            told |= {line.rsplit(" ", 1)[0]: line for line in text.splitlines() if line and not line.startswith("#")}
        lines = list(told.values())
        # Series, first value, and what it gains in a tick.
        self.series = [(*line.rsplit(" ", 1), 1 + number % 7 if MOVING.match(line) else 0) for number, line in enumerate(lines)]
        self.made = None

    def at(self, tick):
        if self.made is None or self.made[0] != tick:
            body = "".join(f"{name} {value if step == 0 else format(float(value) + tick % 1000 * step, '.10g')}\n" for name, value, step in self.series).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            self.made = (tick, head + body)
        return self.made[1]


def expositions(directory):
    return [Exposition(f"{directory}/miscounted", SHORT), Exposition(f"{directory}/healthy", SHORT), Exposition(f"{directory}/healthy")]


def kind_of(node):
    return 0 if node % 10 == 0 else 1 if node % 10 < 4 else 2


async def serve(port, directory):
    kinds = expositions(directory)

    async def answer(reader, writer):
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(kinds[kind_of(int(re.search(rb"node=(\d+)", request).group(1)))].at(int(time.time() / INTERVAL)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", int(port), backlog=4096) as server:
        await server.serve_forever()


# Remote write 1.0: protobuf of WriteRequest, in snappy's block format as one literal, which is not compressed.

def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body


def label(name, value):
    return field(1, field(1, name.encode()) + field(2, value.encode()))


@functools.lru_cache(maxsize=None)
def samples(value, step, first, last):
    def sample(tick):
        return field(2, b"\x09" + struct.pack("<d", float(value) + tick % 1000 * step) + b"\x10" + varint(tick * INTERVAL * 1000))
    return b"".join(map(sample, range(first, last)))


def push(url, directory, nodes, used, seconds):
    kinds, last = expositions(directory), int(time.time() / INTERVAL)
    first = last - int(seconds) // INTERVAL
    matching = [[(name, labels, samples(value, step, first, last)) for series, value, step in [("up", "1", 0), *kind.series]
                 for name, labels in [re.match(r"(\w+)(.*)", series).groups()] if re.fullmatch(used, name)] for kind in kinds]
    count = int(nodes)
    for start in range(0, count, 50):
        body = b""
        for node in range(start, min(start + 50, count)):
            own = {"cluster": f"c{node // 3}", "instance": f"n{node}:19664", "job": "fencewatch"}
            for name, labels, values in matching[kind_of(node)]:
                told = sorted((own | dict(re.findall(r'(\w+)="([^"]*)"', labels)) | {"__name__": name}).items())
                body += field(1, b"".join(label(*one) for one in told) + values)
        literal = varint(len(body)) + b"\xfc" + struct.pack("<I", len(body) - 1) + body
        headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf", "X-Prometheus-Remote-Write-Version": "0.1.0"}
        urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1/write", literal, headers), timeout=300).close()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve(*sys.argv[2:]))
    else:
        push(*sys.argv[2:])
