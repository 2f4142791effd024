// One alert. `slow`: evaluated every slowInterval only, as is enough for what does not page. mixin.libsonnet adds the annotation runbook_url, a summary in another language, and makes the groups.
{
  new(name, severity, expr, summary, description, wait='0m', slow=severity != 'critical'):: {
    slow:: slow,
    alert: name,
    expr: expr,
    [if wait != '0m' then 'for']: wait,
    labels: { severity: severity },
    annotations: { summary: summary, description: std.strReplace(std.rstripChars(description, '\n'), '\n', ' ') },
  },
}
