#!/usr/bin/env bash
# What a fleet costs one Prometheus: simulated nodes (every tenth miscounted) at a scrape and an evaluation every 15 s.
#   tests/bench/fleet.sh [--whole] BINARY [N…]     N: 250 1000 4000.   --whole: every series of a node, not only those that the rules read
# Prometheus has GOMAXPROCS=1. It is given the ten minutes and more over which the rules look, then it scrapes, each for FLEET_SECONDS (240): with all rules evaluated
# every 15 s, the slow groups too; with the rules as they are; and without any. What rules cost is the difference in CPU time, garbage included, which says the same
# on a machine that is busy with other things; how long one evaluation of all groups took is a wall clock's, of one core that scrapes meanwhile, and does not.
set -euo pipefail
cd "$(dirname "$0")/../.."
used_only=1
[ "${1:-}" != --whole ] || { used_only=0; shift; }
binary=${1:?usage: tests/bench/fleet.sh [--whole] BINARY [N…]}
shift
[ $# -gt 0 ] || set -- 250 1000 4000
seconds=${FLEET_SECONDS:-240} history=720
tmp=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$tmp"' EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
record() { "$binary" --once --path.rootfs="tests/fixtures/kernel/$1" 2>/dev/null | grep -v '^#' >"$tmp/$2" || true; } # no pressure on 4.19
record linux-6.1-healthy healthy
record linux-4.19-miscount miscounted
nodes_port=$(free_port)
python3 tests/bench/fleet_nodes.py serve "$nodes_port" "$tmp" &
pids+=($!)

# A regex of the metrics that rules and alerts name.
names=$(cat alerts/fencewatch.rules.yml alerts/fencewatch.alerts.yml | grep -oE '\bfencewatch_[a-z_0-9]+' | sort -u | paste -sd '|')
wanted=$([ $used_only -eq 1 ] && echo "$names" || echo 'fencewatch_.+|process_.+')

# configuration N RULES: for N targets, none with 0.
configuration() {
  echo "global: {scrape_interval: 15s, evaluation_interval: 15s}"
  echo "rule_files: [$2]"
  echo "scrape_configs:"
  echo "- job_name: fencewatch"
  echo "  metric_relabel_configs: [{source_labels: [__name__], regex: '$wanted', action: keep}]"
  echo "  static_configs:"
  local i
  for ((i = 0; i < $1; i++)); do
    echo "  - {targets: ['127.0.0.1:$nodes_port'], labels: {instance: 'n$i:19664', cluster: 'c$((i / 3))', __param_node: '$i'}}"
  done
}
configured() {
  configuration "$@" >"$tmp/prometheus.yml"
  curl -sf -X POST "$url/-/reload"
}

# value METRIC: the sum of the metric that Prometheus tells of itself.
value() { curl -s --max-time 60 "$url/metrics" | awk -v metric="$1" '{ sub(/\{.*\}/, "", $1) } $1 == metric { sum += $NF } END { printf "%.3f\n", sum }'; }
cpu() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / hz }' "/proc/$pid/stat"; }
# cost: CPU seconds, samples and what all groups of rules took by the clock, each in a second, over $seconds.
cost() {
  local before after
  before=("$(cpu)" "$(value prometheus_tsdb_head_samples_appended_total)" "$(value prometheus_rule_group_duration_seconds_sum)" "$(date +%s.%N)")
  sleep "$seconds"
  after=("$(cpu)" "$(value prometheus_tsdb_head_samples_appended_total)" "$(value prometheus_rule_group_duration_seconds_sum)" "$(date +%s.%N)")
  awk -v b="${before[*]}" -v a="${after[*]}" 'BEGIN { split(b, x); split(a, y); t = y[4] - x[4]; print (y[1] - x[1]) / t, (y[2] - x[2]) / t, (y[3] - x[3]) / t }'
}

rules="$PWD/alerts/fencewatch.rules.yml, $PWD/alerts/fencewatch.alerts.yml"
for kind in rules alerts; do sed '/^    interval:/d' "alerts/fencewatch.$kind.yml" >"$tmp/every15s.$kind.yml"; done
printf '%6s %19s %19s %20s %12s %9s %10s %13s\n' nodes 'CPU s, all rules' 'wall s, all rules' 'CPU s, in use, 15 s' 'core in all' series samples/s 'KiB per node'
for n in "$@"; do
  port=$(free_port) url="http://127.0.0.1:$port"
  configuration 0 "" >"$tmp/prometheus.yml"
  GOMAXPROCS=1 prometheus --config.file="$tmp/prometheus.yml" --storage.tsdb.path="$tmp/data" --web.listen-address="127.0.0.1:$port" --log.level=error \
    --web.enable-lifecycle --web.enable-remote-write-receiver &
  pid=$!
  pids+=("$pid")
  until curl -sf "$url/-/ready" >/dev/null; do sleep 0.2; done
  python3 tests/bench/fleet_nodes.py push "$url" "$tmp" "$n" "up|$wanted" "$history"
  configured "$n" "$tmp/every15s.rules.yml, $tmp/every15s.alerts.yml"
  sleep 75 # every group has been evaluated
  [ "$(value prometheus_rule_group_rules)" != 0.000 ] || { echo "no rules" >&2; exit 1; }
  every=$(cost)
  configured "$n" "$rules"
  sleep 16
  used=$(cost)
  configured "$n" ""
  sleep 16
  without=$(cost)
  awk -v n="$n" -v e="$every" -v u="$used" -v o="$without" -v series="$(value prometheus_tsdb_head_series)" \
    -v kib="$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")" 'BEGIN {
    split(e, every); split(u, used); split(o, without)
    printf "%6d %19.3f %19.3f %20.3f %12.3f %9d %10.0f %13.0f\n",
      n, (every[1] - without[1]) * 15, every[3] * 15, (used[1] - without[1]) * 15, used[1], series, used[2], kib / n }'
  kill "$pid"
  wait "$pid" 2>/dev/null || true
  unset 'pids[-1]'
  rm -rf "$tmp/data"
done
