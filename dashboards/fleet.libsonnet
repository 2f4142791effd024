// Every node in one row of the chain, the worst on top.
local g = import 'lib.libsonnet';

local s = g.selector;
local column(metric) = g.tableTarget('max by (cluster, instance) (%s{%s})' % [metric, s]);
// Of a node that does not answer only what was wrong when it last did: that nothing was says nothing of now.
local known(metric) = '(%s{%s} > 0 or %s{%s} and on (cluster, job, instance) (up{%s} == 1))' % [metric, s, metric, s, s];
local link(metric) = g.tableTarget('max by (cluster, instance) %s' % known(metric));
local level(n) = 'count(%s == %d) or vector(0)' % [known('instance:fencewatch_fence_risk:level'), n];
local risk(n, name, color) =
  g.stat('Risk %d, %s' % [n, name], 'Nodes whose fence risk is %d now. What the levels mean: alerts/README.md.' % n, 'short', [g.target(level(n))], color);

// How many machines have a label's value, how many of them are miscounted, and how many have a kernel that an advisory calls affected.
local tally(title, description, info, labels) =
  local those(expr) =
    g.tableTarget('sum by (%s) (%s{%s} * on (cluster, job, instance) group_left () (%s))' % [labels, info, s, expr]);
  g.table(
    title,
    description,
    [
      g.tableTarget('count by (%s) (%s{%s})' % [labels, info, s]),
      those('fencewatch_zones_phantom_pages{%s} > bool 0' % s),
      those('instance:fencewatch_kernel_advisory_affected:max{%s}' % s),
    ],
    [
      { id: 'merge', options: {} },
      { id: 'organize', options: {
        excludeByName: { Time: true },
        renameByName: { 'Value #A': 'machines', 'Value #B': 'miscounted', 'Value #C': 'affected, by an advisory' },
      } },
      { id: 'sortBy', options: { sort: [{ field: 'miscounted', desc: true }] } },
    ],
    w=12,
    h=8,
  ) + {
    local warn = { thresholds: g.steps([[null, 'transparent'], [1, g.colors.elevated]]), 'custom.cellOptions': { type: 'color-background', mode: 'basic' } },
    fieldConfig+: { overrides: [g.override('miscounted', warn), g.override('affected, by an advisory', warn)] },
  };

function(config) g.dashboard(
  'fleet',
  'fencewatch / Fleet',
  'Which nodes carry the fault, and which is about to be fenced.',
  config.dashboardTags,
  [
    [
      risk(3, 'high', g.colors.high),
      risk(2, 'elevated', g.colors.elevated),
      risk(1, 'latent', g.colors.latent),
      risk(0, 'none', g.colors.none),
      g.stat('Not answering', 'Targets that Prometheus cannot read now.', 'short', [g.target('count(up{%s} == 0) or vector(0)' % s)], g.colors.elevated),
      g.stat(
        'Fenced in the last day',
        'Nodes that pacemaker on some other node says were fenced in the last 24 hours.',
        'short',
        [g.target('count(count by (target) (time() - fencewatch_fencing_last_timestamp_seconds{%s} < 86400)) or vector(0)' % s)],
        g.colors.high
      ),
    ],
    [
      g.table(
        'Nodes',
        'Nodes that do not answer first, then by risk. The chain from left to right: memory mis-set, memory in distress, corosync late; empty where the node has nothing to read. Of a node that does not answer only what was wrong is kept, for ten minutes. Click a node for its details.',
        [
          link('instance:fencewatch_fence_risk:level'),
          link('instance:fencewatch_memory_misset:bool'),
          link('instance:fencewatch_memory_distress:bool'),
          link('instance:fencewatch_corosync_late:bool'),
          column('fencewatch_zones_watermark_honoured_ratio_min'),
          g.tableTarget('max by (cluster, instance, release) (fencewatch_kernel_info{%s})' % s),
          g.tableTarget('max by (cluster, instance, vendor, product) (fencewatch_machine_info{%s})' % s),
          column('up'),
          // By this the rows are in order.
          g.tableTarget('max by (cluster, instance) ((10 - up{%s}) == 10 or %s)' % [s, known('instance:fencewatch_fence_risk:level')]),
          g.tableTarget('1000 * max by (cluster, instance) (max_over_time(timestamp(up{%s} == 1)[1h:15s]) and on (cluster, job, instance) (up{%s} == 0))' % [s, s]),
        ],
        [
          { id: 'merge', options: {} },
          {
            id: 'organize',
            options: {
              excludeByName: { Time: true, 'Value #F': true, 'Value #G': true },
              indexByName: { 'Value #A': 0, cluster: 1, instance: 2, 'Value #H': 3, 'Value #J': 4, 'Value #B': 5, 'Value #C': 6, 'Value #D': 7, 'Value #E': 8, release: 9, vendor: 10, product: 11, 'Value #I': 12 },
              renameByName: {
                'Value #A': 'risk',
                'Value #B': 'memory mis-set',
                'Value #C': 'in distress',
                'Value #D': 'corosync late',
                'Value #E': 'least watermark ratio',
                'Value #H': 'answers',
                'Value #I': 'order',
                'Value #J': 'last answered',
              },
            },
          },
          { id: 'sortBy', options: { sort: [{ field: 'order', desc: true }] } },
        ],
      ) + {
        local cell = { type: 'color-background', mode: 'basic' },
        fieldConfig+: { overrides: [
          g.override('risk', { mappings: g.riskMapping, 'custom.cellOptions': cell }),
          g.override('answers', { mappings: g.answersMapping, 'custom.cellOptions': cell }),
          g.override('memory mis-set', { mappings: g.yesNoMapping, 'custom.cellOptions': cell }),
          g.override('in distress', { mappings: g.yesNoMapping, 'custom.cellOptions': cell }),
          g.override('corosync late', { mappings: g.yesNoMapping, 'custom.cellOptions': cell }),
          g.override('least watermark ratio', { unit: 'percentunit' }),
          g.override('last answered', { unit: 'dateTimeFromNow' }),
          g.override('order', { 'custom.hidden': true }),
          g.override('instance', { links: [{ title: 'Details', url: '/d/fencewatch-node?${datasource:queryparam}&var-cluster=${__data.fields.cluster}&var-instance=${__data.fields.instance}' }] }),
        ] },
      },
    ],
    [
      g.graph('Nodes at risk', 'How many nodes have each risk. A step in 1 is an upgrade or a new machine; 2 and 3 should be rare.', 'short', [
        g.target('count(instance:fencewatch_fence_risk:level{%s} == 3) or vector(0)' % s, '3 high'),
        g.target('count(instance:fencewatch_fence_risk:level{%s} == 2) or vector(0)' % s, '2 elevated'),
        g.target('count(instance:fencewatch_fence_risk:level{%s} == 1) or vector(0)' % s, '1 latent'),
      ]) + { fieldConfig+: { overrides: [
        g.override('3 high', { color: { mode: 'fixed', fixedColor: g.colors.high } }),
        g.override('2 elevated', { color: { mode: 'fixed', fixedColor: g.colors.elevated } }),
        g.override('1 latent', { color: { mode: 'fixed', fixedColor: g.colors.latent } }),
      ] } },
      g.table('Advisories', 'Machines of whose release a list of known kernel faults has a verdict; where it has none they are not here.', [
        g.tableTarget('count by (advisory, status) (fencewatch_kernel_advisory{%s,status!="unknown"} == 1)' % s),
      ], [
        { id: 'organize', options: { excludeByName: { Time: true }, renameByName: { Value: 'machines' } } },
        { id: 'sortBy', options: { sort: [{ field: 'status', desc: false }] } },
      ], w=12, h=8) + { fieldConfig+: { overrides: [
        g.override('status', { mappings: g.advisoryMapping, 'custom.cellOptions': { type: 'color-background', mode: 'basic' } }),
      ] } },
    ],
    [
      tally('Kernels', 'Machines by kernel release, and how many of them have a miscounted zone: affected and fixed kernels at a glance.', 'fencewatch_kernel_info', 'release'),
      tally('Machine models', 'Machines by model, and how many of them have a miscounted zone.', 'fencewatch_machine_info', 'vendor, product'),
    ],
  ],
)
