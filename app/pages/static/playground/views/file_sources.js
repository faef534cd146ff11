// The sources of files: the button with the browser's own dialog, the clipboard, and files that are dropped on the page.

const FIELDS = /^(?:INPUT|TEXTAREA)$/;

/** Listen for files: `add(files)` takes them. `target` is shown while files are dragged over the page. */
export function listenForFiles({ button, input, box, target }, add) {
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    add([...input.files]);
    input.value = ""; // the same file may be chosen again
  });
  addEventListener("paste", (event) => {
    const isOtherField = event.target !== box && FIELDS.test(event.target.tagName);
    const files = pastedFiles(event.clipboardData);
    if (isOtherField || !files.length || isCovered()) return;
    event.preventDefault();
    add(files);
  });
  listenForDrops(target, add);
}

/** The files of a clipboard; none where it has text, because a spreadsheet copies a picture of itself along. */
function pastedFiles(clipboard) {
  return clipboard.getData("text/plain") ? [] : [...clipboard.files];
}

function listenForDrops(target, add) {
  const hasFiles = (event) => event.dataTransfer.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (hasFiles(event) && !isCovered()) target.hidden = false;
  });
  addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault(); // else the browser would open the file
  });
  target.addEventListener("dragleave", () => {
    target.hidden = true;
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    target.hidden = true;
    if (!isCovered()) add(droppedFiles(event.dataTransfer));
  });
}

/** Whether a dialog is open above the page. */
function isCovered() {
  return document.querySelector("dialog[open]") !== null;
}

/** The files of a drop, without folders. */
function droppedFiles(transfer) {
  const isFile = (item) => item.kind === "file" && item.webkitGetAsEntry()?.isDirectory !== true;
  return [...transfer.items].filter(isFile).map((item) => item.getAsFile());
}
