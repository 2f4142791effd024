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
          'fencewatch_collector_up{%s} == 0 unless fencewatch_collector_available{%s} == 0' % [s, s],
          'A part of the node is not being watched.',
          'Collector {{ $labels.collector }} on {{ $labels.instance }} has given nothing for five minutes although its sources are there.',
          wait='5m',
        ),
        alert.new(
          'CollectorStuck',
          'warning',
          'fencewatch_collector_running_seconds{%s} > %g' % [s, c.stuckSeconds],
          'A collector hangs in what it reads.',
          'Collector {{ $labels.collector }} on {{ $labels.instance }} has been at it for {{ humanizeDuration $value }}.',
        ),
        alert.new(
          'LogLinesLost',
          'info',
          'sum without (reason) (increase(fencewatch_log_lines_lost_total{%s}[%s])) > 0' % [s, c.window],
          'Log lines were lost before they could be read, so events may be missing.',
          '{{ $labels.instance }} lost {{ printf "%%.0f" $value }} lines of channel {{ $labels.channel }} in the last %s.' % c.window,
        ),
      ],
    }],
  },
}
