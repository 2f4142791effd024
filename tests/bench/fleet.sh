#!/usr/bin/env bash
# What a fleet costs one Prometheus: simulated nodes (every tenth miscounted) at a scrape and an evaluation every 15 s.
#   tests/bench/fleet.sh [--whole] BINARY [N…]     N: 250 1000 4000.   --whole: every series of a node, not only those that the rules read
# Two Prometheus with GOMAXPROCS=1 read the same nodes, one with the rules and one without; what the rules cost is the difference in CPU time, which says the same on a
# machine that is busy with other things. The windows of the rules are ten minutes, so each N takes fifteen.
set -euo pipefail
cd "$(dirname "$0")/../.."
only_used=1
[ "${1:-}" != --whole ] || { only_used=0; shift; }
binary=${1:?usage: tests/bench/fleet.sh [--whole] BINARY [N…]}
shift
[ $# -gt 0 ] || set -- 250 1000 4000
tmp=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$tmp"' EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

for kernel in linux-6.1-healthy linux-4.19-miscount; do
  "$binary" --once --path.rootfs="tests/fixtures/kernel/$kernel" 2>/dev/null | grep -v '^#' >"$tmp/$kernel" || true # no pressure on 4.19
done
nodes_port=$(free_port)
python3 tests/bench/fleet_nodes.py "$nodes_port" "$tmp/linux-6.1-healthy" "$tmp/linux-4.19-miscount" &
pids+=($!)

# used: a regex of the metrics that rules and alerts name.
used() {
  cat alerts/fencewatch.rules.yml alerts/fencewatch.alerts.yml | grep -oE '\bfencewatch_[a-z_0-9]+' | sort -u | paste -sd '|'
}

# configuration PORT N RULES
configuration() {
  echo "global: {scrape_interval: 15s, evaluation_interval: 15s}"
  echo "rule_files: [$3]"
  echo "scrape_configs:"
  echo "- job_name: fencewatch"
  [ $only_used -eq 0 ] || echo "  metric_relabel_configs: [{source_labels: [__name__], regex: '$(used)', action: keep}]"
  echo "  static_configs:"
  local i
  for ((i = 0; i < $2; i++)); do
    echo "  - {targets: ['127.0.0.1:$nodes_port'], labels: {instance: 'n$i:19664', cluster: 'c$((i / 3))', __param_node: '$i'}}"
  done
}

# launch NAME N RULES: sets port and pid.
launch() {
  port=$(free_port)
  configuration "$port" "$2" "$3" >"$tmp/$1.yml"
  GOMAXPROCS=1 prometheus --config.file="$tmp/$1.yml" --storage.tsdb.path="$tmp/$1" --web.listen-address="127.0.0.1:$port" --log.level=error &
  pid=$!
  pids+=("$pid")
}

# value PORT METRIC: the sum of the metric that Prometheus tells of itself.
value() { curl -s --max-time 60 "http://127.0.0.1:$1/metrics" | awk -v metric="$2" '{ sub(/\{.*\}/, "", $1) } $1 == metric { sum += $NF } END { printf "%.0f\n", sum }'; }
cpu() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / hz }' "/proc/$1/stat"; }
evaluations() { awk -v a="$(value "$1" prometheus_rule_group_iterations_total)" -v m="$(value "$1" prometheus_rule_group_iterations_missed_total)" 'BEGIN { print a - m }'; }

printf '%6s %14s %16s %11s %11s %10s %13s\n' nodes 'rules, CPU s' 'of a core, rules' 'in all' series samples/s 'MiB resident'
for n in "$@"; do
  launch plain "$n" ""
  plain=$pid
  launch ruled "$n" "$PWD/alerts/fencewatch.rules.yml, $PWD/alerts/fencewatch.alerts.yml"
  ruled=$pid ruled_port=$port
  sleep "${FLEET_SETTLE:-620}"
  groups=$(value "$ruled_port" prometheus_rule_group_rules | awk '{ print ($1 > 0) }')
  [ "$groups" = 1 ] || { echo "no rules" >&2; exit 1; }
  before=("$(cpu "$plain")" "$(cpu "$ruled")" "$(evaluations "$ruled_port")" "$(value "$ruled_port" prometheus_tsdb_head_samples_appended_total)" "$(date +%s.%N)")
  sleep "${FLEET_SECONDS:-300}"
  after=("$(cpu "$plain")" "$(cpu "$ruled")" "$(evaluations "$ruled_port")" "$(value "$ruled_port" prometheus_tsdb_head_samples_appended_total)" "$(date +%s.%N)")
  awk -v n="$n" -v b="${before[*]}" -v a="${after[*]}" -v series="$(value "$ruled_port" prometheus_tsdb_head_series)" -v groups=6 \
    -v kib="$(awk '/^VmRSS/ { print $2 }' "/proc/$ruled/status")" 'BEGIN {
      split(b, before); split(a, after)
      for (i = 1; i <= 5; i++) d[i] = after[i] - before[i]
      printf "%6d %14.3f %16.4f %11.4f %11d %10.0f %13.0f\n", n, (d[2] - d[1]) / (d[3] / groups), (d[2] - d[1]) / d[5], d[2] / d[5], series, d[4] / d[5], kib / 1024 }'
  kill "$plain" "$ruled"
  wait "$plain" "$ruled" 2>/dev/null || true
  unset 'pids[-1]' 'pids[-1]'
  rm -rf "$tmp/plain" "$tmp/ruled"
done
