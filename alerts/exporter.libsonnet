// The watcher itself.
local alert = import 'alert.libsonnet';
local q = import 'query.libsonnet';

{
  local c = $._config,
  local s = c.selector,
  // What NodeFenced calls `target`; an IP address has no letter and gets none.
  local named(expr) = 'label_replace(%s, "target", "$1", "instance", "([^.:]*[a-zA-Z-][^.:]*)([.:].*)?")' % expr,

  prometheusAlerts+:: {
    groups+: [{
      name: 'fencewatch.exporter',
      rules: [
        alert.new(
          'ExporterDown',
          'warning',
          named('up{%s} == 0' % s),
          'Prometheus cannot read fencewatch on the node.',
          '{{ $labels.instance }} has not answered for two minutes: the exporter, the network or the node is down.',
          wait='2m',
        ),
        alert.new(
          'CollectorFailing',
          'warning',
          'max without (reason) (fencewatch_collector_failing{%s})' % s,
          'A part of the node is not being watched.',
          |||
            Collector {{ $labels.collector }} on {{ $labels.instance }} has given nothing for five minutes although its sources are there:{{ range query
            (printf `fencewatch_collector_failing{job=%q,instance=%q,collector=%q}` $labels.job $labels.instance $labels.collector) }} {{ .Labels.reason }}{{ end }}.
          |||,
          wait='5m',
        ),
        alert.new(
          'CollectorStuck',
          'warning',
          'fencewatch_collector_failing{%s}' % q.join([s, 'reason="stuck"']),
          'A collector hangs in what it reads.',
          |||
            Collector {{ $labels.collector }} on {{ $labels.instance }} does not come back from what it reads; it has been at it for %s.
          ||| % q.seconds('fencewatch_collector_running_seconds{job=%q,instance=%q,collector=%q}', '$labels.job $labels.instance $labels.collector'),
          wait='1m',
        ),
        alert.new(
          'LogLagging',
          'warning',
          'fencewatch_log_lag_seconds{%s} > %g' % [s, c.logLagSeconds],
          'Logs are read too late, so events are told too late.',
          '{{ $labels.instance }}: the lines that are being read are {{ humanizeDuration $value }} old.',
          wait='2m',
        ),
        alert.new(
          'UnprotectedWhileMiscounted',
          'warning',
          |||
            (
              label_replace(fencewatch_memory_locked{%(s)s} == 0, "reason", "exporter not locked", "", "")
              or label_replace(fencewatch_process_realtime{%(s)s} == 0, "reason", "exporter not realtime", "", "")
              or label_replace(fencewatch_corosync_impaired{%(impaired)s}, "reason", "corosync $1", "reason", "(not_.*)")
            ) and on (%(cluster)s, job, instance) instance:fencewatch_zones_phantom_pages:sum{%(s)s}
          ||| % { s: s, cluster: c.clusterLabel, impaired: q.join([s, 'reason=~"not_.*"']) },
          'What must outlive a shortage of memory will not, on a node that is bound to have one.',
          'A zone of {{ $labels.instance }} is miscounted: {{ reReplaceAll "_" " " $labels.reason }}.',
          wait='10m',
        ),
        alert.new(
          'LogLinesLost',
          'info',
          'time() - fencewatch_log_last_lost_timestamp_seconds{%s} < %g' % [s, c.lostSeconds],
          'Log lines were lost before they could be read, so events may be missing.',
          '{{ $labels.instance }} lost lines of channel {{ $labels.channel }} {{ humanizeDuration $value }} ago.',
        ),
      ],
    }],
  },
}
