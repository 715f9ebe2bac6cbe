// A campaign as it goes: numbers and a chart by hour, from the page's event stream. Without this script the page shows the numbers of the moment it was loaded.
(() => {
  'use strict';
  const section = document.getElementById('progress');
  if (!section || !section.dataset.events) return;
  const place = document.getElementById('live');
  const number = { format: (n) => n.toLocaleString('en').replaceAll(',', '\u202f') }; // as the server writes them
  const part = (of, whole) => (whole ? new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 1 }).format(of / whole) : '–');

  const make = (tag, attributes, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const line = make('p', { class: 'hint' });
  const trouble = make('p', { class: 'wrong', role: 'status' });
  const chartTitle = make('h3', { hidden: '' }, 'By hour');
  const chart = make('div', { class: 'chart', role: 'img', 'aria-label': 'By hour', hidden: '' });
  const languages = make('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'By language' });
  const hourly = make('details', { hidden: '' }, make('summary', {}, 'The same as a table'));
  const hourTable = make('div', { class: 'scroll tall', tabindex: '0', role: 'region', 'aria-label': 'By hour' });
  hourly.append(hourTable);
  place.append(trouble, line, chartTitle, chart, hourly, languages);

  const tableOf = (caption, head, rows) => {
    const row = (cells, tag) => make('tr', {}, ...cells.map((c, i) => {
      const attributes = { ...(i ? { class: 'num' } : {}), ...(tag === 'th' ? { scope: 'col' } : i ? {} : { scope: 'row' }) };
      return make(i ? tag : 'th', attributes, c);
    }));
    return make('table', {}, make('caption', {}, caption), make('thead', {}, row(head, 'th')), make('tbody', {}, ...rows.map((cells) => row(cells, 'td'))));
  };

  const numbers = (p) => {
    const d = p.delivery;
    const values = { sent: d.sent, pending: d.pending, failed: d.failed, bounced: d.bounced, skipped: d.skipped, reset: p.reset, opened: p.opened };
    for (const [name, value] of Object.entries(values)) {
      const cell = section.querySelector(`[data-live="${name}"]`);
      if (cell) cell.textContent = number.format(value);
    }
  };

  const say = (p, every) => {
    const parts = [`${number.format(p.reset)} of ${number.format(p.members)} have reset (${part(p.reset, p.members)}).`];
    if (p.ends) {
      const at = new Date(p.ends.at);
      parts.push(`${number.format(Math.round(p.ends.rate * 60))} mails a minute; at this rate everybody is written to by ${at.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })}.`);
    } else if (p.state === 'active' && p.delivery.pending > 0) {
      parts.push(p.mailing === 'paused' ? 'The mail is paused.' : p.sent_last_minute ? 'Not enough has gone out in the last minute to tell a rate.' : 'No mail went out in the last minute.');
    }
    parts.push(`Counted ${new Date(p.at).toLocaleTimeString()}, again every ${Math.round(every)} s.`);
    const text = parts.join(' ');
    if (line.textContent !== text) line.textContent = text;
  };

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  let plot = null;
  let drawn = [];
  // filled has the hours in which nothing happened too: a line between two far hours would say that something had.
  const filled = (hours) => {
    const all = [];
    for (const h of hours) {
      const start = Date.parse(h.start);
      for (let t = all.length ? all.at(-1).start + 3600e3 : start; t < start; t += 3600e3) all.push({ start: t, sent: 0, opened: 0, reset: 0 });
      all.push({ ...h, start });
    }
    return all;
  };
  const draw = (some) => {
    drawn = some;
    chartTitle.hidden = chart.hidden = hourly.hidden = some.length === 0;
    if (!some.length) return;
    const hours = filled(some);
    hourTable.replaceChildren(tableOf('By hour', ['Hour', 'Written to', 'Opened', 'Reset'], hours.toReversed().map((h) =>
      [new Date(h.start).toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'short' }), number.format(h.sent), number.format(h.opened), number.format(h.reset)])));
    if (!window.uPlot) return;
    const data = [hours.map((h) => h.start / 1000), hours.map((h) => h.sent), hours.map((h) => h.opened), hours.map((h) => h.reset)];
    const total = (i) => number.format(data[i].reduce((sum, n) => sum + n, 0));
    chart.setAttribute('aria-label', `By hour since the activation: ${total(1)} written to, ${total(2)} opened, ${total(3)} reset.`);
    if (plot) { plot.setData(data); return; }
    const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line'), width: 1 } };
    const series = (label, name, dash) => ({ label, stroke: colour(name), width: 2, dash, points: { show: true, size: 6 } });
    // what uPlot makes of a single hour spans years
    const span = (times) => {
      const first = times.length ? times[0] : Date.now() / 1000;
      return [first, Math.max(times[times.length - 1] || first, first + 6 * 3600)];
    };
    plot = new window.uPlot({
      width: chart.clientWidth, height: 240,
      scales: { x: { range: (u) => span(u.data[0]) }, y: { range: (_, __, max) => [0, Math.max(10, max * 1.05)] } },
      series: [{}, series('Written to', '--accent'), series('Opened', '--warn', [6, 4]), series('Reset', '--good', [2, 3])],
      axes: [axis, { ...axis, size: 64, values: (_, ticks) => ticks.map((n) => number.format(n)) }],
    }, data, chart);
    new ResizeObserver(() => plot?.setSize({ width: chart.clientWidth, height: 240 })).observe(chart);
  };

  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { const old = plot; plot = null; old?.destroy(); draw(drawn); });

  const names = new Intl.DisplayNames(undefined, { type: 'language' });
  const nameOf = (tag) => { try { return tag ? names.of(tag) : 'unknown'; } catch { return tag; } };
  const table = (locales, at) => {
    languages.replaceChildren(tableOf(`By language, counted ${new Date(at).toLocaleTimeString()}`, ['Language', 'Members', 'Written to', 'Reset', 'Share'],
      locales.map((l) => [nameOf(l.locale), number.format(l.members), number.format(l.sent), number.format(l.reset), part(l.reset, l.members)])));
  };

  const counted = (event) => {
    const { progress, every } = JSON.parse(event.data);
    tell('');
    numbers(progress);
    say(progress, every);
    draw(progress.hours);
    table(progress.locales, progress.locales_at);
    section.dataset.counted = progress.at;
    document.getElementById('age').hidden = true; // the line below says it
  };
  const failed = (event) => tell(`The counts could not be read: ${JSON.parse(event.data).detail} They come back by themselves.`);
  const tell = (text) => { trouble.textContent = text; };

  window.rekey.follow(section.dataset.events, { message: counted, trouble: failed }, tell);
})();
