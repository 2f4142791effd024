// One node, the chain from top to bottom on one time axis.
local g = import 'lib.libsonnet';

local s = g.selector;
local with(matchers) = s + ',' + matchers;
local rate(metric, matchers='') = 'rate(%s{%s}[$__rate_interval])' % [metric, if matchers == '' then s else with(matchers)];
local increase(metric, matchers='') = 'increase(%s{%s}[$__rate_interval])' % [metric, if matchers == '' then s else with(matchers)];
local bytes(expr) = '%s * on (cluster, job, instance) group_left () fencewatch_page_size_bytes{%s}' % [expr, s];
local zone = '{{instance}} node {{numa_node}} {{zone}}';
local marks(watermark) = bytes('fencewatch_zone_watermark_pages{%s}' % with('zone=~"%s",watermark="%s"' % ['$zone', watermark]));
local link(name, legend) = g.target('max by (instance) (instance:fencewatch_%s{%s})' % [name, s], '{{instance}} ' + legend);

function(config) g.dashboard(
  'node',
  'fencewatch / Node',
  'The chain of one node from top to bottom: zones, distress, corosync, fencing.',
  config.dashboardTags,
  [
    [
      g.states('Fence risk', '0 none, 1 latent, 2 elevated, 3 high: about to be fenced. What the levels mean: alerts/README.md.', [link('fence_risk:level', 'risk')], g.riskMapping, h=4),
    ],
    [
      g.states('The three links', 'Memory mis-set, memory in distress, corosync late, from left to right in the chain. A link that the node does not have (no corosync) is not shown.', [
        link('memory_misset:bool', 'memory mis-set'),
        link('memory_distress:bool', 'in distress'),
        link('corosync_late:bool', 'corosync late'),
      ], g.yesNoMapping, h=6),
    ],
    [
      g.graph('Zone $zone: free memory against its watermarks', "kswapd wakes when free falls below low, and below min allocations stop and reclaim for themselves. The dashed line is the min that the kernel's formula gives; min far below it is the fault. One line of each kind for each NUMA node.", 'bytes', [
        g.target(bytes('fencewatch_zone_free_pages{%s}' % with('zone=~"$zone"')), zone + ' free', g.colors.plain),
        g.target(marks('min'), zone + ' min', g.colors.high),
        g.target(marks('low'), zone + ' low', g.colors.elevated),
        g.target(marks('high'), zone + ' high', g.colors.latent),
        g.target(bytes('fencewatch_zone_expected_watermark_pages{%s}' % with('zone=~"$zone",watermark="min"')), zone + ' expected min', g.colors.high, dashed=true),
      ], w=24, h=9) + {
        repeat: 'zone',
        repeatDirection: 'h',
        maxPerRow: 2,
        fieldConfig+: { defaults+: { custom+: { scaleDistribution: { type: 'log', log: 10 } } } },
      } + { fieldConfig+: { defaults+: { min:: null } } },
    ],
    [
      g.graph('Watermarks honoured', 'Printed min watermark over the expected one, for each zone. 1 is healthy, below %g the zone is starved.' % config.honouredRatio, 'percentunit', [
        g.target('fencewatch_zone_watermark_honoured_ratio{%s}' % s, zone),
      ]) + g.withLimit(config.honouredRatio),
      g.graph('Time below min', 'Share of time that a zone had fewer free pages than its min watermark, looked at four times a second.', 'percentunit', [
        g.target(rate('fencewatch_zone_below_watermark_seconds_total', 'watermark="min"'), zone),
      ]),
    ],
    [
      g.graph('Forecast: time until min', 'How long until free memory meets the sum of the min watermarks that are due, if it goes on falling as in the last ten seconds. Nothing is shown while it does not fall steadily, or kswapd will wake before.', 's', [
        g.target('fencewatch_memory_seconds_to_min{%s}' % s, '{{instance}}'),
      ]),
      g.graph('Memory short', 'Share of time in which a zone was below min and all of them together below what is due; and in which memory was exhausted: short for most of 15 s, with a storm of direct reclaim.', 'percentunit', [
        g.target('sum by (instance) (%s)' % rate('fencewatch_zones_short_seconds_total'), '{{instance}} short', g.colors.elevated),
        g.target('sum by (instance) (%s)' % rate('fencewatch_memory_exhausted_seconds_total'), '{{instance}} exhausted', g.colors.high),
      ]),
    ],
    [
      g.graph('kswapd comes too late', 'Share of its runs after which kswapd, about to sleep, found free memory below low again. Above %g it is a sign of wrong watermarks.' % config.kswapdLowHitsRatio, 'percentunit', [
        g.target('sum by (instance) (%s) / sum by (instance) (%s)' % [rate('fencewatch_kswapd_watermark_hits_total', 'watermark="low"'), rate('fencewatch_kswapd_wakes_total')], '{{instance}}'),
      ]) + g.withLimit(config.kswapdLowHitsRatio),
      g.graph('Small allocations that failed', 'Blocks of up to 32 KiB (order 3) that the kernel could not give, at least: it tells one in ten seconds. What cannot wait goes without, as packets of the network.', 'short', [
        g.target('sum by (instance, order) (%s)' % increase('fencewatch_page_allocation_failures_total', 'order=~"[0-3]"'), '{{instance}} order {{order}}'),
      ]),
    ],
    [
      g.graph('Direct reclaim', 'Allocations in a second that stopped to free memory for themselves, because kswapd came too late.', 'ops', [
        g.target('sum by (instance) (%s)' % rate('fencewatch_reclaim_direct_stalls_total'), '{{instance}} stalls'),
      ]),
      g.graph('Who reclaims', 'Pages looked at in a second to free them: by kswapd is as it should be, direct is a process that waits.', 'ops', [
        g.target('sum by (instance) (%s)' % rate('fencewatch_reclaim_scanned_pages_total', 'by="kswapd"'), '{{instance}} kswapd'),
        g.target('sum by (instance) (%s)' % rate('fencewatch_reclaim_scanned_pages_total', 'by="direct"'), '{{instance}} direct', g.colors.high),
      ]),
    ],
    [
      g.graph('OOM kills', 'Processes killed for want of memory. Those of memory cgroups are usual on Kubernetes, those for the machine are not. Prometheus extrapolates: one kill can look like 1.3.', 'short', [
        g.target('sum by (instance) (%s)' % increase('fencewatch_oom_kills_total'), '{{instance}} all'),
        g.target('sum by (instance) (%s)' % increase('fencewatch_oom_kill_events_total', 'constraint="memcg"'), '{{instance}} for a memory cgroup'),
        g.target('sum by (instance) (%s)' % increase('fencewatch_oom_kill_events_total', 'constraint=~"global|cpuset|mempolicy"'), '{{instance}} for the machine', g.colors.high),
      ]),
      g.graph('Pressure', 'Share of time in which some tasks, or all of them (full), waited for the resource. Kernels from 4.20.', 'percentunit', [
        g.target(rate('fencewatch_pressure_stalled_seconds_total', 'resource="cpu",kind="some"'), '{{instance}} cpu some'),
        g.target(rate('fencewatch_pressure_stalled_seconds_total', 'resource="io",kind="full"'), '{{instance}} io full', '#009E73'),
        g.target(rate('fencewatch_pressure_stalled_seconds_total', 'resource="memory",kind="some"'), '{{instance}} memory some', g.colors.elevated),
        g.target(rate('fencewatch_pressure_stalled_seconds_total', 'resource="memory",kind="full"'), '{{instance}} memory full', g.colors.high),
      ]),
    ],
    [
      g.graph('Fragmentation', 'Share of free memory in blocks too small for order 3 (32 KiB).', 'percentunit', [
        g.target('fencewatch_zone_unusable_free_ratio{%s}' % with('order="3"'), zone),
      ]),
      g.graph('Compaction', 'Compactions in a second that allocations had to wait for, and how they ended.', 'ops', [
        g.target('sum by (instance) (%s)' % rate('fencewatch_compaction_successes_total'), '{{instance}} made a block'),
        g.target('sum by (instance) (%s)' % rate('fencewatch_compaction_failures_total'), '{{instance}} failed'),
      ]),
    ],
    [
      g.graph('Corosync: events', "Token warnings (75 % of the timeout), tokens lost, and times that corosync was not scheduled, paused, or could form no cluster. The last three are this node's own fault.", 'short', [
        g.target('sum by (instance) (%s)' % increase('fencewatch_corosync_token_warnings_total'), '{{instance}} token warnings'),
        g.target('sum by (instance) (%s)' % increase('fencewatch_corosync_token_timeouts_total'), '{{instance}} token lost', g.colors.high),
        g.target('sum by (instance) (%s)' % increase('fencewatch_corosync_scheduling_misses_total'), '{{instance}} not scheduled'),
        g.target('sum by (instance) (%s)' % increase('fencewatch_corosync_pauses_total'), '{{instance}} pauses'),
        g.target('sum by (instance) (%s)' % increase('fencewatch_corosync_unable_to_form_total'), '{{instance}} unable to form a cluster', '#CC79A7'),
      ]),
      g.graph('Corosync: longest wait for the token', 'Upper bound of the longest wait, from four looks a second, against the timeout. Above a half it is a near miss.', 's', [
        g.target('histogram_quantile(1, sum by (instance, le) (%s))' % rate('fencewatch_corosync_token_gap_seconds_bucket'), '{{instance}} longest wait'),
        g.target('max by (instance) (fencewatch_corosync_token_timeout_seconds{%s})' % with('source="runtime"'), '{{instance}} timeout', g.colors.high, dashed=true),
      ]),
    ],
    [
      g.graph('Corosync: links', 'Links that are connected, for each other host. 0 is a host that cannot be reached.', 'short', [
        g.target('sum by (instance, host) (fencewatch_corosync_link_connected{%s})' % s, '{{instance}} to {{host}}'),
      ]),
      g.graph('Corosync: quorum', '1 while this node is in a part of the cluster that may provide service.', 'short', [
        g.target('max by (instance) (fencewatch_corosync_quorate{%s})' % s, '{{instance}} quorate'),
        g.target('max by (instance) (fencewatch_corosync_up{%s})' % s, '{{instance}} corosync runs', dashed=true),
      ]),
    ],
    [
      g.graph('Fencing of this node', 'What sbd warned of, by kind, and "We were allegedly just fenced" of pacemaker.', 'short', [
        g.target('sum by (instance, kind) (%s)' % increase('fencewatch_sbd_warnings_total'), '{{instance}} sbd {{kind}}'),
        g.target('sum by (instance) (%s)' % increase('fencewatch_fenced_self_total'), '{{instance}} told of its own fencing', g.colors.high),
      ]),
      g.graph('Logs: how old the lines are', 'Age of the log lines that are being read; 0 when none are waiting. Above %g s what they tell comes too late.' % config.logLagSeconds, 's', [
        g.target('fencewatch_log_lag_seconds{%s}' % s, '{{instance}}'),
      ]) + g.withLimit(config.logLagSeconds),
    ],
    [
      g.states('What outlives a shortage', 'Corosync and this exporter are on time in a node without memory when they are locked in it and scheduled in real time.', [
        g.target('max by (instance) (fencewatch_corosync_process_realtime{%s})' % s, '{{instance}} corosync real-time'),
        g.target('max by (instance) (fencewatch_corosync_process_locked_bytes{%s} > bool 0)' % s, '{{instance}} corosync locked'),
        g.target('max by (instance) (fencewatch_process_realtime{%s})' % s, '{{instance}} exporter real-time'),
        g.target('max by (instance) (fencewatch_memory_locked{%s})' % s, '{{instance}} exporter locked'),
      ], g.answersMapping, h=6),
    ],
  ],
  [
    g.mark('Boots', 'fencewatch_boot_time_seconds{%s}' % s, 'started: {{instance}}', g.colors.none),
    g.mark('Fencing', 'max by (target) (fencewatch_fencing_last_timestamp_seconds{job=~"$job",cluster=~"$cluster"})', 'fenced: {{target}}', g.colors.high),
  ],
) + {
  templating+: { list+: [{
    type: 'query',
    name: 'zone',
    label: 'Zone',
    datasource: { type: 'prometheus', uid: '$datasource' },
    query: { query: 'label_values(fencewatch_zone_watermark_honoured_ratio{%s}, zone)' % s, refId: 'zone' },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.+',
    current: { text: ['Normal'], value: ['Normal'] },
  }] },
}
