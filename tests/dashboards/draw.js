// Draws `content` (preview.py): the panels of a dashboard with their data, at the places that its grid gives them.
'use strict';
const { width, row, gap, head, marks } = content;
const column = (width - gap) / 24;
// Grafana's palette-classic begins so.
const palette = ['#73BF69', '#F2CC0C', '#8AB8FF', '#FF780A', '#F2495C', '#5794F2', '#B877D9', '#705DA0', '#37872D', '#FADE2A'];

const make = (parent, tag, cls, text) => {
  const element = document.createElement(tag);
  if (cls) element.className = cls;
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
};
const place = (element, x, y, w, h) => Object.assign(element.style, { left: `${x}px`, top: `${y}px`, width: `${w}px`, height: `${h}px` });
const round = (n, digits = 3) => String(Number(n.toPrecision(digits)));
const scaled = (n, base, names) => {
  let i = 0;
  while (Math.abs(n) >= base && i < names.length - 1) n /= base, ++i;
  return `${round(n)}${names[i]}`;
};
const format = (value, unit, decimals) => {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'number') return value;
  if (decimals !== undefined) return value.toFixed(decimals);
  if (unit === 'percentunit') return `${round(value * 100)}%`;
  if (unit === 'bytes') return scaled(value, 1024, [' B', ' KiB', ' MiB', ' GiB']);
  if (unit === 's' && value > 90) return `${round(value / 60)} min`;
  if (unit === 's') return value && value < 1 ? `${round(value * 1000)} ms` : `${round(value)} s`;
  if (unit === 'ops') return scaled(value, 1000, ['/s', 'K/s', 'M/s']);
  return scaled(value, 1000, ['', ' K', ' M']);
};
const clock = (seconds) => new Date(seconds * 1000).toISOString().slice(11, 19);
const dark = (color) => {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
  return 0.3 * r + 0.59 * g + 0.11 * b < 110;
};
const mapped = (mappings, value) => {
  for (const mapping of mappings ?? []) {
    const found = mapping.options[String(value)];
    if (found) return found;
  }
};

// What an override by name or by query says of a field, on top of the defaults.
const fieldOf = (panel, name, ref) => {
  const field = structuredClone(panel.fieldConfig.defaults);
  for (const { matcher, properties } of panel.fieldConfig.overrides) {
    const hit = matcher.id === 'byName' ? matcher.options === name : matcher.id === 'byFrameRefID' ? matcher.options === ref
      : matcher.id === 'byRegexp' ? new RegExp(matcher.options.slice(1, -1)).test(name) : false;
    if (!hit) continue;
    for (const { id, value } of properties) {
      const keys = id.split('.');
      const last = keys.pop();
      let at = field;
      for (const key of keys) at = at[key] ??= {};
      at[last] = value;
    }
  }
  return field;
};

const stat = (box, panel) => {
  box.classList.add('stat-panel');
  const value = panel.data[panel.data.length - 1];
  const steps = panel.fieldConfig.defaults.thresholds.steps;
  const color = steps.filter((step) => step.value === null || value >= step.value).pop().color;
  const shown = make(box, 'div', `stat${dark(color) ? '' : ' set'}`, format(value, panel.fieldConfig.defaults.unit));
  box.style.background = color;
  box.querySelector('h1').style.color = dark(color) ? '#fff' : '#111';
  shown.style.background = 'transparent';
};

const table = (box, panel) => {
  const element = make(box, 'table');
  const line = make(element, 'tr');
  for (const name of panel.data.columns) make(line, 'th', '', name);
  for (const values of panel.data.rows) {
    const cells = make(element, 'tr');
    values.forEach((value, i) => {
      const field = fieldOf(panel, panel.data.columns[i]);
      const cell = make(cells, 'td');
      const hit = mapped(field.mappings, value);
      cell.textContent = hit ? hit.text : format(value, field.unit, field.decimals);
      const step = field.thresholds && typeof value === 'number' ? field.thresholds.steps.filter((s) => s.value === null || value >= s.value).pop() : null;
      const color = hit?.color ?? step?.color;
      if (color && color.startsWith('#') && field.custom?.cellOptions?.type === 'color-background')
        Object.assign(cell.style, { background: color, color: dark(color) ? '#fff' : '#111', fontWeight: 'bold' });
    });
  }
};

const keys = (box, shown) => {
  const legend = make(box, 'div', 'legend');
  for (const { name, color, dash } of shown) {
    const item = make(legend, 'span');
    item.innerHTML = `<svg width=18 height=4><line x1=0 y1=2 x2=18 y2=2 stroke="${color}" stroke-width=3 ${dash ? `stroke-dasharray="${dash.join(' ')}"` : ''}/></svg>`;
    item.append(name);
  }
};

const drawMarks = (u) => {
  for (const [time, , color] of marks) {
    const x = u.valToPos(time, 'x', true);
    u.ctx.save();
    u.ctx.strokeStyle = color;
    u.ctx.setLineDash([3, 3]);
    u.ctx.lineWidth = 2;
    u.ctx.beginPath();
    u.ctx.moveTo(x, u.bbox.top);
    u.ctx.lineTo(x, u.bbox.top + u.bbox.height);
    u.ctx.stroke();
    u.ctx.restore();
  }
};
const drawLimits = (panel) => (u) => {
  const { thresholds, custom } = panel.fieldConfig.defaults;
  if (!custom?.thresholdsStyle) return;
  for (const { color, value } of thresholds.steps.filter((step) => step.value !== null)) {
    const y = u.valToPos(value, 'y', true);
    if (y < u.bbox.top) continue;
    u.ctx.save();
    u.ctx.strokeStyle = color;
    u.ctx.setLineDash([8, 5]);
    u.ctx.beginPath();
    u.ctx.moveTo(u.bbox.left, y);
    u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
    u.ctx.stroke();
    u.ctx.restore();
  }
};

const graph = (box, panel, w, h) => {
  const { times, series } = panel.data;
  const { unit, min, custom } = panel.fieldConfig.defaults;
  const log = custom.scaleDistribution?.type === 'log';
  const lines = series.map(({ name, ref, values }, i) => {
    const field = fieldOf(panel, name, ref);
    const style = field.custom.lineStyle;
    return { name, values, width: field.custom.lineWidth, color: field.color.mode === 'fixed' ? field.color.fixedColor : palette[i % palette.length], dash: style?.fill === 'dash' ? style.dash : undefined };
  });
  const numbers = lines.flatMap((line) => line.values.filter((v) => v !== null && (!log || v > 0)));
  let [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  if (!log) least = Math.min(min ?? least, least), most = Math.max(most, least + 1e-9);
  if (custom.thresholdsStyle) most = Math.max(most, ...panel.fieldConfig.defaults.thresholds.steps.map((s) => s.value ?? 0));
  if (!log && most - least < 1e-6) most = least + 1;
  const axis = { stroke: '#9a9aa8', grid: { stroke: '#262a30', width: 1 }, ticks: { show: false }, font: '11px "DejaVu Sans"' };
  const legend = Math.min(2, Math.ceil(lines.reduce((sum, line) => sum + 46 + line.name.length * 7, 0) / (w - 20)));
  new uPlot({
    width: w - 12, height: h - 34 - legend * 15,
    legend: { show: false }, cursor: { show: false },
    scales: { x: { time: true, range: [times[0], times[times.length - 1]] },
      y: log ? { distr: 3, log: 10, range: [10 ** Math.floor(Math.log10(least)), 10 ** Math.ceil(Math.log10(most))] } : { range: [least, most + (most - least) * 0.06] } },
    axes: [{ ...axis, values: (_, at) => at.map(clock), space: 90, size: 26 }, { ...axis, size: 66, values: (_, at) => at.map((v) => (v === null ? '' : format(v, unit))) }],
    series: [{}, ...lines.map(({ name, color, width, dash }) => ({ label: name, stroke: color, width, dash, points: { show: false } }))],
    hooks: { draw: [drawLimits(panel), drawMarks] },
  }, [times, ...lines.map((line) => (log ? line.values.map((v) => (v > 0 ? v : null)) : line.values))], box);
  keys(box, lines);
};

const states = (box, panel, w, h) => {
  const { times, series } = panel.data;
  const left = 14 + Math.max(...series.map(({ name }) => name.length)) * 6.6;
  const [top, bottom] = [30, h - 24];
  const lane = (bottom - top) / series.length;
  const at = (i) => left + ((w - left - 12) * i) / times.length;
  series.forEach(({ name, ref, values }, n) => {
    const label = make(box, 'div', 'lane', name);
    place(label, 0, top + n * lane + lane / 2 - 7, left - 8, 14);
    const { mappings } = fieldOf(panel, name, ref);
    for (let i = 0; i < times.length;) {
      let end = i + 1;
      while (end < times.length && values[end] === values[i]) ++end;
      if (values[i] !== null) {
        const hit = mapped(mappings, values[i]) ?? { text: values[i], color: '#999999' };
        const bar = make(box, 'div', `state${dark(hit.color) ? ' dark' : ''}`, at(end) - at(i) > 30 ? hit.text : '');
        place(bar, at(i), top + n * lane + lane * 0.08, at(end) - at(i), lane * 0.84);
        Object.assign(bar.style, { background: hit.color, lineHeight: `${lane * 0.84}px` });
      }
      i = end;
    }
  });
  for (let tick = 0; tick < 8; ++tick) {
    const i = Math.round(((times.length - 1) * (tick + 0.5)) / 8);
    const label = make(box, 'div', 'tick', clock(times[i]));
    Object.assign(label.style, { left: `${at(i)}px`, top: `${h - 19}px` });
  }
};

const draw = { stat, table, timeseries: graph, 'state-timeline': states };
const header = make(document.body, 'header');
make(header, 'b', '', content.title);
make(header, 'i', '', content.note);
make(header, 'div', '', '').innerHTML = '<i style="margin-left:0">Preview, not Grafana: drawn from the dashboard\'s JSON and the answers of a real Prometheus.</i>' +
  marks.map(([time, text, color]) => `<i style="color:${color}">┊ ${clock(time)} ${text}</i>`).join('');
for (const panel of content.panels) {
  const { x, y, w, h } = panel.gridPos;
  const box = make(document.body, 'div', 'panel');
  const [pixelsWide, pixelsHigh] = [w * column - gap, h * (row + gap) - gap];
  place(box, gap + x * column, head + y * (row + gap), pixelsWide, pixelsHigh);
  make(box, 'h1', '', panel.title);
  if (panel.data === null) make(box, 'div', 'empty', 'No data');
  else draw[panel.type](box, panel, pixelsWide, pixelsHigh);
}
