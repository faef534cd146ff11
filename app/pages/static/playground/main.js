// The page: puts the parts together.

import { Api } from "./api.js";
import { Choices } from "./choices.js";
import { Composer } from "./composer.js";
import { say } from "./dom.js";
import { Drawer } from "./drawer.js";
import { newId } from "./ids.js";
import { Journal } from "./journal.js";
import { Log } from "./log.js";
import { rendered } from "./markdown.js";
import { announce, calm, notice, trouble } from "./notices.js";
import { Session } from "./session.js";
import { Sidebar } from "./sidebar.js";
import { Requests } from "./wallet.js";

const OWNER = "aomi.owner";
const KEY = "aomi.key";
const NEAR_THE_END = 80; // pixels: whoever is nearer than that wants to follow

const NARROW = matchMedia("(max-width: 48rem)"); // as layout.css has it

const $ = (selector) => document.querySelector(selector);

const journal = new Journal();
const api = new Api(journal);
const tabs = new BroadcastChannel("aomi");
const owner = (localStorage[OWNER] ??= newId());
api.key = sessionStorage[KEY] ?? "";

let session = null;
let drawn = 0; // milliseconds that the last drawing took
let timer = 0;

const log = new Log($("#log"), { again: send });
const requests = new Requests($("#requests"), { answer: (id, result) => session.answer(id, result) });
const composer = new Composer($("#composer"), { send, stop });
const drawer = new Drawer($("#drawer"), $("#events"), $("#toggle-drawer"), journal);
const choices = new Choices(
  { app: $("#app"), model: $("#model"), key: $("#key"), keyHint: $("#key-hint") },
  api,
  { choose: (what, value) => trying(() => session.choose(what, value)).then(() => choices.show(session)), key: useKey },
);
const sidebar = new Sidebar($("#sessions"), $("#archived"), {
  open: (id) => go(id),
  rename: (id, title) => trying(() => api.renameSession(id, title)).then(listChanged),
  archive: (id, archived) => trying(() => api.archiveSession(id, archived)).then(listChanged),
  remove,
});

// Sessions

function opened(id, isNew) {
  session?.close();
  session = new Session(api, id, owner);
  session.addEventListener("change", () => draw());
  session.addEventListener("ended", ({ detail }) => announce(ending(detail)));
  session.addEventListener("trouble", ({ detail }) => trouble(detail, showKey));
  session.addEventListener("notice", ({ detail }) => notice(detail));
  session.addEventListener("listed", listChanged);
  session.addEventListener("gone", ({ detail }) => {
    go("");
    notice(`${detail}. Here is a new one.`);
  });
  calm();
  draw();
  if (isNew) session.begin();
  else trying(() => session.open()).then(toTheEnd);
}

/** Show a session, or with '' a new one. */
function go(id) {
  const target = id || newId();
  const isNew = !id;
  history.pushState(null, "", isNew ? location.pathname : `#${target}`);
  opened(target, isNew);
  closeSide();
  loadList();
  composer.focus();
}

function fromAddress() {
  const id = location.hash.slice(1);
  opened(id || newId(), !id);
  loadList();
}

async function loadList() {
  await trying(async () => {
    sidebar.show(await api.sessions(owner), session.id);
  });
  title();
}

function listChanged() {
  if (session.exists && location.hash.slice(1) !== session.id) history.replaceState(null, "", `#${session.id}`);
  loadList();
  tabs.postMessage("listed");
}

async function remove(id) {
  const dialog = $("#confirm");
  say($("#confirm-title"), `Delete “${sidebar.title(id)}”?`);
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "delete") return;
  if (id === session.id) go("");
  await trying(() => api.deleteSession(id));
  listChanged();
  announce("Deleted");
}

// Messages

async function send(text) {
  calm();
  const current = session;
  toTheEnd();
  try {
    await current.send(text);
  } catch (error) {
    trouble(error, showKey);
    composer.giveBack(text);
  }
}

function stop() {
  announce("Stopped");
  trying(() => session.stop());
  clearTimeout(timer);
  drawNow(); // whoever stops does not wait
}

function ending(turn) {
  if (turn.end === "error") return `The answer failed: ${turn.error.message}`;
  return turn.end === "interrupted" ? "Stopped" : `Answer: ${rendered(turn.text).textContent.trim()}`;
}

// Drawing

/** Draw soon: what comes in one moment is drawn once, and costly drawings less often. */
function draw() {
  if (!timer) timer = setTimeout(drawNow, Math.max(16, Math.min(4 * drawn, 500)));
}

function drawNow() {
  timer = 0;
  const began = performance.now();
  const following = nearTheEnd();
  log.show(session);
  requests.show(session.requests);
  $("#empty").hidden = !session.loaded || session.items.length > 0;
  $("#loading").hidden = session.loaded;
  composer.show({ running: Boolean(session.turn && !session.turn.stopping), busy: session.busy });
  $("#offline").hidden = session.connected;
  choices.show(session);
  title();
  if (following && session.items.length) toTheEnd();
  drawn = performance.now() - began;
}

function title() {
  const words = session.title || "New conversation";
  say($("#title"), words);
  document.title = `${words} · aomi`;
}

function nearTheEnd() {
  const { scrollHeight, scrollTop, clientHeight } = $("#scroll");
  return scrollHeight - scrollTop - clientHeight < NEAR_THE_END;
}

function toTheEnd() {
  const scroll = $("#scroll");
  scroll.scrollTop = scroll.scrollHeight;
}

async function trying(action) {
  try {
    return await action();
  } catch (error) {
    if (!("status" in error)) throw error;
    trouble(error, showKey);
  }
}

// Key, side, keyboard

async function useKey(key) {
  if (key === api.key) return;
  api.key = sessionStorage[KEY] = key;
  calm();
  await choices.loadApps();
  if (location.hash) opened(session.id, false); // what was refused before may be open now
  choices.show(session);
}

function showKey() {
  openSide();
  $("#settings").open = true;
  choices.focusKey();
}

/** On a narrow screen the side lies over the page. */
function openSide() {
  if (!NARROW.matches) return;
  $("main").inert = true;
  document.body.classList.add("with-side");
  $("#toggle-side").setAttribute("aria-expanded", "true");
}

function closeSide() {
  $("main").inert = false;
  document.body.classList.remove("with-side");
  $("#toggle-side").setAttribute("aria-expanded", "false");
}

function pressed(event) {
  const typing = /^(?:INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (event.key === "Escape") return escaped();
  if (event.key === "/" && !typing) {
    event.preventDefault();
    composer.focus();
  }
  if (event.altKey && event.code === "KeyN") {
    event.preventDefault();
    go("");
  }
  if (event.altKey && event.code === "KeyE") {
    event.preventDefault();
    drawer.toggle();
  }
}

/** Escape closes what is open, else it stops the answer. */
function escaped() {
  if ($("#confirm").open) return;
  if (document.body.classList.contains("with-side")) {
    closeSide();
    $("#toggle-side").focus();
  } else if (drawer.open && $("#drawer").contains(document.activeElement)) drawer.toggle(false);
  else if (session.turn) stop();
}

$("#new").addEventListener("click", () => go(""));
$("#toggle-side").addEventListener("click", () => {
  openSide();
  $("#new").focus();
});
$("#shade").addEventListener("click", closeSide);
for (const button of document.querySelectorAll("#empty [data-ask]")) button.addEventListener("click", () => send(button.dataset.ask));
addEventListener("keydown", pressed);
addEventListener("popstate", fromAddress);
tabs.addEventListener("message", loadList);
document.addEventListener("visibilitychange", () => (document.hidden ? session.rest() : trying(() => session.wake())));

$("#key").value = api.key;
fromAddress();
choices.loadApps().then(() => choices.show(session));
composer.focus();
