'use strict';
// Without this the page shows the same; links then rely on the browser to open what
// they lead to.
const all = (selector, root = document) => root.querySelectorAll(selector);

function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let at = target; at; at = at.parentElement) {
    if (at.tagName === 'DETAILS') at.open = true;
  }
  if (target.tabIndex === -1 && target.hasAttribute('tabindex')) target.focus();
  target.scrollIntoView();
}
addEventListener('hashchange', reveal);
reveal();

// A link that leads where one already is changes no address.
addEventListener('click', (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (link && link.hash === location.hash) reveal();
});

for (const tools of all('.tools')) tools.hidden = false;

const odd = document.getElementById('only-odd');
odd.addEventListener('change', () => {
  document.querySelector('.matrix').classList.toggle('only-odd', odd.checked);
});

const filter = document.getElementById('filter');
filter.addEventListener('input', () => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const group of all('.group:not(.session)')) {
    const text = group.firstElementChild.textContent.toLowerCase();
    group.hidden = !words.every((word) => text.includes(word));
    shown += group.hidden ? 0 : 1;
  }
  document.getElementById('filtered').textContent = words.length ? `${shown} shown` : '';
});

// What fails is printed with its evidence.
addEventListener('beforeprint', () => {
  for (const group of all('.group.fail')) group.open = true;
});
