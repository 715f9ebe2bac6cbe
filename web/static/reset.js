// The reset page, and the one that says a link has ended. The token comes in the URL's fragment, which no server, log or Referer ever sees; it goes into the form and out of the address bar.
// It is kept nowhere else: not in a cookie, not in storage. Nothing is submitted but by the member's own press.
(() => {
  'use strict';
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);

  // chosenLanguage is all that may stay in the address: whatever else stands in the query is cleared with the token.
  const chosenLanguage = () => (/^\?lang=[A-Za-z0-9-]+$/.test(location.search) ? location.search : '');

  // takeToken reads #t=… and clears it from address bar and history at once, before the page is painted.
  const takeToken = () => {
    const found = /(?:^#|&)t=([^&]*)/.exec(location.hash);
    if (!found) return '';
    history.replaceState(null, '', location.pathname + chosenLanguage());
    try { return decodeURIComponent(found[1]).trim(); } catch { return found[1]; }
  };

  // lookedExpired trusts the device's clock, so it is asked only when the server can't be.
  const looksExpired = (token) => {
    try {
      const payload = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
      return JSON.parse(atob(payload)).exp * 1000 <= Date.now();
    } catch { return false; }
  };

  // carry puts the token into a form's hidden field, made here so that a browser that restores forms finds none to fill.
  const carry = (form, token) => {
    let field = form.elements.namedItem('token');
    if (!field) {
      field = document.createElement('input');
      field.type = 'hidden';
      field.name = 'token';
      form.prepend(field);
    }
    field.value = token;
  };

  // show replaces the form by one of the sections that say what is wrong with a link.
  const show = (id, token) => {
    const section = $(id);
    if (!section) return;
    $('reset').hidden = true;
    for (const other of ['gone', 'damaged']) $(other).hidden = other !== id;
    const again = section.querySelector('form');
    if (again) carry(again, token);
    const heading = $('heading');
    heading.textContent = section.dataset.heading;
    document.title = section.dataset.heading;
    heading.focus();
  };

  // check asks, before anybody types, whether the link is still good. The call changes nothing.
  const check = async (token) => {
    let status = 0;
    try {
      const answer = await fetch('/reset/check', { method: 'POST', body: new URLSearchParams({ token }), credentials: 'omit', cache: 'no-store', referrerPolicy: 'no-referrer' });
      status = answer.status;
    } catch { /* no connection: the submission will tell */ }
    if (status === 410 || (status !== 204 && status !== 400 && looksExpired(token))) show('gone', token);
    else if (status === 400) show('damaged', token);
    root.dataset.checked = status;
  };

  const useToken = (token) => {
    const form = $('reset');
    const byCode = $('by-code');
    if (byCode) {
      byCode.hidden = true;
      byCode.disabled = true;
      form.querySelector('.if-link').hidden = false;
    }
    carry(form, token);
    check(token);
  };

  // liveHints tells length and sameness while typing. What a screen reader hears changes only when the answer does.
  const liveHints = (form) => {
    const password = $('password');
    const confirm = $('confirm');
    const minimum = Number(form.dataset.minimum);
    const length = $('length');
    const says = $('length-says');
    const same = $('same');
    const say = (place, text, ok) => {
      if (place.textContent !== text) place.textContent = text;
      (place === says ? length : place).classList.toggle('ok', ok);
    };
    const update = () => {
      const points = Array.from(password.value.normalize('NFC')).length;
      length.hidden = points === 0;
      $('count').textContent = `${points} / ${minimum}`;
      say(says, points >= minimum ? says.dataset.enough : '', points >= minimum);
      const equal = password.value.normalize('NFC') === confirm.value.normalize('NFC');
      say(same, confirm.value === '' ? '' : equal ? same.dataset.same : same.dataset.differs, equal && confirm.value !== '');
    };
    password.addEventListener('input', update);
    confirm.addEventListener('input', update);
    update();
  };

  const reveal = () => {
    const button = $('reveal');
    const set = (shown) => {
      button.setAttribute('aria-pressed', String(shown));
      for (const id of ['password', 'confirm']) $(id).type = shown ? 'text' : 'password';
    };
    button.hidden = false;
    button.addEventListener('click', () => set(button.getAttribute('aria-pressed') !== 'true'));
    return () => set(false);
  };

  // submitOnce keeps a double click from sending twice: the second answer would say that the link is used.
  const submitOnce = (form, hide) => {
    const button = $('submit');
    const text = button.textContent;
    let sent = false;
    form.addEventListener('submit', (event) => {
      if (sent) { event.preventDefault(); return; }
      sent = true;
      hide();
      button.setAttribute('aria-disabled', 'true');
      button.textContent = button.dataset.busy;
    });
    addEventListener('pagehide', () => {
      sent = false;
      button.removeAttribute('aria-disabled');
      button.textContent = text;
    });
  };

  // keepToken hands the token on to the page in another language, in the fragment again.
  const keepToken = (links) => {
    links.addEventListener('click', (event) => {
      const link = event.target.closest('a');
      const held = token || document.querySelector('input[name=token]')?.value;
      if (!link || !held || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      location.assign(`${link.pathname}${link.search}#t=${encodeURIComponent(held)}`);
    });
  };

  const token = takeToken();
  if (token) root.classList.add('linked');

  document.addEventListener('DOMContentLoaded', () => {
    keepToken($('languages'));
    const form = $('reset');
    if (form) {
      liveHints(form);
      submitOnce(form, reveal());
      if (token) useToken(token);
    }
    root.dataset.ready = '';
  });
  // Another link pasted into the same tab changes the fragment alone. Start over with it: the page has no state worth keeping.
  addEventListener('hashchange', () => {
    if (/(?:^#|&)t=/.test(location.hash)) location.reload();
  });
  // A page kept by the browser for its Back button would still hold the token and what was typed.
  addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
})();
