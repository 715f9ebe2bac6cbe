// The list's upload: drop a file, see how far it is. Without this script the form sends the same.
(() => {
  'use strict';
  const byId = (id) => document.getElementById(id);
  const size = (n) => new Intl.NumberFormat(undefined, { style: 'unit', unit: 'megabyte', maximumFractionDigits: 1 }).format(n / 1e6);

  // begin gives the form what it has beyond a browser's own; after a refusal there is another form.
  const begin = () => {
    const form = byId('draft');
    const drop = byId('drop');
    const input = byId('list');
    const bar = byId('sent');
    const says = byId('sent-says');
    if (!form) return;

    const choose = () => {
      if (!input.files.length) { byId('chosen').textContent = ''; return; }
      form.elements.scope.value = 'list';
      byId('chosen').textContent = `${input.files[0].name}, ${size(input.files[0].size)}. The scope is now this list.`;
    };
    input.addEventListener('change', choose);
    for (const type of ['dragenter', 'dragover']) drop.addEventListener(type, (event) => { event.preventDefault(); drop.classList.add('over'); });
    for (const type of ['dragleave', 'drop']) drop.addEventListener(type, (event) => { event.preventDefault(); drop.classList.remove('over'); });
    drop.addEventListener('drop', (event) => {
      if (event.dataTransfer.files.length === 1) { input.files = event.dataTransfer.files; choose(); } else byId('chosen').textContent = 'Drop one file.';
    });

    const ready = () => {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll('[aria-disabled]')) button.removeAttribute('aria-disabled');
    };
    const answered = (request) => {
      const at = new URL(request.responseURL || location.href);
      if (at.pathname !== location.pathname) { location.assign(at); return; }
      const main = new DOMParser().parseFromString(request.responseText, 'text/html').getElementById('main');
      if (!main) { says.textContent = `The server refused it (${request.status}). Nothing was drafted.`; ready(); return; }
      for (const node of main.querySelectorAll('[autofocus]')) node.removeAttribute('autofocus'); // is done by hand below
      byId('main').replaceWith(document.adoptNode(main));
      byId('main').querySelector('.notice')?.focus();
      window.rekey.localTimes(byId('main'));
      begin();
    };

    form.addEventListener('submit', (event) => {
      if (!input.files.length) return;
      event.preventDefault();
      if (form.dataset.sent !== undefined) return;
      const request = new XMLHttpRequest();
      request.open('POST', location.pathname);
      request.setRequestHeader('Accept', 'text/html');
      request.upload.addEventListener('progress', (e) => {
        if (!e.lengthComputable) return;
        bar.max = e.total;
        bar.value = e.loaded;
        const text = `${Math.floor((e.loaded / e.total) * 10) * 10} % of ${size(e.total)}`;
        if (says.textContent !== text) says.textContent = text;
      });
      request.upload.addEventListener('load', () => { says.textContent = 'All sent. The list is being read.'; });
      request.addEventListener('load', () => answered(request));
      request.addEventListener('error', () => { says.textContent = 'The connection broke. Nothing was drafted: send it again.'; ready(); });
      byId('sending').hidden = false;
      bar.value = 0;
      request.send(new FormData(form));
    });
  };
  begin();
})();
