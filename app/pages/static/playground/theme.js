// The theme that the user chose, before anything is drawn: no module, so that the page waits for it.

document.documentElement.dataset.theme = localStorage["aomi.theme"] ?? "system";
