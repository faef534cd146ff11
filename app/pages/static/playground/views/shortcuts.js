// Keyboard shortcuts.

const TYPING = /^(?:INPUT|TEXTAREA|SELECT)$/;

/** Listen for `/` (outside of fields), Alt+N, Alt+E and Escape: `actions` are `write`, `startNew`, `toggleDrawer`, `escape`. */
export function listenForShortcuts(actions) {
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") return actions.escape();
    const action = shortcut(event, actions);
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function shortcut(event, { write, startNew, toggleDrawer }) {
  if (event.key === "/" && !TYPING.test(event.target.tagName)) return write;
  if (event.altKey && event.code === "KeyN") return startNew;
  if (event.altKey && event.code === "KeyE") return toggleDrawer;
  return null;
}
