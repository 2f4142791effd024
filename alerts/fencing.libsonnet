// Fencing, and boots that nobody asked for. `target` is the first part of a host name: pacemaker's name of a node and the address that Prometheus
// scrapes have it in common unless the address is an IP.
local alert = import 'alert.libsonnet';
local q = import 'query.libsonnet';

{
  local c = $._config,
  local s = c.selector,
  local w = c.window,
  local short(expr) = 'label_replace(%s, "target", "$1", "target", "([^.]+)[.].*")' % expr,
  local told = 'time() - fencewatch_fencing_last_timestamp_seconds{%s} < %g' % [s, c.fencedSeconds],

  prometheusAlerts+:: {
    groups+: [{
      name: 'fencewatch.fencing',
      rules: [
        // Every survivor tells of it: one alert for a target. A counter that appears with 1 has no increase, hence the time.
        alert.new(
          'NodeFenced',
          'critical',
          'min by (%s, target) (%s)' % [c.clusterLabel, short(told)],
          'A cluster node was fenced.',
          '{{ $labels.target }} was fenced {{ humanizeDuration $value }} ago.',
        ),
        alert.new(
          'FencingFailed',
          'critical',
          // Pacemaker tries again and again, so that a series that appears with the first failure has an increase with the next.
          'max by (%s, target, action) (%s)' % [
            c.clusterLabel,
            short('increase(fencewatch_fencing_operations_total{%s}[%s]) > 0' % [q.join([s, 'result="failed"']), w]),
          ],
          'A cluster node could not be fenced.',
          '{{ $labels.action }} of {{ $labels.target }} failed {{ printf "%%.0f" $value }} times in the last %s: the cluster may stand still until it is dead.' % w,
        ),
        alert.new(
          'OwnFence',
          'warning',
          q.recent('own_fences', s, w),
          'The node is being fenced, or was just told that it was.',
          |||
            {{ $labels.instance }}: in the last %s its sbd was asked for a reset or made one, or pacemaker was told "We were allegedly just fenced"
            ({{ printf "%%.0f" $value }} lines). If it still runs, the fence did not work: its services may run twice.
          ||| % w,
          slow=false,
        ),
        alert.new(
          'SbdWarnings',
          'warning',
          q.recent('sbd_warnings', s, w),
          'Sbd warns of a disk, a servant, the cluster or the watchdog.',
          |||
            {{ $labels.instance }} in the last %s:{{ range query (printf `increase(fencewatch_sbd_warnings_total{job=%%q,instance=%%q}[%s]) > 0.5` $labels.job $labels.instance) | sortByLabel
            "kind" }} {{ reReplaceAll "_" " " .Labels.kind }};{{ end }} when it goes on until the watchdog's timeout, the node is reset.
          ||| % [w, w],
          slow=false,
        ),
        alert.new(
          'PreviousBootUnclean',
          'warning',
          'time() - fencewatch_previous_boot_unclean_timestamp_seconds{%s} < %g' % [s, c.bootSeconds],
          'The machine went down without a shutdown.',
          |||
            {{ $labels.instance }} was started {{ humanizeDuration $value }} ago, and what ran before did not end cleanly. In the half hour before, corosync's log
            said:{{ range query (printf `(fencewatch_boot_time_seconds{job=%q,instance=%q} - on (job, instance) group_right () fencewatch_corosync_last_event_timestamp_seconds) < 1800 > 0` $labels.job $labels.instance) | sortByLabel "event" }}
            {{ .Labels.event }} {{ humanizeDuration .Value }} before the start;{{ else }} nothing that is known.{{ end }}
          |||,
        ),
      ],
    }],
  },
}
