#!/usr/bin/env bash
# What a fleet costs one Prometheus: simulated nodes (every tenth miscounted) at a scrape and an evaluation every 15 s, on one core.
#   tests/bench/fleet.sh [--whole] BINARY [N…]     N: 250 1000 4000.   --whole: every series of a node, not only those that the rules read
# The windows of the rules are ten minutes, so each N takes twelve. Prints for each N: seconds that all rules take in one evaluation (mean and worst of the last eight),
# series and samples/s, memory for each node.
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

# configuration N
configuration() {
  echo "global: {scrape_interval: 15s, evaluation_interval: 15s}"
  echo "rule_files: [$PWD/alerts/fencewatch.rules.yml, $PWD/alerts/fencewatch.alerts.yml]"
  echo "scrape_configs:"
  echo "- job_name: prometheus"
  echo "  static_configs: [{targets: ['127.0.0.1:$prometheus_port']}]"
  echo "- job_name: fencewatch"
  [ $only_used -eq 0 ] || echo "  metric_relabel_configs: [{source_labels: [__name__], regex: '$(used)', action: keep}]"
  echo "  static_configs:"
  local i
  for ((i = 0; i < $1; i++)); do
    echo "  - {targets: ['127.0.0.1:$nodes_port'], labels: {instance: 'n$i:19664', cluster: 'c$((i / 3))', __param_node: '$i'}}"
  done
}

ask() { promtool query instant "http://127.0.0.1:$prometheus_port" "$1" | sed -E 's/.*=> ([^ ]+) @.*/\1/'; }

printf '%6s %12s %12s %10s %12s %10s %14s\n' nodes 'rules, s' 'worst, s' series samples/s 'RSS, MiB' 'KiB per node'
for n in "$@"; do
  prometheus_port=$(free_port)
  configuration "$n" >"$tmp/prometheus.yml"
  GOMAXPROCS=1 prometheus --config.file="$tmp/prometheus.yml" --storage.tsdb.path="$tmp/tsdb-$n" --web.listen-address="127.0.0.1:$prometheus_port" --log.level=error &
  pids+=($!)
  sleep "${FLEET_SECONDS:-750}"
  rules='sum(prometheus_rule_group_last_duration_seconds)'
  rss=$(ask 'process_resident_memory_bytes')
  printf '%6d %12.3f %12.3f %10.0f %12.0f %10.0f %14.0f\n' "$n" "$(ask "avg_over_time(${rules}[2m:15s])")" "$(ask "max_over_time(${rules}[2m:15s])")" \
    "$(ask prometheus_tsdb_head_series)" "$(ask 'rate(prometheus_tsdb_head_samples_appended_total[5m])')" \
    "$(awk "BEGIN { print $rss / 1048576 }")" "$(awk "BEGIN { print $rss / 1024 / $n }")"
  up=$(ask 'sum(up{job="fencewatch"})')
  [ "$up" = "$n" ] || echo "only $up of $n nodes answered"
  kill "${pids[-1]}"
  wait "${pids[-1]}" 2>/dev/null || true
  unset 'pids[-1]'
  rm -rf "$tmp/tsdb-$n"
done
