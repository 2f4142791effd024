"""What corosync itself says of a node, in its log file and in its cmap: what the exporter has to agree with, whatever it was."""
import collections
import re

import waiting

LINES = {
    "corosync_token_warnings_total": r"\[TOTEM \] Token has not been received in (\d+) ms",
    "corosync_token_timeouts_total": r"\[TOTEM \] A processor failed, forming new configuration",
    "corosync_scheduling_misses_total": r"\[MAIN  \] Corosync main process was not scheduled \S+ for ([\d.]+) ms",
    "corosync_pauses_total": r"\[TOTEM \] Process pause detected for ",
    "corosync_membership_changes_total": r"\[TOTEM \] A new membership ",
    "corosync_nodes_lost_total": r"\[TOTEM \] Failed to receive the leave message. failed:([ \d]+)",
    "corosync_retransmits_total": r"\[TOTEM \] Retransmit List: ",
    "corosync_unable_to_form_total": r"\[TOTEM \] Totem is unable to form a cluster",
}
LATE = re.compile(r"main process was not scheduled|Process pause detected")
TOKEN = re.compile(r"Token has not been received|A processor failed")
QUORUM = {"gained": r"\[QUORUM\] This node is within the primary", "lost": r"\[QUORUM\] This node is within the non-primary"}
LINK = re.compile(r"\[KNET  \] \w+: host: (\d+) link: (\d+) is (up|down)")
ALONE = re.compile(r"\[KNET  \] host: host: (\d+) has no active links")
START = re.compile(r"\[MAIN  \] Corosync Cluster Engine .* starting up")


class Log:
    """`told`: counters by (name, labels as sorted pairs); `delays`: milliseconds by name; `run`: the log since corosync was last started."""

    def __init__(self, text):
        self.lines = text.splitlines()
        self.told = collections.Counter()
        self.delays = {}
        for name, pattern in LINES.items():
            found = [match for match in map(re.compile(pattern).search, self.lines) if match]
            self.told[name, ()] = len(found) if "nodes_lost" not in name else sum(len(match[1].split()) for match in found)
            if name in ("corosync_token_warnings_total", "corosync_scheduling_misses_total"):
                self.delays[name] = [float(match[1]) for match in found]
        for state, pattern in QUORUM.items():
            self.told["corosync_quorum_changes_total", (("state", state),)] = len(re.findall(pattern, text))
        reachable = set()
        self.told["corosync_hosts_unreachable_total", ()] = 0
        for line in self.lines:
            if START.search(line):
                reachable.clear()
            elif match := LINK.search(line):
                host, link, state = match.groups()
                for each in ("up", "down"):
                    self.told["corosync_link_changes_total", (("host", host), ("link", link), ("state", each))] += each == state
                if state == "up":
                    reachable.add(host)
            elif (match := ALONE.search(line)) and match[1] in reachable:
                reachable.remove(match[1])
                self.told["corosync_hosts_unreachable_total", ()] += 1

    def run(self):
        starts = [number for number, line in enumerate(self.lines) if START.search(line)]
        return Log("\n".join(self.lines[starts[-1]:])) if starts else Log("")

    def links_down(self):
        return {(labels[0][1], labels[1][1]): count for (name, labels), count in self.told.items()
                if name == "corosync_link_changes_total" and labels[2][1] == "down"}


def cmap(node):
    """corosync's statistics, by its own tool."""
    lines = re.findall(r"^(\S+) \(\w+\) = (\S+)$", node.run("corosync-cmapctl", "-m", "stats"), re.M)
    return {key: float(value) for key, value in lines if re.fullmatch(r"[-\d.e+]+", value)}


def against_log(log, seen):
    """Where the log half of an exposition is not what stands in corosync's file."""
    wrong = []

    def same(what, is_, ought):
        if is_ is None or abs(is_ - ought) > 1e-6 * max(1, abs(ought)):
            wrong.append(f"{what} is {is_}, the log says {ought}")

    for (name, labels), count in log.told.items():
        same(f"{name}{dict(labels)}", seen.get(name, **dict(labels)), count)
    for series in seen.all("corosync_link_changes_total"):
        if ("corosync_link_changes_total", series) not in log.told:
            wrong.append(f"a change of {dict(series)} that is not in the log")
    for name, histogram in (("corosync_token_warnings_total", "corosync_token_delay_seconds"),
                            ("corosync_scheduling_misses_total", "corosync_scheduling_delay_seconds")):
        same(histogram + "_count", seen.get(histogram + "_count"), len(log.delays[name]))
        same(histogram + "_sum", seen.get(histogram + "_sum"), sum(log.delays[name]) / 1000)
    if longest := max(log.delays["corosync_token_warnings_total"], default=0):
        same("corosync_token_delay_max_seconds", seen.get("corosync_token_delay_max_seconds"), longest / 1000)
    return wrong


def against_cmap(stats, seen):
    """Where the live half is not what corosync's statistics are."""
    wrong = []

    def same(what, is_, ought):
        if is_ != ought:
            wrong.append(f"{what} is {is_}, cmap says {ought}")

    for state in ("operational", "gather", "commit", "recovery"):
        same(f"losses in {state}", seen.get("corosync_token_losses_total", state=state), stats[f"stats.srp.{state}_token_lost"])
    same("memberships", seen.get("corosync_memberships_total"), stats["stats.srp.operational_entered"])
    for name, key in (("corosync_link_connected", "connected"), ("corosync_links_down_total", "down_count")):
        for labels, value in seen.all(name).items():
            same(f"{name}{dict(labels)}", value, stats["stats.knet.node{host}.link{link}.".format(**dict(labels)) + key])
    return wrong


def halves(log, missed_before, seen):
    """Where the live half and corosync's file, since it was last started, do not tell the same."""
    wrong, run = [], log.run()

    def same(what, live, logged):
        if live != logged:
            wrong.append(f"{what}: live {live}, the log {logged}")

    same("token losses", seen.get("corosync_token_losses_total", state="operational"), run.told["corosync_token_timeouts_total", ()])
    same("memberships", seen.get("corosync_memberships_total"), run.told["corosync_membership_changes_total", ()])
    same("scheduling misses", seen.get("corosync_schedmiss_total"), log.told["corosync_scheduling_misses_total", ()] - missed_before)
    for labels, count in seen.all("corosync_links_down_total").items():
        at = dict(labels)
        same(f"link {at['link']} of host {at['host']} down", count, 1 + run.links_down().get((at["host"], at["link"]), 0))
    return wrong


class Disagreement(AssertionError):
    """The exporter and corosync do not say the same: no machine is so slow that this is right."""


def agree(node, bound=30.0):
    """Both halves of the exporter of a node are what corosync says, as soon as nothing happens any more."""
    wrong = []

    def agrees():
        log, seen = node.log(), node.scrape()
        wrong[:] = against_log(log, seen)
        if node.is_running():
            wrong.extend(against_cmap(cmap(node), seen) + halves(log, node.missed_before, seen))
        return not wrong

    try:
        waiting.until(agrees, "agreement", bound)
    except AssertionError:
        raise Disagreement(f"{node.name}: " + "; ".join(wrong)) from None
