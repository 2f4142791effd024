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

    // How often is evaluated what is about to kill, what only a boot changes, and alerts that do not page. The latter read most of the series, and look back
    // over ten minutes anyway.
    fastInterval: '15s',
    bootInterval: '1m',
    slowInterval: '2m',
    // Two scrapes that were not answered. Twice your scrape interval.
    blind: '30s',

    // Printed min watermark over the one that is due. Recorded: healthy zones 0.996 to 1.012, starved ones 0.013 to 0.474.
    honouredRatio: 0.8,
    // Seconds that a zone was below its min watermark and all of them together below what is due. Recorded: with right watermarks 0 until memory was
    // exhausted, although zones were below min for 5 s and more while gigabytes were free; with wrong ones 2 s at 6 to 14 s after the load came.
    shortSeconds: 2,
    // Times that kswapd, about to sleep, found free memory below low again: their share of its runs, and so many that there is one. Recorded in 45 s of load:
    // 16 to 34 and 1 % to 2 % with right watermarks, 288 to 624 and 10 % to 28 % with wrong ones.
    kswapdLowHits: 100,
    kswapdLowHitsRatio: 0.05,
    // Allocations that had to free memory for themselves: in ten minutes; and in one where watermarks are wrong. Of these alone nothing is concluded where they are
    // right: 12 a second were recorded there under a load that did no harm.
    directStalls: 3000,
    directStallsMisset: 300,
    // Share of free memory in blocks below 32 KiB (order 3, PAGE_ALLOC_COSTLY_ORDER), and compactions that failed.
    unusableRatio: 0.95,
    compactionFailures: 100,
    // Kills of any kind, those of memory cgroups included.
    oomBurst: 20,

    // A corosync that was stopped stays in the news for so long.
    corosyncGone: '1h',

    // "Token has not been received": one is noise on a busy network, three are a pattern.
    tokenWarnings: 3,

    // A fencing operation stays in the news for so long, in seconds; an unclean boot likewise.
    fencedSeconds: 600,
    bootSeconds: 86400,

    // Seconds that lines wait to be read: what they tell comes too late for the window.
    logLagSeconds: 60,

    // Lost log lines stay in the news for so long, in seconds.
    lostSeconds: 600,
  },
}
