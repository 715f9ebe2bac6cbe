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

  // runs says beside a form or link that what it began takes its time. The place is there before its text, so that it is read out.
  const runs = (node) => {
    if (!node.dataset.busy) return;
    const says = document.createElement('span');
    says.className = 'hint busy';
    says.setAttribute('role', 'status');
    if (node.tagName === 'FORM') node.append(says); else node.parentElement.append(says);
    setTimeout(() => { says.textContent = node.dataset.busy; });
  };
  const again = (form) => {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll('[aria-disabled]')) button.removeAttribute('aria-disabled');
  };

  // submitOnce keeps a double click from acting twice.
  const submitOnce = () => {
    document.addEventListener('submit', (event) => {
      const form = event.target;
      if (form.dataset.sent !== undefined) { event.preventDefault(); return; }
      form.dataset.sent = '';
      for (const says of form.querySelectorAll('.busy')) says.remove();
      runs(form);
      for (const button of form.querySelectorAll('button:not([type=button])')) button.setAttribute('aria-disabled', 'true');
      if (form.dataset.download !== undefined) setTimeout(again, 3000, form); // the page stays, so the form must be usable again
    });
    document.addEventListener('click', (event) => {
      const link = event.target.closest?.('a[data-busy]');
      if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
      if (link.dataset.sent !== undefined) { event.preventDefault(); return; }
      link.dataset.sent = '';
      runs(link);
    });
    addEventListener('pageshow', () => {
      for (const says of document.querySelectorAll('.busy')) says.remove();
      for (const node of document.querySelectorAll('[data-sent]')) again(node);
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

  // fetchLate has a part of the page that takes its time follow. Where it does not come, the link to it stays.
  const fetchLate = async (part) => {
    const way = [...part.querySelectorAll('a')];
    const says = document.createElement('p');
    says.className = 'hint busy';
    says.setAttribute('role', 'status');
    says.textContent = 'Counting. This may take a while.';
    part.append(says);
    part.setAttribute('aria-busy', 'true');
    for (const a of way) a.hidden = true;
    try {
      const answer = await fetch(part.dataset.fetch, { headers: { Accept: 'text/html' } });
      const come = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById(part.id);
      if (!answer.ok || answer.redirected || !come) throw new Error(String(answer.status));
      part.replaceChildren(...come.childNodes);
      part.querySelector('h2')?.insertAdjacentElement('afterend', says);
      says.className = 'unseen';
      says.textContent = 'Counted.';
      localTimes(part);
      delete part.dataset.fetch;
    } catch {
      says.className = 'wrong';
      says.textContent = 'It could not be counted. Try again, or load the page again.';
      for (const a of way) a.hidden = false;
    }
    part.removeAttribute('aria-busy');
  };

  // follow listens to an event stream, and says when it stands still. It is closed while nobody sees the page: browsers allow few at a time.
  const follow = (address, listeners, tell) => {
    let stream = null;
    const watch = () => {
      stream = new EventSource(address);
      for (const [name, listener] of Object.entries(listeners)) stream.addEventListener(name, listener);
      stream.addEventListener('error', () => {
        tell(stream.readyState === EventSource.CLOSED ? 'These numbers stand still: the connection ended, or you were signed out. Load the page again.' : 'The connection broke and is being made again.');
      });
    };
    const leave = () => { stream?.close(); stream = null; };
    document.addEventListener('visibilitychange', () => { if (document.hidden) leave(); else if (!stream) watch(); });
    addEventListener('pagehide', leave);
    addEventListener('pageshow', (event) => { if (event.persisted && !stream) watch(); });
    watch();
  };

  window.rekey = { localTimes, follow };
  // On a narrow screen the navigation is wider than that: the place where one is stays in sight.
  const here = document.querySelector('.side [aria-current]');
  if (here) here.closest('ul').scrollLeft = here.offsetLeft - 16;
  submitOnce();
  closeMenus();
  localTimes(document);
  addEventListener('pageshow', () => { for (const part of document.querySelectorAll('[data-fetch]:not([aria-busy])')) fetchLate(part); });
})();
