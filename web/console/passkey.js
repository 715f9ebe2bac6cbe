// Passkeys (WebAuthn Level 3): a form with data-passkey asks the server what to ask of the authenticator, and carries the authenticator's answer back.
(() => {
  'use strict';
  const forms = document.querySelectorAll('form[data-passkey]');
  if (!window.PublicKeyCredential || !navigator.credentials) return;

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

  // The browser's own reading of the JSON forms (Level 3 §5.1.8, §5.1.9), or ours for those that have none.
  const creation = (o) => PublicKeyCredential.parseCreationOptionsFromJSON?.(o) ?? {
    ...o, challenge: bytes(o.challenge), user: { ...o.user, id: bytes(o.user.id) },
    excludeCredentials: (o.excludeCredentials ?? []).map((c) => ({ ...c, id: bytes(c.id) })),
  };
  const request = (o) => PublicKeyCredential.parseRequestOptionsFromJSON?.(o) ?? {
    ...o, challenge: bytes(o.challenge), allowCredentials: (o.allowCredentials ?? []).map((c) => ({ ...c, id: bytes(c.id) })),
  };

  const answerOf = (c) => {
    try { if (c.toJSON) return c.toJSON(); } catch { /* some password managers answer with objects of their own */ }
    const r = c.response;
    const response = { clientDataJSON: text(r.clientDataJSON) };
    if (r.attestationObject) Object.assign(response, { attestationObject: text(r.attestationObject), transports: r.getTransports?.() ?? [] });
    else Object.assign(response, { authenticatorData: text(r.authenticatorData), signature: text(r.signature), userHandle: r.userHandle ? text(r.userHandle) : null });
    return { id: c.id, rawId: text(c.rawId), type: c.type, response, clientExtensionResults: c.getClientExtensionResults(), authenticatorAttachment: c.authenticatorAttachment };
  };

  // ready takes back what console.js does to a form that was sent, so that it can be tried again.
  const ready = (form) => {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll('[aria-disabled]')) button.removeAttribute('aria-disabled');
  };

  const run = async (form) => {
    const says = form.querySelector('[role=status]');
    says.textContent = 'Waiting for your authenticator…';
    try {
      const reply = await fetch(form.dataset.begin, { method: 'POST', cache: 'no-store', headers: { Accept: 'application/json' } });
      if (reply.redirected) { location.assign(reply.url); return; }
      if (!reply.ok) throw new Error(String(reply.status));
      const { publicKey } = await reply.json();
      const made = form.dataset.passkey === 'create'
        ? await navigator.credentials.create({ publicKey: creation(publicKey) })
        : await navigator.credentials.get({ publicKey: request(publicKey) });
      form.elements.answer.value = JSON.stringify(answerOf(made));
      form.submit();
    } catch (error) {
      ready(form);
      says.textContent = error.name === 'InvalidStateError' ? 'This authenticator has a passkey for you here already.'
        : error.name === 'NotAllowedError' ? 'It was cancelled, or no passkey here fits.' : 'That did not work. Try again.';
    }
  };

  for (const form of forms) {
    form.hidden = false;
    form.addEventListener('submit', (event) => {
      const again = form.dataset.sent !== undefined;
      event.preventDefault();
      if (!again) run(form);
    });
  }
  for (const none of document.querySelectorAll('.nopasskey')) none.hidden = true;
})();
