// Added to alerts/mixin.libsonnet: grafanaDashboards, by file name.
{
  grafanaDashboards+:: {
    'fleet.json': (import 'fleet.libsonnet')($._config),
    'node.json': (import 'node.libsonnet')($._config),
    'before-after.json': (import 'before-after.libsonnet')($._config),
  },
}
