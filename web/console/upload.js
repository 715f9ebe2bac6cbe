// The list's upload: drop a file, see how far it is. Without this script the form sends the same.
(() => {
  'use strict';
  const form = document.getElementById('draft');
  const drop = document.getElementById('drop');
  const input = document.getElementById('list');
  const bar = document.getElementById('sent');
  const says = document.getElementById('sent-says');

  const choose = () => { if (input.files.length) form.elements.scope.value = 'list'; };
  input.addEventListener('change', choose);
  for (const type of ['dragenter', 'dragover']) drop.addEventListener(type, (event) => { event.preventDefault(); drop.classList.add('over'); });
  for (const type of ['dragleave', 'drop']) drop.addEventListener(type, (event) => { event.preventDefault(); drop.classList.remove('over'); });
  drop.addEventListener('drop', (event) => { input.files = event.dataTransfer.files; choose(); });

  form.addEventListener('submit', (event) => {
    if (!input.files.length || event.defaultPrevented) return;
    event.preventDefault();
    const request = new XMLHttpRequest();
    request.open('POST', location.pathname);
    request.upload.addEventListener('progress', (e) => { if (e.lengthComputable) { bar.max = e.total; bar.value = e.loaded; } });
    request.upload.addEventListener('load', () => { says.textContent = 'Sent. Reading it…'; });
    request.addEventListener('load', () => {
      if (request.responseURL && new URL(request.responseURL).pathname !== location.pathname) { location.assign(request.responseURL); return; }
      const page = new DOMParser().parseFromString(request.responseText, 'text/html');
      document.getElementById('main').replaceWith(page.getElementById('main'));
      document.getElementById('main').querySelector('.notice')?.focus();
    });
    request.addEventListener('error', () => { says.textContent = 'The connection broke. Nothing was drafted: send it again.'; delete form.dataset.sent; });
    document.getElementById('sending').hidden = false;
    says.textContent = 'Sending…';
    request.send(new FormData(form));
  });
})();
