// One alert. The annotation runbook_url is added by mixin.libsonnet.
{
  new(name, severity, expr, summary, description, wait='0m', labels={}):: {
    alert: name,
    expr: expr,
    [if wait != '0m' then 'for']: wait,
    labels: { severity: severity } + labels,
    annotations: { summary: summary, description: std.strReplace(std.rstripChars(description, '\n'), '\n', ' ') },
  },
}
