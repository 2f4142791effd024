// The three links of the chain, 0 or 1 for each node, and the risk that they make together, 0 to 3. Alerts and dashboards read these, so
// that every counter is looked at once in an evaluation. A link that the node does not have (no corosync) is absent, not 0. What only a boot changes is
// in a group of its own that is evaluated more seldom.
local q = import 'query.libsonnet';

{
  local c = $._config,
  local s = c.selector,
  local w = c.window,
  local increase(metric, matchers='') = 'increase(%s{%s}[%s])' % [metric, q.join([s, matchers]), w],
  local any(conditions) = std.join('\n  or ', conditions),
  local rule(record, expr) = { record: record, expr: expr },

  local affected = 'max without (advisory, status) (fencewatch_kernel_advisory{%s})' % q.join([s, 'status="affected"']),

  prometheusRules+:: {
    groups+: [{
      name: 'fencewatch.latent',
      interval: c.bootInterval,
      rules: [
        rule('instance:fencewatch_zone_miscount:max', 'max without (numa_node, zone) (fencewatch_zone_miscount{%s})' % s),
        rule('instance:fencewatch_zone_watermark_honoured_ratio:min',
             'min without (numa_node, zone) (fencewatch_zone_watermark_honoured_ratio{%s})' % s),
        rule('instance:fencewatch_kernel_advisory_affected:max', affected),
        // Memory mis-set. Over the window, so that a node that is too busy to be scraped keeps its verdict.
        rule('instance:fencewatch_memory_misset:bool', |||
          (
            max_over_time(instance:fencewatch_zone_miscount:max{%(s)s}[%(w)s]) > 0
            or min_over_time(instance:fencewatch_zone_watermark_honoured_ratio:min{%(s)s}[%(w)s]) < %(ratio)g
          ) >= bool 0
          or instance:fencewatch_zone_miscount:max{%(s)s} * 0
        ||| % { s: s, w: w, ratio: c.honouredRatio }),
        // Or the kernel known for it. Only 1: what is 0 nobody asks for.
        rule('instance:fencewatch_latent:bool', |||
          instance:fencewatch_memory_misset:bool{%(s)s} == 1
          or instance:fencewatch_kernel_advisory_affected:max{%(s)s} == 1
        ||| % { s: s }),
      ],
    }, {
      name: 'fencewatch.rules',
      rules: [
        // Memory in distress.
        rule('instance:fencewatch_zone_below_watermark_seconds:increase' + w,
             'max without (numa_node, zone, watermark) (%s)' % increase('fencewatch_zone_below_watermark_seconds_total', 'zone!="DMA",watermark="min"')),
        rule('instance:fencewatch_reclaim_direct_stalls:increase' + w,
             'sum without (zone) (%s)' % increase('fencewatch_reclaim_direct_stalls_total', 'zone!="DMA"')),
        rule('instance:fencewatch_oom_kills:increase' + w, increase('fencewatch_oom_kills_total')),
        rule('instance:fencewatch_oom_kills_global:increase' + w,
             'sum without (constraint) (%s)' % increase('fencewatch_oom_kill_events_total', 'constraint=~"global|cpuset|mempolicy"')),
        // A kill in a memory cgroup says something about memory only where memory is mis-set.
        rule('instance:fencewatch_memory_distress:bool', |||
          (
            instance:fencewatch_zone_below_watermark_seconds:increase%(w)s{%(s)s} > %(below)g
            or instance:fencewatch_reclaim_direct_stalls:increase%(w)s{%(s)s} > %(stalls)g
            or instance:fencewatch_oom_kills_global:increase%(w)s{%(s)s} > 0
            or (instance:fencewatch_oom_kills:increase%(w)s{%(s)s} > 0 and instance:fencewatch_memory_misset:bool{%(s)s} == 1)
            or sum without (resource, kind) (%(psi)s) > %(full)g
          ) > bool 0
          or instance:fencewatch_oom_kills:increase%(w)s{%(s)s} * 0
        ||| % {
          s: s,
          w: w,
          below: c.belowMinSeconds,
          stalls: c.directStalls,
          full: c.pressureFullSeconds,
          psi: increase('fencewatch_pressure_stalled_seconds_total', 'resource="memory",kind="full"'),
        }),

        // Cluster engine late, by corosync's log or, where that cannot be read, by its statistics. A pause of corosync is the same stall as a scheduling miss. A stalled node often logs neither its own token warning nor the loss: that two hosts and more lost their last link
        // is its only trace (2 s with knet). One host may just be down.
        rule('instance:fencewatch_corosync_token_warnings:increase' + w, increase('fencewatch_corosync_token_warnings_total')),
        rule('instance:fencewatch_corosync_token_losses:increase' + w, |||
          %s > 0
          or sum without (state) (%s)
        ||| % [increase('fencewatch_corosync_token_timeouts_total'), increase('fencewatch_corosync_token_losses_total')]),
        rule('instance:fencewatch_corosync_scheduling_misses:increase' + w, |||
          %s > 0
          or %s
        ||| % [increase('fencewatch_corosync_scheduling_misses_total'), increase('fencewatch_corosync_schedmiss_total')]),
        rule('instance:fencewatch_corosync_late:bool', |||
          (
            instance:fencewatch_corosync_token_losses:increase%(w)s{%(s)s} > 0
            or instance:fencewatch_corosync_scheduling_misses:increase%(w)s{%(s)s} > 0
            or %(unreachable)s >= 2
          ) > bool 0
          or instance:fencewatch_corosync_token_warnings:increase%(w)s{%(s)s} > bool 0
          or instance:fencewatch_corosync_token_losses:increase%(w)s{%(s)s} * 0
        ||| % {
          s: s,
          w: w,
          unreachable: increase('fencewatch_corosync_hosts_unreachable_total'),
        }),

        // 3: distress and a late corosync within one window, or a lost token on a miscounted node. 2: distress where memory is mis-set or the
        // kernel known for it, or token warnings that repeat. 1: mis-set, or the kernel known for it. 0: none of it, or nothing read.
        rule('instance:fencewatch_fence_risk:level', |||
          3 * (instance:fencewatch_memory_distress:bool{%(s)s} == 1 and instance:fencewatch_corosync_late:bool{%(s)s} == 1)
          or 3 * (
            instance:fencewatch_zone_miscount:max{%(s)s} == 1
            and instance:fencewatch_corosync_token_losses:increase%(w)s{%(s)s} > 0
          )
          or 2 * (instance:fencewatch_memory_distress:bool{%(s)s} == 1 and instance:fencewatch_latent:bool{%(s)s})
          or 2 * (instance:fencewatch_corosync_token_warnings:increase%(w)s{%(s)s} >= bool %(warnings)g == 1)
          or instance:fencewatch_latent:bool{%(s)s}
          or 0 * (up{%(s)s} == 1)
        ||| % { s: s, w: w, warnings: c.tokenWarnings }),
      ],
    }],
  },
}
