// The page: creates its parts and connects them.
//
// wire/ has the API as it goes over the network. session/ follows one session and knows nothing of the page: session.js
// is its face. views/ draws what the session knows. A room imports from the rooms before it only.

import { newId } from "./ids.js";
import { Session } from "./session/session.js";
import { SessionList } from "./session/session_list.js";
import { CallCards } from "./views/call_cards.js";
import { Composer } from "./views/composer.js";
import { ConversationView } from "./views/conversation_view.js";
import { setText } from "./views/dom.js";
import { DraftChips } from "./views/draft_chips.js";
import { Drafts } from "./views/drafts.js";
import { drawDelay } from "./views/draw_pace.js";
import { Examples } from "./views/examples.js";
import { listenForFiles } from "./views/file_sources.js";
import { JumpButton } from "./views/jump_button.js";
import { ListCommands } from "./views/list_commands.js";
import { MessageCommands } from "./views/message_commands.js";
import { announce, clearNotices, showError, showNotice, showReadiness } from "./views/notices.js";
import { OlderButton } from "./views/older_button.js";
import { Regenerations } from "./views/regenerations.js";
import { RequestForms } from "./views/request_forms.js";
import { Scroller } from "./views/scroller.js";
import { SearchBox } from "./views/search_box.js";
import { SettingsForm } from "./views/settings_form.js";
import { listenForShortcuts } from "./views/shortcuts.js";
import { SidePanel } from "./views/side_panel.js";
import { Sidebar } from "./views/sidebar.js";
import { listenForTheme } from "./views/theme_choice.js";
import { endText } from "./views/turn_end.js";
import { UserStateDialog } from "./views/user_state_dialog.js";
import { WireDrawer } from "./views/wire_drawer.js";
import { Api } from "./wire/api.js";
import { watchReadiness } from "./wire/readiness.js";
import { WireLog } from "./wire/wire_log.js";
import { WORDS } from "./words.js";

const OWNER = "aomi.owner"; // in localStorage: the public key of this browser's sessions
const KEY = "aomi.key"; // in sessionStorage: the API key, or the token

const $ = (selector) => document.querySelector(selector);

const wireLog = new WireLog();
const api = new Api(wireLog);
const otherTabs = new BroadcastChannel("aomi");
const owner = (localStorage[OWNER] ??= newId());
api.key = sessionStorage[KEY] ?? "";

let session = null;
let drawn = { at: 0, duration: 0, length: 0, speed: 0 }; // the last drawing: times in milliseconds, UTF-16 units of text, units a millisecond
let drawTimer = 0;

const scroller = new Scroller($("#scroll"), () => older.load());
const older = new OlderButton($("#older"), $("#log"), {
  load: () => withErrors(() => session.older.load()),
  draw: () => scroller.keepPlace(drawNow),
});
const requestForms = new RequestForms($("#requests"), { reply: (id, result) => session.reply(id, result) });
const composer = new Composer($("#composer"), $("#too-long"), { send: (text) => messages.send(text), stop });
const drafts = new Drafts(composer);
const callCards = new CallCards($("main"), { send: (answers) => session.answers.send(answers), leave: () => composer.focus() });
const messages = new MessageCommands({ session: () => session, composer, drafts, scroller, draw: drawNow, enterKey: showKey });
const conversation = new ConversationView($("#log"), messages);
const regenerations = new Regenerations($("#regenerations"), (runId) => messages.withdrawRegeneration(runId));
const chips = new DraftChips($("#drafts"), { remove: (file) => messages.detach(file), leave: () => composer.focus() });
const drawer = new WireDrawer($("#drawer"), $("#events"), $("#toggle-drawer"), wireLog, (...asked) => api.readInto(...asked));
const sidePanel = new SidePanel({ button: $("#toggle-side"), backdrop: $("#shade"), main: $("main"), first: $("#new") });
const settings = new SettingsForm({ app: $("#app"), model: $("#model"), key: $("#key"), keyHint: $("#key-hint") }, api, {
  choose: (field, value) => withErrors(() => session.choose(field, value)).then(() => settings.show(session)),
  useKey,
});
const search = new SearchBox($("#search"), $("#found"), api, { changed: () => sidebar.update(), leave: () => composer.focus() });
const commands = new ListCommands({ api, session: () => session, go, withErrors, changed: listChanged });
const sidebar = new Sidebar($("#sessions"), $("#archived"), search, commands);
const jump = new JumpButton($("#jump"), $("#scroll"), scroller, () => composer.focus());
const examples = new Examples($("#examples"), { load: async (id) => (await api.app(id)).examples, send: (text) => messages.send(text) });
const userState = new UserStateDialog($("#user-state"), $("#edit-user-state"), () => session);

const list = new SessionList(api, owner, {
  openId: () => session.id,
  loaded: (sessions) => {
    search.searchIn(sessions);
    sidebar.show(sessions, session);
    session.threads.refresh().then(() => sidebar.update());
  },
  failed: (error) => showError(error, showKey),
});

// Sessions

/** Open the session at an address: its id, or `id/thread`; '' opens a new one. `words` are those to lead to. */
function openSession(address, words = []) {
  const [id, threadId] = address.split("/");
  session?.close();
  session = new Session(api, id || newId(), owner, threadId);
  session.addEventListener("change", draw);
  session.addEventListener("ended", ({ detail: turn }) => turn.awaiting.length || announce(endText(turn)));
  session.addEventListener("ended", () => loadList());
  session.addEventListener("failed", ({ detail: error }) => showError(error, showKey));
  session.addEventListener("notice", ({ detail: text }) => showNotice(text));
  session.addEventListener("listed", listChanged);
  session.addEventListener("gone", ({ detail: reason }) => {
    go("");
    showNotice(WORDS.notices.startsNew(reason));
  });
  clearNotices();
  drafts.open(session, !id);
  draw();
  if (!id) return session.begin();
  withErrors(() => session.open()).then(leadTo.bind(null, words, session));
  session.threads.loaded().then(() => sidebar.update());
}

/** Lead to the last message that has `words`, also further back; without one to the end. */
async function leadTo(words, opened) {
  const loadOlder = async () => (await withErrors(() => opened.older.load())) && opened === session;
  const hasFound = opened === session && (await conversation.leadTo(words, loadOlder, drawNow));
  if (!hasFound && opened === session) scroller.toEnd();
}

/** Show a session, '' for a new one. `words` are those to lead to; `threadId` is the thread to show. */
function go(id, words = [], threadId = "") {
  const address = [id, threadId].filter(Boolean).join("/");
  history.pushState(null, "", address ? `#${address}` : location.pathname);
  openSession(address, words);
  sidePanel.close();
  loadList();
  composer.focus();
}

function openFromAddress() {
  openSession(location.hash.slice(1));
  loadList();
}

async function loadList() {
  await withErrors(() => list.load());
  drawTitle();
}

function listChanged() {
  if (session.exists && location.hash.slice(1).split("/")[0] !== session.id) history.replaceState(null, "", `#${session.id}`);
  loadList();
  otherTabs.postMessage("listed");
}

// Turns

function stop() {
  announce(WORDS.turns.stopped);
  withErrors(() => session.stop());
  drawNow(); // a stop shows at once
}

// Drawing

/** Draw soon: several changes are drawn together, and slow drawings less often. */
function draw() {
  if (!drawTimer) drawTimer = setTimeout(drawNow, drawDelay(drawn));
}

function drawNow() {
  clearTimeout(drawTimer);
  drawTimer = 0;
  const startedAt = performance.now();
  const wasNearEnd = scroller.isNearEnd;
  conversation.show(session, wasNearEnd);
  regenerations.show(session.messages.regenerations);
  requestForms.show(session.requests);
  callCards.show(session);
  $("#empty").hidden = !session.loaded || session.items.length > 0;
  $("#loading").hidden = session.loaded;
  older.show(session.older.exist);
  chips.show(session);
  composer.show({
    isRunning: Boolean(session.turn && !session.turn.stopping),
    isBusy: session.busy,
    hasFiles: session.drafts.all.length > 0,
  });
  $("#offline").hidden = session.connected;
  settings.show(session);
  examples.show(session);
  userState.update(session);
  drawTitle();
  if (wasNearEnd && session.items.length) scroller.toEnd();
  jump.update();
  const length = session.turn?.text.length ?? 0;
  drawn = { at: startedAt, duration: performance.now() - startedAt, length, speed: drawn.length && (length - drawn.length) / Math.max(startedAt - drawn.at, 32) };
}

function drawTitle() {
  const title = session.fields.title || WORDS.untitled;
  setText($("#title"), title);
  document.title = WORDS.pageTitle(title);
}

/** The result of `action()`. Errors of requests are shown; others are thrown. */
async function withErrors(action) {
  try {
    return await action();
  } catch (error) {
    if (!("status" in error)) throw error;
    showError(error, showKey);
  }
}

// Key and keyboard

async function useKey(key) {
  if (key === api.key) return;
  api.key = sessionStorage[KEY] = key;
  clearNotices();
  await settings.loadApps();
  if (location.hash) openFromAddress(); // the new key may open a session that was refused before
  settings.show(session);
  loadList(); // a user's token has a list of its own
}

function showKey() {
  sidePanel.open();
  $("#settings").open = true;
  settings.focusKey();
}

/** Close what is open, else stop the turn. */
function closeOrStop() {
  if ($("dialog[open]")) return;
  if (sidePanel.isOpen) {
    sidePanel.close();
    $("#toggle-side").focus();
  } else if (drawer.open && $("#drawer").contains(document.activeElement)) drawer.toggle(false);
  else if (session.turn) stop();
}

listenForFiles({ button: $("#attach"), input: $("#files"), box: $("#message"), target: $("#drop") }, (files) => messages.attach(files));
listenForTheme($("#theme"));
listenForShortcuts({ write: () => composer.focus(), startNew: () => go(""), toggleDrawer: () => drawer.toggle(), escape: closeOrStop });
$("#new").addEventListener("click", () => go(""));
addEventListener("popstate", openFromAddress);
otherTabs.addEventListener("message", loadList);
document.addEventListener("visibilitychange", () => (document.hidden ? session.pause() : withErrors(() => session.resume()).then(loadList)));

$("#key").value = api.key;
openFromAddress();
settings.loadApps().then(() => settings.show(session));
watchReadiness(showReadiness);
composer.focus();
