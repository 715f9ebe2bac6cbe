// While we are under pressure forms are asked for a proof of work, so that whoever sends many of them has to pay for each. A worker does it while the member
// types; the member does nothing. Where it cannot be done the form goes without, and may have to wait for its turn.
(() => {
  'use strict';
  const own = document.currentScript.dataset;
  const life = 9 * 60e3; // a challenge lives ten minutes
  const patience = 30e3; // for an answer and a worker, before the form goes without
  const unseen = 300; // a wait that is not worth telling

  let proof = '';
  let until = 0;
  let working = null; // settles when the work is done, or can't be
  let begun = false;
  let waiting = false;

  const later = (ms) => new Promise((done) => { setTimeout(done, ms); });

  const solve = (asked) => new Promise((done, failed) => {
    const worker = new Worker(own.worker);
    worker.onmessage = (event) => { worker.terminate(); done(event.data); };
    worker.onerror = (event) => { event.preventDefault(); worker.terminate(); failed(event); };
    worker.postMessage(asked);
  });

  const work = async () => {
    const answer = await fetch('/proof', { credentials: 'omit', cache: 'no-store', referrerPolicy: 'no-referrer' });
    const asked = answer.ok ? await answer.json() : { bits: 0 };
    if (!asked.bits) return;
    const end = Date.now() + life;
    proof = await solve(asked);
    until = end;
  };

  const ready = () => proof !== '' && Date.now() < until;

  const prepare = () => {
    begun = true;
    if (!working) working = work().catch(() => { /* the form goes without */ }).finally(() => { working = null; });
    return working;
  };

  // carry puts the proof into the form, in a field made here so that a browser that restores forms finds none to fill. A proof is sent once.
  const carry = (form) => {
    let field = form.elements.namedItem('proof');
    if (!field) {
      field = document.createElement('input');
      field.type = 'hidden';
      field.name = 'proof';
      form.append(field);
    }
    field.value = ready() ? proof : '';
    proof = '';
  };

  // places are where each form says that it waits. They are there before there is something to say, or screen readers would not say it.
  const places = new Map();

  const send = async (form, button) => {
    const place = places.get(form);
    const telling = setTimeout(() => { place.textContent = own.wait; }, unseen);
    button?.setAttribute('aria-disabled', 'true');
    if (!ready()) await Promise.race([prepare(), later(patience)]);
    clearTimeout(telling);
    carry(form);
    HTMLFormElement.prototype.submit.call(form); // past the listeners: they have seen this press; and past the button called submit
    waiting = false;
  };

  // Other listeners come first, on the form itself; what they stop is stopped.
  document.addEventListener('submit', (event) => {
    if (event.defaultPrevented || !places.has(event.target)) return;
    event.preventDefault();
    if (waiting) return;
    waiting = true;
    send(event.target, event.submitter);
  });

  // The first field that is used, or that the page itself goes to, tells that somebody is there.
  document.addEventListener('focusin', (event) => {
    if (!begun && event.target.closest('main')) prepare();
  });

  document.addEventListener('DOMContentLoaded', () => {
    for (const form of document.querySelectorAll('main form')) {
      const place = document.createElement('p');
      place.className = 'hint';
      place.setAttribute('role', 'status');
      form.append(place);
      places.set(form, place);
    }
  });

  addEventListener('pagehide', () => {
    for (const [form, place] of places) {
      place.textContent = '';
      for (const button of form.querySelectorAll('[aria-disabled]')) button.removeAttribute('aria-disabled');
    }
  });
})();
