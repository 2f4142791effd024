// Panels of Grafana's classic schema: only what these dashboards use. Sizes are in its grid of 24 columns.
{
  local source = { type: 'prometheus', uid: '${datasource}' },

  // Okabe and Ito's colours, told apart by everyone; a risk is told in words as well.
  colors:: { none: '#0072B2', latent: '#F0E442', elevated: '#E69F00', high: '#D55E00', unknown: '#999999', quiet: '#464C54', plain: '#56B4E9' },
  // Of the lines of a panel, one for each query. Where one query gives a line for each zone or host, the legend tells them apart.
  local lines = [$.colors.plain, $.colors.elevated, '#009E73', '#CC79A7', $.colors.latent, $.colors.high],

  local value(text, color) = { text: text, color: color },
  riskMapping:: [{
    type: 'value',
    options: {
      '0': value('0 none', $.colors.none) { index: 0 },
      '1': value('1 latent', $.colors.latent) { index: 1 },
      '2': value('2 elevated', $.colors.elevated) { index: 2 },
      '3': value('3 high', $.colors.high) { index: 3 },
    },
  }],
  answersMapping:: [{
    type: 'value',
    options: { '0': value('NO', $.colors.elevated) { index: 0 }, '1': value('yes', $.colors.none) { index: 1 } },
  }],
  advisoryMapping:: [{
    type: 'value',
    options: { affected: value('affected', $.colors.high) { index: 0 }, fixed: value('fixed', $.colors.none) { index: 1 } },
  }],
  yesNoMapping:: [{
    type: 'value',
    options: { '0': value('no', $.colors.none) { index: 0 }, '1': value('YES', $.colors.high) { index: 1 } },
  }],
  steps(list):: { mode: 'absolute', steps: [{ color: step[1], value: step[0] } for step in list] },

  // Every query is of the chosen jobs and instances.
  selector:: 'job=~"$job",instance=~"$instance",cluster=~"$cluster"',

  target(expr, legend='', color=null, dashed=false):: { expr: expr, legendFormat: legend, datasource: source, range: true, color:: color, dashed:: dashed },
  tableTarget(expr):: { expr: expr, format: 'table', instant: true, datasource: source },

  local panel(type, title, description, unit, targets, w, h) = {
    type: type,
    title: title,
    description: description,
    datasource: source,
    targets: [targets[i] { refId: std.char(std.codepoint('A') + i) } for i in std.range(0, std.length(targets) - 1)],
    fieldConfig: { defaults: { unit: unit, color: { mode: 'palette-classic' } }, overrides: [] },
    gridPos: { w: w, h: h },
    options: {},
  },

  graph(title, description, unit, targets, w=12, h=8):: panel('timeseries', title, description, unit, targets, w, h) {
    fieldConfig+: { defaults+: { min: 0, custom: { lineWidth: 2, fillOpacity: 0, showPoints: 'auto', spanNulls: false } } },
    options: { legend: { displayMode: 'list', placement: 'bottom', showLegend: true }, tooltip: { mode: 'multi', sort: 'desc' } },
  } + (if std.length(targets) == 1 then {} else { fieldConfig+: { overrides: [
         $.override(std.char(std.codepoint('A') + i), {
           color: { mode: 'fixed', fixedColor: if targets[i].color == null then lines[i] else targets[i].color },
           [if targets[i].dashed then 'custom.lineStyle']: { fill: 'dash', dash: [10, 8] },
         }, 'byFrameRefID')
         for i in std.range(0, std.length(targets) - 1)
       ] } }),

  // A dashed line at `at`.
  withLimit(at):: {
    fieldConfig+: { defaults+: {
      thresholds: $.steps([[null, 'transparent'], [at, $.colors.high]]),
      custom+: { thresholdsStyle: { mode: 'dashed' } },
    } },
  },

  states(title, description, targets, mappings, w=24, h=8):: panel('state-timeline', title, description, 'short', targets, w, h) {
    fieldConfig+: { defaults+: { mappings: mappings, color: { mode: 'fixed', fixedColor: $.colors.unknown }, custom: { fillOpacity: 90, lineWidth: 0 } } },
    options: { mergeValues: true, showValue: 'auto', rowHeight: 0.9, legend: { displayMode: 'list', placement: 'bottom', showLegend: false } },
  },

  stat(title, description, unit, targets, color, w=4, h=4):: panel('stat', title, description, unit, targets, w, h) {
    fieldConfig+: { defaults+: { noValue: '0', color: { mode: 'thresholds' }, thresholds: $.steps([[null, $.colors.quiet], [1, color]]) } },
    options: { colorMode: 'background', graphMode: 'none', textMode: 'value', reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false } },
  },

  table(title, description, targets, transformations, w=24, h=12):: panel('table', title, description, 'short', targets, w, h) {
    fieldConfig+: { defaults+: { custom: { align: 'auto', filterable: true, cellOptions: { type: 'auto' } } } },
    options: { showHeader: true, cellHeight: 'sm', footer: { show: false, reducer: ['sum'], countRows: false, fields: '' } },
    transformations: transformations,
  },

  override(name, properties, by='byName'):: {
    matcher: { id: by, options: name },
    properties: [{ id: key, value: properties[key] } for key in std.objectFields(properties)],
  },

  // Rows of panels, each as high as its highest, one below the other.
  layout(rows)::
    local heights = [std.foldl(function(most, p) std.max(most, p.gridPos.h), row, 0) for row in rows];
    local before(list, i) = std.foldl(function(sum, n) sum + n, list[0:i], 0);
    local placed = std.flattenArrays([
      [rows[r][i] { gridPos+: { x: before([p.gridPos.w for p in rows[r]], i), y: before(heights, r) } } for i in std.range(0, std.length(rows[r]) - 1)]
      for r in std.range(0, std.length(rows) - 1)
    ]);
    [placed[i] { id: i + 1 } for i in std.range(0, std.length(placed) - 1)],

  local variable(name, label) = {
    type: 'query',
    name: name,
    label: label,
    datasource: { type: 'prometheus', uid: '$datasource' },
    query: { query: 'label_values(fencewatch_kernel_info{%s}, %s)' % [$.above(name), name], refId: name },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: if name == 'cluster' then '.*' else '.+',
    current: { text: 'All', value: '$__all' },
  },
  above(name):: { cluster: '', job: 'cluster=~"$cluster"', instance: 'cluster=~"$cluster",job=~"$job"' }[name],

  dashboard(uid, title, description, tags, rows, annotations=[]):: {
    uid: 'fencewatch-' + uid,
    title: title,
    description: description,
    tags: tags,
    schemaVersion: 39,
    editable: false,
    graphTooltip: 1,
    time: { from: 'now-6h', to: 'now' },
    timezone: 'browser',
    refresh: '30s',
    links: [{ type: 'dashboards', title: 'fencewatch', tags: tags, asDropdown: false, includeVars: true, keepTime: true, icon: 'external link', targetBlank: false, tooltip: '', url: '' }],
    annotations: { list: annotations },
    templating: { list: [
      { type: 'datasource', name: 'datasource', label: 'Data source', query: 'prometheus', current: { text: 'default', value: 'default' }, refresh: 1, hide: 0 },
      variable('cluster', 'Cluster'),
      variable('job', 'Job'),
      variable('instance', 'Instance'),
    ] },
    panels: $.layout(rows),
  },

  // A mark at the time that a metric holds, in seconds since 1970.
  mark(name, expr, title, color):: {
    name: name,
    datasource: source,
    enable: true,
    expr: expr + ' * 1000',
    useValueForTime: true,
    titleFormat: title,
    iconColor: color,
    step: '60s',
  },
}
