// What the whole chain says of a node, and of a machine model.
local alert = import 'alert.libsonnet';
local q = import 'query.libsonnet';

{
  local c = $._config,
  local s = c.selector,
  local w = c.window,
  local level(n) = 'instance:fencewatch_fence_risk:level{%s} == %d' % [s, n],

  local numbers = 'What was seen in the last %s:%s see the runbook for what to do.' % [w, q.numbers(w)],

  prometheusAlerts+:: {
    groups+: [{
      name: 'fencewatch.risk',
      rules: [
        alert.new(
          'FenceRiskHigh',
          'critical',
          level(3),
          'The node is about to be fenced.',
          |||
            Risk 3 on {{ $labels.instance }}: memory exhausted; or in distress, and the node answers no more or corosync is late within %s; or the token lost on a
            miscounted node. %s
          ||| % [w, numbers],
        ),
        alert.new(
          'FenceRiskElevated',
          'warning',
          level(2),
          'One more link of the chain and the node is at risk of being fenced.',
          |||
            Risk 2 on {{ $labels.instance }}: memory in distress on a node whose watermarks or kernel are at fault, or at least %d token warnings in %s.
            %s
          ||| % [c.tokenWarnings, w, numbers],
          slow=false,
        ),
        // Without a query for numbers: many nodes may have it, and ZoneMiscounted and WatermarksCollapsed tell them.
        alert.new(
          'FenceRiskLatent',
          'info',
          level(1),
          'The node carries the fault and is quiet.',
          |||
            Risk 1 on {{ $labels.instance }}: a zone is miscounted, watermarks have collapsed or an advisory calls the kernel affected; memory is not in
            distress now.
          |||,
          wait='1m',
        ),
        // A machine without any fencewatch is not seen at all.
        alert.new(
          'MachineModelMiscounted',
          'info',
          |||
            count by (%(cluster)s, vendor, product) (instance:fencewatch_machine_info:suspect{%(s)s} == 1)
            and on (vendor, product) instance:fencewatch_machine_info:suspect{%(s)s} == 2
          ||| % { s: s, cluster: c.clusterLabel },
          'Machines of this model are miscounted, and others of it are not upgraded or not watched.',
          |||
            At least one {{ $labels.vendor }} {{ $labels.product }} is miscounted; {{ $value }} more of that model run a kernel that an advisory calls
            affected, or their zones are not read.
          |||,
          wait='15m',
        ),
      ],
    }],
  },
}
