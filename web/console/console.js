// What every page of the console shares: times in the viewer's zone, one submission a press, and the small menu that closes.
(() => {
  'use strict';

  // localTimes writes each <time> in the viewer's zone; UTC, which the server wrote, stays as its title.
  const localTimes = (root) => {
    for (const time of root.querySelectorAll('time[datetime]:not([data-local])')) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.title = time.textContent;
      time.textContent = at.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: time.dataset.style === 'short' ? 'short' : 'medium' });
      time.dataset.local = '';
    }
  };

  // submitOnce keeps a double click from acting twice.
  const submitOnce = () => {
    document.addEventListener('submit', (event) => {
      const form = event.target;
      if (form.dataset.download !== undefined) return; // the page stays, so the form must stay usable
      if (form.dataset.sent !== undefined) { event.preventDefault(); return; }
      form.dataset.sent = '';
      for (const button of form.querySelectorAll('button:not([type=button])')) button.setAttribute('aria-disabled', 'true');
    });
    addEventListener('pageshow', () => {
      for (const form of document.querySelectorAll('form[data-sent]')) {
        delete form.dataset.sent;
        for (const button of form.querySelectorAll('[aria-disabled]')) button.removeAttribute('aria-disabled');
      }
    });
  };

  const closeMenus = () => {
    document.addEventListener('click', (event) => {
      for (const menu of document.querySelectorAll('details:is(.me, .stop)[open]')) if (!menu.contains(event.target)) menu.open = false;
    });
    document.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      for (const menu of document.querySelectorAll('details:is(.me, .stop)[open]')) { menu.open = false; menu.querySelector('summary').focus(); }
    });
  };

  window.rekey = { localTimes };
  submitOnce();
  closeMenus();
  localTimes(document);
})();
