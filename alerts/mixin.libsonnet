// All of it, for jsonnet users:
//   local fencewatch = (import 'alerts/mixin.libsonnet') + { _config+:: { selector: 'job="ha"', honouredRatio: 0.7 } };
// prometheusRules and prometheusAlerts are {groups}, grafanaDashboards {file: dashboard}, as other mixins have them.
(import 'config.libsonnet')
+ (import 'rules.libsonnet')
+ (import 'risk.libsonnet')
+ (import 'memory.libsonnet')
+ (import 'corosync.libsonnet')
+ (import 'fencing.libsonnet')
+ (import 'exporter.libsonnet')
+ (import '../dashboards/dashboards.libsonnet')
+ {
  local url = $._config.runbookURL,
  local withRunbook(rule) = rule { annotations+: { runbook_url: url % rule.alert } },

  // A group becomes two: alerts that are evaluated with everything else, and slow ones.
  local split(group) =
    local some(slow) = [withRunbook(rule) for rule in group.rules if rule.slow == slow];
    [{ name: group.name, interval: $._config.fastInterval, rules: some(false) }, { name: group.name + '.slow', interval: $._config.slowInterval, rules: some(true) }],

  prometheusAlerts+:: {
    local plain = super.groups,
    groups: [group for group in std.flatMap(split, plain) if group.rules != []],
  },

  prometheusRule+:: {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'fencewatch', labels: { 'app.kubernetes.io/name': 'fencewatch' } },
    spec: { groups: $.prometheusRules.groups + $.prometheusAlerts.groups },
  },
}
