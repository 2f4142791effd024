// What a user of the mixin may change. Every threshold stands here and nowhere else.
{
  _config+:: {
    // Where the runbooks are, %s is the alert's name. The copies in the project's repository unless you serve your own.
    runbookURL: 'https://github.com/fencewatch/fencewatch/blob/main/alerts/runbooks/%s.md',
    // Which targets are fencewatch.
    selector: 'job="fencewatch"',
    clusterLabel: 'cluster',
    dashboardTags: ['fencewatch'],

    // Causes and effects count as together when they lie in one window, for which the exporter counts (fencewatch_recent_increase): do not change it. A node
    // that stops answering keeps its verdict for as long.
    window: '10m',

    // How often is evaluated what only a boot changes, and alerts that do not page. The latter read most of the series, and look back over ten minutes anyway.
    bootInterval: '1m',
    slowInterval: '2m',

    // Printed min watermark over the one that is due. Recorded: healthy zones 0.996 to 1.012, starved ones 0.013 to 0.474.
    honouredRatio: 0.8,
    // Seconds that the worst zone was below its min watermark.
    belowMinSeconds: 5,
    // Allocations that had to free memory for themselves.
    directStalls: 3000,
    // Seconds in which no task at all could go on for want of memory (PSI full, kernels from 4.20).
    pressureFullSeconds: 30,
    // Share of free memory in blocks below 32 KiB (order 3, PAGE_ALLOC_COSTLY_ORDER), and compactions that failed.
    unusableRatio: 0.95,
    compactionFailures: 100,
    // Kills of any kind, those of memory cgroups included.
    oomBurst: 20,

    // "Token has not been received": one is noise on a busy network, three are a pattern.
    tokenWarnings: 3,

    // A fencing operation stays in the news for so long, in seconds; an unclean boot likewise.
    fencedSeconds: 600,
    bootSeconds: 86400,

    // Lost log lines stay in the news for so long, in seconds.
    lostSeconds: 600,
  },
}
