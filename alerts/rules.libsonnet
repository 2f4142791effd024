// The three links of the chain, 0 or 1 for each node, and the risk that they make together, 0 to 3. Alerts and dashboards read these, so
// that every counter is looked at once in an evaluation. A link that the node does not have (no corosync) is absent, not 0. What the links are made of is
// recorded only where it is out of order, and read from series that healthy nodes do not have: increase() of every counter of every node is what made an
// evaluation of thousands of nodes dear. What only a boot changes is in a group of its own that is evaluated more seldom.
local q = import 'query.libsonnet';

{
  local c = $._config,
  local s = c.selector,
  local w = c.window,
  local rule(record, expr) = { record: record, expr: expr },

  local affected = 'max without (advisory, status) (fencewatch_kernel_advisory{%s})' % q.join([s, 'status="affected"']),

  prometheusRules+:: {
    groups+: [{
      name: 'fencewatch.latent',
      interval: c.bootInterval,
      rules: [
        rule('instance:fencewatch_zones_phantom_pages:sum', 'fencewatch_zones_phantom_pages{%s} > 0' % s),
        rule('instance:fencewatch_zones_watermark_honoured_ratio:min',
             'fencewatch_zones_watermark_honoured_ratio_min{%s} < %g' % [s, c.honouredRatio]),
        rule('instance:fencewatch_kernel_advisory_affected:max', affected),
        // The models of machines that are miscounted (2), or not upgraded, as an advisory calls the kernel affected, or not watched, as the zone collector gives nothing (1).
        rule('instance:fencewatch_machine_info:suspect', |||
          fencewatch_machine_info{%(s)s} * ignoring (vendor, product) group_left () (
            2 * (instance:fencewatch_zones_phantom_pages:sum{%(s)s} > bool 0)
            or instance:fencewatch_kernel_advisory_affected:max{%(s)s}
            or max without (collector, reason) (fencewatch_collector_failing{%(zone)s})
          )
        ||| % { s: s, zone: q.join([s, 'collector="zone"']) }),
        // Memory mis-set. Over the window, so that a node that is too busy to be scraped keeps its verdict.
        rule('instance:fencewatch_memory_misset:bool', |||
          (
            max_over_time(instance:fencewatch_zones_phantom_pages:sum{%(s)s}[%(w)s])
            or min_over_time(instance:fencewatch_zones_watermark_honoured_ratio:min{%(s)s}[%(w)s])
          ) >= bool 0
          or fencewatch_zones_phantom_pages{%(s)s} * 0
        ||| % { s: s, w: w }),
        // Or the kernel known for it. Only 1: what is 0 nobody asks for.
        rule('instance:fencewatch_latent:bool', |||
          instance:fencewatch_memory_misset:bool{%(s)s} == 1
          or instance:fencewatch_kernel_advisory_affected:max{%(s)s} == 1
        ||| % { s: s }),
      ],
    }, {
      name: 'fencewatch.rules',
      interval: c.fastInterval,
      rules: [
        // Memory in distress.
        rule('instance:fencewatch_zones_short_seconds:increase' + w, q.recent('zones_short_seconds', s, w)),
        rule('instance:fencewatch_memory_exhausted_seconds:increase' + w, q.recent('memory_exhausted_seconds', s, w)),
        rule('instance:fencewatch_kswapd_low_hits:ratio' + w, |||
          (%s > %g)
          / %s
          > %g
        ||| % [q.recent('kswapd_low_hits', s, w), c.kswapdLowHits, q.recent('kswapd_runs', s, w), c.kswapdLowHitsRatio]),
        rule('instance:fencewatch_zones_direct_stalls:increase' + w, q.recent('zones_direct_stalls', s, w)),
        // At least: what leaves the window of ten minutes meanwhile is missing.
        rule('instance:fencewatch_zones_direct_stalls_misset:increase1m', |||
          (
            instance:fencewatch_zones_direct_stalls:increase%(w)s{%(s)s}
            - (instance:fencewatch_zones_direct_stalls:increase%(w)s{%(s)s} offset 1m or instance:fencewatch_zones_direct_stalls:increase%(w)s{%(s)s} * 0)
          ) > %(stalls)g
          and instance:fencewatch_memory_misset:bool{%(s)s} == 1
        ||| % { s: s, w: w, stalls: c.directStallsMisset }),
        rule('instance:fencewatch_oom_kills:increase' + w, q.recent('oom_kills', s, w)),
        rule('instance:fencewatch_oom_kills_global:increase' + w, q.recent('oom_global_kills', s, w)),
        // A kill in a memory cgroup says something about memory only where memory is mis-set.
        rule('instance:fencewatch_memory_distress:bool', |||
          (
            instance:fencewatch_zones_short_seconds:increase%(w)s{%(s)s} > %(short)g
            or instance:fencewatch_memory_exhausted_seconds:increase%(w)s{%(s)s}
            or instance:fencewatch_kswapd_low_hits:ratio%(w)s{%(s)s}
            or max_over_time(instance:fencewatch_zones_direct_stalls_misset:increase1m{%(s)s}[%(w)s])
            or instance:fencewatch_oom_kills_global:increase%(w)s{%(s)s}
            or (instance:fencewatch_oom_kills:increase%(w)s{%(s)s} and instance:fencewatch_memory_misset:bool{%(s)s} == 1)
          ) > bool 0
          or instance:fencewatch_memory_misset:bool{%(s)s} * 0
        ||| % {
          s: s,
          w: w,
          short: c.shortSeconds,
        }),
        // Distress, and then no answer: what is not real-time hangs on the node, pacemaker too, while corosync is on time.
        rule('instance:fencewatch_blind:bool', |||
          max_over_time(up{%(s)s}[%(blind)s]) == bool 0
          and instance:fencewatch_memory_distress:bool{%(s)s} == 1
        ||| % { s: s, blind: c.blind }),

        // Cluster engine late, by corosync's log or, where that cannot be read, by its statistics. A pause of corosync is the same stall as a scheduling miss. A stalled node often logs neither its own token warning nor the loss: that two hosts and more lost their last link
        // is its only trace (2 s with knet). One host may just be down.
        rule('instance:fencewatch_corosync_token_warnings:increase' + w, q.recent('corosync_token_warnings', s, w)),
        rule('instance:fencewatch_corosync_token_losses:increase' + w, |||
          %s
          or %s
        ||| % [q.recent('corosync_token_timeouts', s, w), q.recent('corosync_token_losses', s, w)]),
        rule('instance:fencewatch_corosync_scheduling_misses:increase' + w, |||
          %s
          or %s
        ||| % [q.recent('corosync_scheduling_misses', s, w), q.recent('corosync_schedmiss', s, w)]),
        rule('instance:fencewatch_corosync_late:bool', |||
          (
            instance:fencewatch_corosync_token_losses:increase%(w)s{%(s)s}
            or instance:fencewatch_corosync_scheduling_misses:increase%(w)s{%(s)s}
            or instance:fencewatch_corosync_token_warnings:increase%(w)s{%(s)s}
            or %(unreachable)s >= 2
          ) > bool 0
          or fencewatch_corosync_up{%(s)s} * 0
        ||| % {
          s: s,
          w: w,
          unreachable: q.recent('corosync_hosts_unreachable', s, w),
        }),

        // 3: distress and a late corosync within one window, or a lost token on a miscounted node; without a word of corosync, memory exhausted, or a node in
        // distress that does not answer. 2: distress where memory is mis-set or the
        // kernel known for it, or token warnings that repeat. 1: mis-set, or the kernel known for it. 0: none of it, or nothing read.
        rule('instance:fencewatch_fence_risk:level', |||
          3 * (instance:fencewatch_memory_distress:bool{%(s)s} == 1 and instance:fencewatch_corosync_late:bool{%(s)s} == 1)
          or 3 * (
            instance:fencewatch_zones_phantom_pages:sum{%(s)s} > bool 0
            and instance:fencewatch_corosync_token_losses:increase%(w)s{%(s)s}
          )
          or 3 * (instance:fencewatch_memory_exhausted_seconds:increase%(w)s{%(s)s} > bool 0)
          or 3 * (instance:fencewatch_blind:bool{%(s)s} == 1)
          or 2 * (instance:fencewatch_memory_distress:bool{%(s)s} == 1 and instance:fencewatch_latent:bool{%(s)s})
          or 2 * (instance:fencewatch_corosync_token_warnings:increase%(w)s{%(s)s} >= bool %(warnings)g == 1)
          or instance:fencewatch_latent:bool{%(s)s}
          or 0 * (up{%(s)s} == 1)
        ||| % { s: s, w: w, warnings: c.tokenWarnings }),
      ],
    }],
  },
}
