#!/usr/bin/python3
"""Serves the expositions of N simulated nodes on one port, /metrics?node=I, for fleet.sh.

    fleet_nodes.py PORT HEALTHY MISCOUNTED    two files with what --once printed

Every tenth node is miscounted; all are members of a cluster. What is sent is made once for each 15 seconds: counters of a busy machine go up, free memory
moves, events stay where they are.
"""
import asyncio
import re
import sys
import time

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
    + "".join(f'fencewatch_corosync_token_gap_seconds_bucket{{le="{le}"}} 60\n' for le in ("0.25", "0.5", "1", "2", "3", "5", "+Inf"))


class Exposition:
    def __init__(self, path):
        with open(path) as file:
            told = [line for line in file.read().splitlines() if line and not line.startswith("#")]
        known = {line.rsplit(" ", 1)[0] for line in told}
        self.lines = told + [line for line in CLUSTER.split("\n") if line and line.rsplit(" ", 1)[0] not in known]
        self.made = None

    def at(self, tick):
        if self.made is None or self.made[0] != tick:
            out = []
            for number, line in enumerate(self.lines):
                if MOVING.match(line):
                    name, value = line.rsplit(" ", 1)
                    line = f"{name} {float(value) + tick % 1000 * (1 + number % 7):.10g}"
                out.append(line)
            body = ("\n".join(out) + "\n").encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            self.made = (tick, head + body)
        return self.made[1]


async def main():
    port, healthy, miscounted = int(sys.argv[1]), Exposition(sys.argv[2]), Exposition(sys.argv[3])

    async def serve(reader, writer):
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                node = int(re.search(rb"node=(\d+)", request).group(1))
                writer.write((miscounted if node % 10 == 0 else healthy).at(int(time.time() / 15)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", port, backlog=4096) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
