// The cluster engine: late, cut off, unprotected. Nothing here fires on a node without corosync.
local alert = import 'alert.libsonnet';
local q = import 'query.libsonnet';

{
  local c = $._config,
  local s = c.selector,
  local w = c.window,
  local timeout = 'fencewatch_corosync_token_timeout_seconds{%s}' % q.join([s, 'source="runtime"']),

  prometheusAlerts+:: {
    groups+: [{
      name: 'fencewatch.corosync',
      rules: [
        alert.new(
          'CorosyncTokenWarnings',
          'warning',
          'instance:fencewatch_corosync_token_warnings:increase%s{%s} >= %g' % [w, s, c.tokenWarnings],
          'The cluster token is late again and again.',
          |||
            {{ $labels.instance }} waited for more than three quarters of the token timeout {{ printf "%%.0f" $value }} times in the last %s. The token
            is not lost yet.
          ||| % w,
        ),
        alert.new(
          'CorosyncTokenLost',
          'warning',
          'instance:fencewatch_corosync_token_losses:increase%s{%s} > 0' % [w, s],
          'The cluster token was lost and the membership formed anew.',
          '{{ $labels.instance }} lost the token {{ printf "%%.0f" $value }} times in the last %s. The sick node may be another one.' % w,
        ),
        alert.new(
          'CorosyncNotScheduled',
          'warning',
          'instance:fencewatch_corosync_scheduling_misses:increase%s{%s} > 0' % [w, s],
          'Corosync did not get the CPU in time.',
          |||
            {{ $labels.instance }}: corosync was held up {{ printf "%%.0f" $value }} times in the last %s for longer than 80 %% of the token timeout. It is
            this node that is sick, not the network.
          ||| % w,
        ),
        alert.new(
          'CorosyncNearMiss',
          'info',
          |||
            histogram_quantile(1, increase(fencewatch_corosync_token_gap_seconds_bucket{%(s)s}[%(w)s]))
            > ignoring (source) %(ratio)g * %(timeout)s
          ||| % { s: s, w: w, ratio: c.nearMissRatio, timeout: timeout },
          'The cluster token came close to being late.',
          |||
            The longest wait for the token on {{ $labels.instance }} in the last %s was up to {{ humanizeDuration $value }} (the bound of a histogram's
            bucket), more than %d %% of the timeout.
          ||| % [w, c.nearMissRatio * 100],
          slow=true,
        ),
        alert.new(
          'CorosyncLinkFlapping',
          'warning',
          'increase(fencewatch_corosync_link_changes_total{%s}[30m]) >= %g' % [q.join([s, 'state="down"']), c.linkDowns],
          'A cluster link goes down again and again.',
          |||
            On {{ $labels.instance }} link {{ $labels.link }} to host {{ $labels.host }} went down {{ printf "%.0f" $value }} times in the last half hour.
          |||,
          slow=true,
        ),
        alert.new(
          'CorosyncHostUnreachable',
          'warning',
          'max without (link) (fencewatch_corosync_link_connected{%s}) == 0' % s,
          'A cluster member has no link left to another.',
          '{{ $labels.instance }} has had no link to host {{ $labels.host }} for two minutes.',
          wait='2m',
          slow=true,
        ),
        alert.new(
          'CorosyncQuorumLost',
          'critical',
          'fencewatch_corosync_quorate{%s} == 0' % s,
          'The node is in a part of the cluster without quorum.',
          |||
            {{ $labels.instance }} provides no cluster service until it sees enough members again: it has %s of %s votes that quorum takes.
          ||| % [q.valueOf('fencewatch_corosync_votes'), q.valueOf('fencewatch_corosync_quorum_votes')],
          wait='30s',
        ),
        alert.new(
          'CorosyncUnprotected',
          'warning',
          |||
            label_replace(fencewatch_corosync_process_realtime{%(s)s} == 0, "lacks", "real-time class", "", "")
            or label_replace(fencewatch_corosync_process_locked_bytes{%(s)s} == 0, "lacks", "locked memory", "", "")
          ||| % { s: s },
          'Corosync can be held up by other processes or by reclaim.',
          'Corosync on {{ $labels.instance }} runs without {{ $labels.lacks }}.',
          wait='10m',
          slow=true,
        ),
      ],
    }],
  },
}
