// The reset page, and the one that says a link has ended. The token comes in the URL's fragment, which no server, log or Referer ever sees; it goes into the form and out of the address bar.
// It is kept nowhere else: not in a cookie, not in storage. Nothing is submitted but by the member's own press.
(() => {
  'use strict';
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);

  // chosenLanguage is all that may stay in the address: whatever else stands in the query is cleared with the token.
  const chosenLanguage = () => (/^\?lang=[A-Za-z0-9-]+$/.test(location.search) ? location.search : '');

  // takeFragment reads #t=…, or #e=…&c=… that keepTyped made, and clears it from address bar and history at once, before the page is painted.
  const takeFragment = () => {
    const given = new URLSearchParams(location.hash.slice(1));
    const [token, email, code] = ['t', 'e', 'c'].map((name) => (given.get(name) || '').trim());
    if (token || email || code) history.replaceState(null, '', location.pathname + chosenLanguage());
    return { token, email, code };
  };

  // looksExpired trusts the device's clock, so it is asked only when the server can't be.
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

  // runsAlong are rows and columns of keyboards, the alphabet and the digits.
  const forward = 'qwertyuiop qwertzuiop azertyuiop asdfghjkl qsdfghjklm zxcvbnm yxcvbnm wxcvbn 1qaz 2wsx 3edc 4rfv 5tgb 6yhn 7ujm abcdefghijklmnopqrstuvwxyz 01234567890';
  const runsAlong = `${forward} ${Array.from(forward).reverse().join('')}`;

  const isRuns = (s) => {
    let i = 0;
    const goesOn = () => i + 3 <= s.length && runsAlong.includes(s.slice(i, i + 3));
    while (goesOn()) {
      while (goesOn()) i++;
      i += 2;
    }
    return i === s.length;
  };

  const isRepeated = (s) => {
    for (let unit = 1; unit <= 14 && 2 * unit <= s.length; unit++) {
      if (s.slice(unit) === s.slice(0, -unit)) return true;
    }
    return false;
  };

  const plain = (s) => s.normalize('NFC').toLowerCase();
  const alone = (s) => s.replace(/[^\p{L}\p{M}\p{Nd}]/gu, '');

  // isMadeOf tells whether s, but for signs and spaces, is these names or parts of them and nothing else.
  const isMadeOf = (s, names) => {
    const words = names.flatMap((name) => [alone(plain(name)), ...plain(name).split(/[^\p{L}\p{M}\p{Nd}]+/u)]).filter((word) => word.length > 2);
    const letters = alone(s);
    const ends = [true];
    for (let i = 0; i < letters.length; i++) {
      for (const word of words) if (ends[i] && letters.startsWith(word, i)) ends[i + word.length] = true;
    }
    return 3 * letters.length >= 2 * s.length && ends[letters.length] === true;
  };

  // weakness names what makes a password easy to guess: a piece repeated, a run along keyboard or alphabet, or the names of service and account;
  // digits and signs at its ends don't help. These few rules only advise: the server judges what is sent, by more than they know.
  const weakness = (password, names) => {
    const bare = plain(password).replace(/^[\p{Nd}\p{P}\p{S}]{1,4}|[\p{Nd}\p{P}\p{S}]{1,4}$/gu, '');
    const hearts = [plain(password), bare, bare.replace(/[\s_.-]/g, '')].filter((s) => s.length > 5 && 3 * s.length >= 2 * bare.length);
    if (hearts.some((s) => isMadeOf(s, names))) return 'context';
    if (hearts.some(isRepeated)) return 'repeated';
    return hearts.some(isRuns) ? 'sequence' : '';
  };

  // liveHints tells length, weakness and sameness while typing. What a screen reader hears changes only when the answer does.
  const liveHints = (form) => {
    const password = $('password');
    const confirm = $('confirm');
    const email = $('email');
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
      const weak = weakness(password.value, [form.dataset.name, ...(email ? [email.value, ...email.value.split('@')] : [])]);
      const enough = points >= minimum && !weak;
      length.hidden = points === 0;
      length.classList.toggle('weak', weak !== '');
      $('count').textContent = `${points} / ${minimum}`;
      say(says, weak ? says.dataset[weak] : enough ? says.dataset.enough : '', enough);
      const equal = password.value.normalize('NFC') === confirm.value.normalize('NFC');
      say(same, confirm.value === '' ? '' : equal ? same.dataset.same : same.dataset.differs, equal && confirm.value !== '');
    };
    for (const input of [password, confirm, email]) input?.addEventListener('input', update);
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

  // keepTyped hands on to the page in another language, in the fragment again, the token or else address and code; never a password.
  const keepTyped = (links) => {
    links.addEventListener('click', (event) => {
      const link = event.target.closest('a');
      if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      const held = new URLSearchParams();
      const hold = (name, value) => { if (value) held.set(name, value); };
      hold('t', given.token || document.querySelector('input[name=token]')?.value);
      if (!String(held)) {
        hold('e', $('email')?.value);
        hold('c', $('code')?.value);
      }
      if (!String(held)) return;
      event.preventDefault();
      location.assign(`${link.pathname}${link.search}#${held}`);
    });
  };

  // fill puts what keepTyped handed on where it was typed.
  const fill = () => {
    for (const id of ['email', 'code']) if (given[id] && $(id)) $(id).value = given[id];
  };

  const given = takeFragment();
  if (given.token) root.classList.add('linked');

  document.addEventListener('DOMContentLoaded', () => {
    keepTyped($('languages'));
    const form = $('reset');
    if (form) {
      fill();
      liveHints(form);
      submitOnce(form, reveal());
      if (given.token) useToken(given.token);
    }
    root.dataset.ready = '';
  });
  // Another link pasted into the same tab changes the fragment alone. Start over with it: the page has no state worth keeping.
  addEventListener('hashchange', () => {
    if (/(?:^#|&)[tec]=/.test(location.hash)) location.reload();
  });
  // A page kept by the browser for its Back button would still hold the token and what was typed.
  addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
})();
