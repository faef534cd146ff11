// Asks before something is deleted.

import { WORDS } from "../words.js";
import { setText } from "./dom.js";

const dialog = document.querySelector("#confirm");
const heading = document.querySelector("#confirm-title");

/** Whether the user wants to delete what has this title. */
export async function isDeletionConfirmed(title) {
  setText(heading, WORDS.list.isDeletionWanted(title));
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  return dialog.returnValue === "delete";
}
