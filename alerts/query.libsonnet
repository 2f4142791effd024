// Small makers of PromQL and of the templates of annotations.
{
  // Matchers without the empty ones.
  join(matchers):: std.join(',', std.filter(function(matcher) matcher != '', matchers)),

  // By how much a counter has grown in ten minutes, on nodes where it has. Of a node that stopped answering what it said last.
  recent(counter, selector, window)::
    'max without (counter) (last_over_time(fencewatch_recent_increase{%s}[%s]) > 0)' % [self.join([selector, 'counter="%s"' % counter]), window],

  // What the recording rules of the alert's own target say when it fires, zeros left out: "oom_kills 2; …".
  numbers(window)::
    '{{ range query (printf `{__name__=~"instance:fencewatch_.+:(increase%s|min)",job=%%q,instance=%%q} > 0` $labels.job $labels.instance) | sortByLabel "__name__" }}' % window
    + ' {{ reReplaceAll "instance:fencewatch_|:.*" "" .Labels.__name__ }} {{ printf "%.3g" .Value }};{{ else }} nothing;{{ end }}',

  // A label of a metric of the alert's own target.
  labelOf(metric, label)::
    '{{ with query (printf `%s{job=%%q,instance=%%q}` $labels.job $labels.instance) }}{{ . | first | label "%s" }}{{ else }}?{{ end }}' % [metric, label],

  // What a query about the alert's own target gives, in seconds.
  seconds(query, labels='$labels.job $labels.instance')::
    '{{ with query (printf `%s` %s) }}{{ . | first | value | humanizeDuration }}{{ else }}?{{ end }}' % [query, labels],

  // The value of a metric of the alert's own target.
  valueOf(metric)::
    '{{ with query (printf `%s{job=%%q,instance=%%q}` $labels.job $labels.instance) }}{{ . | first | value }}{{ else }}?{{ end }}' % metric,
}
