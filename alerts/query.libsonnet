// Small makers of PromQL and of the templates of annotations.
{
  // Matchers without the empty ones.
  join(matchers):: std.join(',', std.filter(function(matcher) matcher != '', matchers)),

  // What the recording rules of the alert's own target say when it fires, zeros left out: "oom_kills 2; …".
  numbers(window)::
    '{{ range query (printf `{__name__=~"instance:fencewatch_.+:(increase%s|min)",job=%%q,instance=%%q} > 0` $labels.job $labels.instance) | sortByLabel "__name__" }}' % window
    + ' {{ reReplaceAll "instance:fencewatch_|:.*" "" .Labels.__name__ }} {{ printf "%.3g" .Value }};{{ else }} nothing;{{ end }}',

  // The value of a metric of the alert's own target.
  valueOf(metric)::
    '{{ with query (printf `%s{job=%%q,instance=%%q}` $labels.job $labels.instance) }}{{ . | first | value }}{{ else }}?{{ end }}' % metric,
}
