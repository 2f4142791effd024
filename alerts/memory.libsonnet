// Memory mis-set, memory in distress. A kill in a memory cgroup alone never pages: on Kubernetes it is daily bread.
local alert = import 'alert.libsonnet';
local q = import 'query.libsonnet';

{
  local c = $._config,
  local s = c.selector,
  local w = c.window,

  prometheusAlerts+:: {
    groups+: [{
      name: 'fencewatch.memory',
      rules: [
        alert.new(
          'ZoneMiscounted',
          'warning',
          q.byModel('instance:fencewatch_zones_phantom_pages:sum{%s}' % s, s, c.clusterLabel),
          'The kernel has miscounted memory zones.',
          'Zones of {{ $labels.instance }} manage {{ printf "%.0f" $value }} pages more than they have, so watermarks are shared out wrongly.',
          wait='1m',
        ),
        alert.new(
          'WatermarksCollapsed',
          'warning',
          q.byModel('instance:fencewatch_zones_watermark_honoured_ratio:min{%s}' % s, s, c.clusterLabel),
          'A memory zone has far less in reserve than the kernel meant to keep.',
          |||
            The min watermark of a zone of {{ $labels.instance }} is {{ humanizePercentage $value }} of what the kernel's own formula gives; healthy is
            95 % to 105 %.
          |||,
          wait='2m',
        ),
        alert.new(
          'KernelAdvisoryAffected',
          'info',
          'fencewatch_kernel_advisory{%s} == 1' % q.join([s, 'status="affected"']),
          'A known fault of the memory management is in this kernel release.',
          |||
            {{ $labels.advisory }} calls %s affected, which {{ $labels.instance }} runs. Whether the machine suffers from it, ZoneMiscounted and
            WatermarksCollapsed tell.
          ||| % q.labelOf('fencewatch_kernel_info', 'release'),
          wait='5m',
        ),
        alert.new(
          'FreeBelowMinWatermark',
          'warning',
          'instance:fencewatch_zones_short_seconds:increase%s{%s} > %g' % [w, s, c.shortSeconds],
          'Memory zones have run dry.',
          |||
            A zone of {{ $labels.instance }} had fewer free pages than its min watermark for {{ printf "%%.1f" $value }} s of the last %s, while the others had
            none to spare: every allocation must free memory for itself.
          ||| % w,
        ),
        alert.new(
          'DirectReclaimStorm',
          'warning',
          'instance:fencewatch_zones_direct_stalls:increase%s{%s} > %g' % [w, s, c.directStalls],
          'Processes free memory for themselves because kswapd comes too late.',
          '{{ $labels.instance }}: {{ printf "%%.0f" $value }} allocations stalled in direct reclaim in the last %s.' % w,
        ),
        alert.new(
          'SmallAllocationsFail',
          'warning',
          |||
            %s
            and instance:fencewatch_memory_misset:bool{%s} == 1
          ||| % [q.recent('small_allocation_failures', s, w), s],
          'The kernel does not get small blocks of memory on a node with wrong watermarks.',
          |||
            {{ $labels.instance }}: at least {{ printf "%%.0f" $value }} allocations of up to 32 KiB (order 3) failed in the last %s: what waits for no reclaim finds
            nothing, as packets of the network.
          ||| % w,
        ),
        alert.new(
          'MemoryFragmented',
          'warning',
          |||
            fencewatch_zones_unusable_free_ratio_max{%s} > %g
            and %s > %g
          ||| % [s, c.unusableRatio, q.recent('compaction_failures', s, w), c.compactionFailures],
          'Free memory is in pieces and compaction does not help.',
          |||
            {{ $labels.instance }}: {{ humanizePercentage $value }} of the free memory of a zone lies in blocks too small for order 3, and more than %g
            compactions failed in the last %s.
          ||| % [c.compactionFailures, w],
          wait='5m',
        ),
        alert.new(
          'OOMKillGlobal',
          'critical',
          'instance:fencewatch_oom_kills_global:increase%s{%s} > 0' % [w, s],
          'The kernel killed processes because the machine had no memory left.',
          '{{ $labels.instance }}: {{ printf "%%.0f" $value }} processes killed in the last %s, not for the limit of a memory cgroup.' % w,
        ),
        alert.new(
          'OOMKillBurst',
          'warning',
          'instance:fencewatch_oom_kills:increase%s{%s} > %g' % [w, s, c.oomBurst],
          'Many processes are being killed for want of memory.',
          '{{ $labels.instance }}: {{ printf "%%.0f" $value }} OOM kills in the last %s, those of memory cgroups included.' % w,
        ),
      ],
    }],
  },
}
