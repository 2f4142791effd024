// Added to alerts/mixin.libsonnet: grafanaDashboards, by file name.
{
  grafanaDashboards+:: {
    'fleet.json': (import 'fleet.libsonnet')($._config.dashboardTags),
    'node.json': (import 'node.libsonnet')($._config.dashboardTags),
    'before-after.json': (import 'before-after.libsonnet')($._config.dashboardTags),
  },
}
