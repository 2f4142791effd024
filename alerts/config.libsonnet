// What a user of the mixin may change. Every threshold stands here and nowhere else.
{
  _config+:: {
    // Where the runbooks are, %s is the alert's name. The copies in the project's repository unless you serve your own.
    runbookURL: 'https://github.com/fencewatch/fencewatch/blob/main/alerts/runbooks/%s.md',
    // Which targets are fencewatch.
    selector: 'job="fencewatch"',
    clusterLabel: 'cluster',
    dashboardTags: ['fencewatch'],

    // Causes and effects count as together when they lie in one window. Counts below are counts in one window.
    window: '10m',

    // How often rules and alerts are evaluated that are not urgent or read many series.
    slowInterval: '1m',

    // Printed min watermark over the one that is due. Recorded: healthy zones 0.996 to 1.012, starved ones 0.013 to 0.474.
    honouredRatio: 0.8,
    // Seconds that the worst zone was below its min watermark.
    belowMinSeconds: 5,
    // Allocations that had to free memory for themselves.
    directStalls: 3000,
    // Seconds in which no task at all could go on for want of memory (PSI full, kernels from 4.20).
    pressureFullSeconds: 30,
    // Share of free memory in blocks below 32 KiB (order 3, PAGE_ALLOC_COSTLY_ORDER), and compactions that failed.
    unusableOrder: '3',
    unusableRatio: 0.95,
    compactionFailures: 100,
    // Kills of any kind, those of memory cgroups included.
    oomBurst: 20,

    // "Token has not been received": one is noise on a busy network, three are a pattern.
    tokenWarnings: 3,
    // Longest wait for the token over the token timeout; corosync itself warns at 0.75.
    nearMissRatio: 0.5,
    // Times that one link went down in half an hour.
    linkDowns: 3,

    // A fencing operation stays in the news for so long, in seconds; an unclean boot likewise.
    fencedSeconds: 600,
    bootSeconds: 86400,

    // A collection takes milliseconds, its deadline is a second.
    stuckSeconds: 30,
  },
}
