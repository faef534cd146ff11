// The choice of the theme: that of the system, light, or dark. It is kept, and the other tabs follow.

const THEME = "aomi.theme"; // in localStorage, as in theme.js
const SYSTEM = "system";

/** Show the theme in a `select`, and set the one that is chosen there. */
export function listenForTheme(select) {
  const show = () => {
    select.value = document.documentElement.dataset.theme = localStorage[THEME] ?? SYSTEM;
  };
  select.addEventListener("change", () => {
    localStorage[THEME] = select.value;
    show();
  });
  addEventListener("storage", ({ key }) => key === THEME && show());
  show();
}
