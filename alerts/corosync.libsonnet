// The cluster engine: late, cut off, unprotected. Nothing here fires on a node without corosync.
local alert = import 'alert.libsonnet';
local q = import 'query.libsonnet';

{
  local c = $._config,
  local s = c.selector,
  local w = c.window,

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
          'CorosyncPaused',
          'warning',
          q.recent('corosync_pauses', s, w),
          'Corosync stood still while the membership was formed.',
          |||
            {{ $labels.instance }}: corosync noticed {{ printf "%%.0f" $value }} pauses of its own in the last %s. It is this node that is sick, not the network.
          ||| % w,
        ),
        alert.new(
          'CorosyncUnableToForm',
          'warning',
          q.recent('corosync_unable_to_form', s, w),
          'Corosync cannot form a cluster for a fault of the system or the network.',
          |||
            {{ $labels.instance }}: corosync said so {{ printf "%%.0f" $value }} times in the last %s. Its packets are dropped (a firewall, an MTU), or its state directory
            cannot be written.
          ||| % w,
          slow=false,
        ),
        alert.new(
          'CorosyncGone',
          'warning',
          'max_over_time(fencewatch_corosync_up{%s}[%s]) > fencewatch_corosync_up{%s}' % [s, c.corosyncGone, s],
          'Corosync ran on the node and does not any more.',
          |||
            {{ $labels.instance }}: corosync ran within the last %s, and now it is gone or does not answer. Unless somebody stopped it, the others fence the node.
          ||| % c.corosyncGone,
          slow=false,
        ),
        alert.new(
          'CorosyncNearMiss',
          'info',
          q.recent('corosync_token_near_misses', s, w),
          'The cluster token came close to being late.',
          |||
            {{ $labels.instance }} waited for more than half of the token timeout {{ printf "%%.0f" $value }} times in the last %s, at most for %s (the bound of a
            histogram's bucket).
          ||| % [w, q.seconds('histogram_quantile(1, increase(fencewatch_corosync_token_gap_seconds_bucket{job=%%q,instance=%%q}[%s]))' % w)],
        ),
        alert.new(
          'CorosyncLinkFlapping',
          'warning',
          q.recent('corosync_link_flaps', s, w),
          'A cluster link goes down again and again.',
          |||
            On {{ $labels.instance }} a link went down for at least the third time in half an hour:{{ range query
            (printf `increase(fencewatch_corosync_link_changes_total{job=%q,instance=%q,state="down"}[30m]) > 1` $labels.job $labels.instance) }} link
            {{ .Labels.link }} to host {{ .Labels.host }} {{ printf "%.0f" .Value }} times;{{ end }} see the runbook for which end it is.
          |||,
        ),
        alert.new(
          'CorosyncHostUnreachable',
          'warning',
          'fencewatch_corosync_impaired{%s}' % q.join([s, 'reason="host_unreachable"']),
          'A cluster member has no link left to another.',
          |||
            {{ $labels.instance }} has had no link to a host for two minutes:{{ range query
            (printf `max by (host) (fencewatch_corosync_link_connected{job=%q,instance=%q}) == 0` $labels.job $labels.instance) | sortByLabel "host" }} {{ .Labels.host }}{{ end }}.
          |||,
          wait='2m',
        ),
        alert.new(
          'CorosyncQuorumLost',
          'critical',
          'fencewatch_corosync_impaired{%s}' % q.join([s, 'reason="no_quorum"']),
          'The node is in a part of the cluster without quorum.',
          |||
            {{ $labels.instance }} provides no cluster service until it sees enough members again: it has %s of %s votes that quorum takes.
          ||| % [q.valueOf('fencewatch_corosync_votes'), q.valueOf('fencewatch_corosync_quorum_votes')],
          wait='30s',
        ),
        alert.new(
          'CorosyncUnprotected',
          'warning',
          'fencewatch_corosync_impaired{%s}' % q.join([s, 'reason=~"not_.*"']),
          'Corosync can be held up by other processes or by reclaim.',
          'Corosync on {{ $labels.instance }} is {{ reReplaceAll "_" " " $labels.reason }}.',
          wait='10m',
        ),
      ],
    }],
  },
}
