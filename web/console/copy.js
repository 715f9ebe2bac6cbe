// Copies what is shown once.
(() => {
  'use strict';
  for (const button of document.querySelectorAll('[data-copy]')) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener('click', async () => {
      const says = document.getElementById('copied');
      try {
        await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
        says.textContent = 'Copied.';
      } catch { says.textContent = 'Select it and copy it by hand.'; }
    });
  }
})();
