#!/usr/bin/python3
"""The expositions of N simulated nodes for fleet.sh: every tenth is miscounted, all are members of a cluster.

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

INTERVAL = 15
MOVING = re.compile(r"^(fencewatch_(zone_free_pages|zone_stat_pages|node_stat_pages|zone_free_blocks|page_cache_pages|kswapd_\w+|reclaim_(scanned|stolen)\w+"
                    r"|major_page_faults_total|refaults_total|pressure_\w+|collector_duration_seconds|http_\w+)|process_cpu_seconds_total)\b")
# What a member of a quiet cluster says besides.
CLUSTER = """
fencewatch_oom_kill_events_total{constraint="global"} 0
fencewatch_oom_kill_events_total{constraint="memcg"} 0
fencewatch_corosync_token_warnings_total 0
fencewatch_corosync_token_timeouts_total 0
fencewatch_corosync_scheduling_misses_total 0
fencewatch_corosync_hosts_unreachable_total 0
fencewatch_corosync_schedmiss_total 0
fencewatch_corosync_token_losses_total{state="operational"} 0
fencewatch_corosync_token_losses_total{state="gather"} 0
fencewatch_corosync_token_timeout_seconds{source="runtime"} 3.65
fencewatch_corosync_quorate 1
fencewatch_corosync_process_realtime 1
fencewatch_corosync_process_locked_bytes 178000000
fencewatch_previous_boot_clean 1
fencewatch_log_lines_lost_total{channel="kernel",reason="overrun"} 0
fencewatch_fencing_operations_total{target="n2",action="reboot",result="failed"} 0
""" + "".join(f'fencewatch_corosync_link_connected{{host="{host}",link="{link}"}} 1\n'
              f'fencewatch_corosync_link_changes_total{{host="{host}",link="{link}",state="down"}} 0\n' for host in (2, 3) for link in (0, 1)) \
    + "".join(f'fencewatch_corosync_token_gap_seconds_bucket{{le="{le}"}} 60\n' for le in ("0.25", "0.5", "1.0", "2.0", "3.0", "5.0", "+Inf"))


class Exposition:
    def __init__(self, path):
        with open(path) as file:
            told = [line for line in file.read().splitlines() if line and not line.startswith("#")]
        known = {line.rsplit(" ", 1)[0] for line in told}
        lines = told + [line for line in CLUSTER.split("\n") if line and line.rsplit(" ", 1)[0] not in known]
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
    return [Exposition(f"{directory}/{kind}") for kind in ("miscounted", "healthy")]


def kind_of(node):
    return 0 if node % 10 == 0 else 1


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
