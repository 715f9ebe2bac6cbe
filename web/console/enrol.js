// The invitation's page. The token comes in the URL's fragment, which no server, log or Referer ever sees; it goes into the form and out of the address bar, before the page is painted.
(() => {
  'use strict';
  const take = () => {
    const token = new URLSearchParams(location.hash.slice(1)).get('t');
    if (!token) return;
    history.replaceState(null, '', location.pathname);
    const field = document.getElementById('token');
    field.value = token.trim();
    field.closest('.field').hidden = true;
    document.getElementById('ready').hidden = false;
  };
  addEventListener('hashchange', take); // the link pasted into a page that is open already
  take();
})();
