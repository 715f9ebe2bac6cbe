// The campaigns in force as they go, from one event stream for all of them. Without this script the page shows the numbers of the last count before it was loaded.
(() => {
  'use strict';
  const section = document.getElementById('running');
  if (!section) return;
  const number = (n) => n.toLocaleString('en').replaceAll(',', '\u202f'); // as the server writes them
  const share = (of, whole) => (whole ? `${((of * 100) / whole).toFixed(1)}\u202f%` : '');
  const cardOf = (id) => section.querySelector(`[data-campaign="${Number(id)}"]`);
  const write = (card, values) => {
    for (const [name, text] of Object.entries(values)) {
      const place = card.querySelector(`[data-live="${name}"]`);
      if (place && place.textContent !== text) place.textContent = text;
    }
  };

  const counted = (event) => {
    tell('');
    const { progress } = JSON.parse(event.data);
    const card = cardOf(progress.id);
    if (!card) return;
    card.removeAttribute('aria-busy');
    write(card, {
      sent: number(progress.delivery.sent), members: number(progress.members), reset: number(progress.reset), share: share(progress.reset, progress.members),
      failed: number(progress.delivery.failed), age: `Counted ${new Date(progress.at).toLocaleTimeString()}`,
    });
  };
  const failed = (event) => {
    const { campaign, detail } = JSON.parse(event.data);
    const card = cardOf(campaign);
    if (card) write(card, { age: `The members could not be counted: ${detail} It is tried again.` });
  };
  const tell = (text) => { document.getElementById('stream').textContent = text; };

  window.rekey.follow(section.dataset.events, { message: counted, trouble: failed }, tell);
})();
