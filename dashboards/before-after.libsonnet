// One node over a kernel upgrade: everything by the release that was running. Of raw metrics where they are held against a release: a recorded one is
// of the kernel before for some seconds after the reboot.
local g = import 'lib.libsonnet';

local s = g.selector;
local by(expr) = '(%s) * on (cluster, job, instance) group_left (release) fencewatch_kernel_info{%s}' % [expr, s];
local increase(metric, matchers='') = 'increase(%s{%s}[$__rate_interval])' % [metric, if matchers == '' then s else s + ',' + matchers];
local legend = '{{instance}} {{release}}';

local miscounted = 'max by (cluster, job, instance) (fencewatch_zone_miscount{%s})' % s;
local honoured = 'min by (cluster, job, instance) (fencewatch_zone_watermark_honoured_ratio{%s})' % s;

// Over the whole time shown, for each release.
local least(expr) = g.tableTarget('min by (instance, release) (min_over_time((%s)[$__range:5m]))' % by(expr));
local most(expr) = g.tableTarget('max by (instance, release) (max_over_time((%s)[$__range:5m]))' % by(expr));
local total(expr) = g.tableTarget('sum by (instance, release) (sum_over_time((%s)[$__range:5m]))' % by(expr));
local five(metric, matchers='') = 'increase(%s{%s}[5m])' % [metric, if matchers == '' then s else s + ',' + matchers];

function(tags) g.dashboard(
  'before-after',
  'fencewatch / Before and after',
  'One node over a kernel upgrade. Choose one instance and a time that holds the reboot.',
  tags,
  [
    [
      g.table(
        'By release',
        'What each kernel release did in the time shown: miscounted or not, the least honoured watermark, and how much distress there was in all.',
        [
          most(miscounted),
          least(honoured),
          total('max by (cluster, job, instance) (%s)' % five('fencewatch_zone_below_watermark_seconds_total', 'watermark="min"')),
          total('sum by (cluster, job, instance) (%s)' % five('fencewatch_reclaim_direct_stalls_total')),
          total('sum by (cluster, job, instance) (%s)' % five('fencewatch_oom_kills_total')),
          total('sum by (cluster, job, instance) (%s)' % five('fencewatch_corosync_token_warnings_total')),
        ],
        [
          { id: 'merge', options: {} },
          { id: 'organize', options: {
            excludeByName: { Time: true },
            renameByName: {
              'Value #A': 'miscounted',
              'Value #B': 'least watermark ratio',
              'Value #C': 's below min',
              'Value #D': 'direct reclaim stalls',
              'Value #E': 'OOM kills',
              'Value #F': 'token warnings',
            },
          } },
        ],
        h=6,
      ) + { fieldConfig+: { overrides: [
        g.override('miscounted', { mappings: g.yesNoMapping, 'custom.cellOptions': { type: 'color-background', mode: 'basic' } }),
        g.override('least watermark ratio', { unit: 'percentunit' }),
      ] + [
        g.override(counted, { decimals: 0 })
        for counted in ['direct reclaim stalls', 'OOM kills', 'token warnings']
      ] } },
    ],
    [
      g.graph('Watermarks honoured', 'The least honoured min watermark of the node. It should step to 1 at the reboot.', 'percentunit', [
        g.target(by(honoured), legend),
      ]) + g.withLimit(0.8),
      g.graph('Fence risk', '0 none to 3 high. It should fall to 0 within the ten minutes after the reboot for which the rules look back.', 'short', [
        g.target(by('instance:fencewatch_fence_risk:level{%s}' % s), legend),
      ]),
    ],
    [
      g.graph('Seconds below min', 'How long the worst zone was below its min watermark.', 's', [
        g.target(by('max by (cluster, job, instance) (%s)' % increase('fencewatch_zone_below_watermark_seconds_total', 'watermark="min"')), legend),
      ]),
      g.graph('Direct reclaim stalls', 'Allocations that had to free memory for themselves.', 'short', [
        g.target(by('sum by (cluster, job, instance) (%s)' % increase('fencewatch_reclaim_direct_stalls_total')), legend),
      ]),
    ],
    [
      g.graph('OOM kills', 'Processes killed for want of memory, those of memory cgroups included.', 'short', [
        g.target(by('sum by (cluster, job, instance) (%s)' % increase('fencewatch_oom_kills_total')), legend),
      ]),
      g.graph('Token warnings', 'Times that the cluster token was late.', 'short', [
        g.target(by('sum by (cluster, job, instance) (%s)' % increase('fencewatch_corosync_token_warnings_total')), legend),
      ]),
    ],
  ],
  [g.mark('Boots', 'fencewatch_boot_time_seconds{%s}' % s, 'started: {{instance}}', g.colors.none)],
)
