// Small makers of PromQL and of the templates of annotations.
{
  // Matchers without the empty ones.
  join(matchers):: std.join(',', std.filter(function(matcher) matcher != '', matchers)),

  // By how much a counter has grown in ten minutes, on nodes where it has. Of a node that stopped answering what it said last.
  recent(counter, selector, window)::
    'max without (counter) (last_over_time(fencewatch_recent_increase{%s}[%s]) > 0)' % [self.join([selector, 'counter="%s"' % counter]), window],

  // With the machine's vendor and product where they are known, so that all machines of a model can be told at once.
  byModel(expr, selector, cluster)::
    '%(expr)s * on (%(target)s) group_left (vendor, product) fencewatch_machine_info{%(s)s}\nor %(expr)s unless on (%(target)s) fencewatch_machine_info{%(s)s}' % {
      expr: expr,
      target: cluster + ', job, instance',
      s: selector,
    },

  // What the recording rules of the alert's own target say when it fires, zeros left out: "oom_kills 2; …".
  numbers(window)::
    '{{ range query (printf `{__name__=~"instance:fencewatch_.+:(increase%s|ratio%s|min)",job=%%q,instance=%%q} > 0` $labels.job $labels.instance) | sortByLabel "__name__" }}' % [window, window]
    + ' {{ reReplaceAll "instance:fencewatch_|:.*" "" .Labels.__name__ }} {{ printf "%.3g" .Value }};{{ else }} nothing;{{ end }}',

  // What a query about the alert's own target gives, as the template function `show` makes it, "?" where it gives nothing.
  told(query, show, labels='$labels.job $labels.instance')::
    '{{ with query (printf `%s` %s) }}{{ . | first | %s }}{{ else }}?{{ end }}' % [query, labels, show],
  valueOf(metric):: self.told(metric + '{job=%q,instance=%q}', 'value'),
  labelOf(metric, label):: self.told(metric + '{job=%q,instance=%q}', 'label "%s"' % label),
  seconds(query, labels='$labels.job $labels.instance'):: self.told(query, 'value | humanizeDuration', labels),
}
