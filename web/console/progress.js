// A campaign as it goes: numbers and a chart by hour, from the page's event stream. Without this script the page shows the numbers of the moment it was loaded.
(() => {
  'use strict';
  const section = document.getElementById('progress');
  if (!section || !section.dataset.events) return;
  const place = document.getElementById('live');
  const number = new Intl.NumberFormat();
  const part = (of, whole) => (whole ? new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 1 }).format(of / whole) : '–');

  const make = (tag, attributes, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const line = make('p', { class: 'hint', role: 'status' });
  const chartTitle = make('h3', {}, 'By hour');
  const chart = make('div', { class: 'chart', role: 'img' });
  const languages = make('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'By language' });
  place.append(line, chartTitle, chart, languages);

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
    } else if (p.delivery.pending > 0) {
      parts.push(p.mailing === 'paused' ? 'The mail is paused.' : 'No mail went out in the last minute.');
    }
    parts.push(`Counted ${new Date(p.at).toLocaleTimeString()}, again every ${Math.round(every)} s.`);
    const text = parts.join(' ');
    if (line.textContent !== text) line.textContent = text;
  };

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  let plot = null;
  const draw = (hours) => {
    chartTitle.hidden = chart.hidden = hours.length === 0;
    if (!hours.length || !window.uPlot) return;
    const data = [hours.map((h) => Date.parse(h.start) / 1000), hours.map((h) => h.sent), hours.map((h) => h.opened), hours.map((h) => h.reset)];
    const total = (i) => number.format(data[i].reduce((sum, n) => sum + n, 0));
    chart.setAttribute('aria-label', `By hour since the activation: ${total(1)} written to, ${total(2)} opened, ${total(3)} reset.`);
    if (plot) { plot.setData(data); return; }
    const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line'), width: 1 } };
    const series = (label, name, dash) => ({ label, stroke: colour(name), width: 2, dash, points: { show: true, size: 6 } });
    plot = new window.uPlot({
      width: chart.clientWidth, height: 240,
      scales: { y: { range: (_, __, max) => [0, Math.max(10, max * 1.05)] } },
      series: [{}, series('Written to', '--accent'), series('Opened', '--warn', [6, 4]), series('Reset', '--good', [2, 3])],
      axes: [axis, { ...axis, size: 64, values: (_, ticks) => ticks.map((n) => number.format(n)) }],
    }, data, chart);
    new ResizeObserver(() => plot.setSize({ width: chart.clientWidth, height: 240 })).observe(chart);
  };

  const names = new Intl.DisplayNames(undefined, { type: 'language' });
  const nameOf = (tag) => { try { return tag ? names.of(tag) : 'unknown'; } catch { return tag; } };
  const table = (locales) => {
    const row = (cells, head) => make('tr', {}, ...cells.map((c, i) => make(head || i === 0 ? 'th' : 'td', head ? { scope: 'col', ...(i ? { class: 'num' } : {}) } : i === 0 ? { scope: 'row' } : { class: 'num' }, c)));
    languages.replaceChildren(make('table', {}, make('caption', {}, 'By language'),
      make('thead', {}, row(['Language', 'Members', 'Written to', 'Reset', 'Share'], true)),
      make('tbody', {}, ...locales.map((l) => row([nameOf(l.locale), number.format(l.members), number.format(l.sent), number.format(l.reset), part(l.reset, l.members)])))));
  };

  const stream = new EventSource(section.dataset.events);
  stream.addEventListener('message', (event) => {
    const { progress, every } = JSON.parse(event.data);
    numbers(progress);
    say(progress, every);
    draw(progress.hours);
    table(progress.locales);
    section.dataset.counted = progress.at;
  });
  stream.addEventListener('trouble', (event) => { line.textContent = `The counts could not be read: ${JSON.parse(event.data)} They come back by themselves.`; });
  stream.addEventListener('error', () => { if (stream.readyState === EventSource.CLOSED) line.textContent = 'The connection ended. Load the page again.'; });
  addEventListener('pagehide', () => stream.close());
})();
