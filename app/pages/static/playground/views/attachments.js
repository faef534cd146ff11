// The attachments of a message: pictures, files to save, and links to what is on other servers, which is never loaded.

import { isPicture } from "../session/draft_files.js";
import { WORDS } from "../words.js";
import { el, icon, setText } from "./dom.js";
import { showPicture } from "./picture_dialog.js";

const KIB = 1024;

/** The attachments as a list, null without any. `files` has the addresses of their bytes. */
export function attachmentList(attachments, files) {
  if (!attachments.length) return null;
  const items = attachments.map((one) => el("li", {}, attachmentElement(one, files)));
  return el("ul", { className: "attachments", "aria-label": WORDS.files.attachments }, ...items);
}

/** The size of a file in the usual units. */
export function sizeText(bytes) {
  if (bytes < KIB) return WORDS.units.bytes(bytes);
  if (bytes < KIB * KIB) return WORDS.units.kilobytes(Math.round(bytes / KIB));
  return WORDS.units.megabytes((bytes / KIB / KIB).toFixed(1));
}

/** A small picture of an attachment, loaded once it comes into view. `failed(error)` if it cannot be loaded. */
export function thumbnail(attachment, files, failed) {
  const image = el("img", { alt: "", className: "thumbnail" });
  whenVisible(image, async () => {
    try {
      image.src = await files.address(attachment);
    } catch (error) {
      failed(error);
    }
  });
  return image;
}

function attachmentElement(attachment, files) {
  if (attachment.url) return link(attachment.url);
  return isPicture(attachment) ? pictureButton(attachment, files) : saveButton(attachment, files);
}

function link(url) {
  const text = el("span", { className: "file-name" }, new URL(url).host);
  return el("a", { className: "file", href: url, target: "_blank", rel: "noopener noreferrer", title: url }, icon("link"), text);
}

function pictureButton(attachment, files) {
  const label = WORDS.files.open(attachment.filename);
  const open = async () => showPicture(attachment.filename, await files.address(attachment));
  const button = el("button", { type: "button", className: "picture", "aria-label": label, title: attachment.filename, onclick: open });
  const failed = (error) => button.replaceWith(missing(attachment, error));
  button.append(thumbnail(attachment, files, failed));
  return button;
}

function saveButton(attachment, files) {
  const note = el("span", { className: "file-note" }, sizeText(attachment.bytes));
  const save = async () => {
    try {
      saveAs(attachment.filename, await files.address(attachment));
    } catch (error) {
      setText(note, error.message);
    }
  };
  const verb = el("span", { className: "unseen" }, WORDS.files.save);
  const name = el("span", { className: "file-name" }, attachment.filename);
  return el("button", { type: "button", className: "file", title: WORDS.files.saveNamed(attachment.filename), onclick: save }, icon("file"), verb, name, note);
}

function missing({ filename }, error) {
  const note = error.status === 404 ? WORDS.files.isGone : error.message;
  return el("p", { className: "file" }, icon("file"), el("span", { className: "file-name" }, filename), el("span", { className: "file-note" }, note));
}

function saveAs(filename, address) {
  el("a", { href: address, download: filename }).click();
}

/** Run `action` once, when the element comes into view. */
function whenVisible(element, action) {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    action();
  });
  observer.observe(element);
}
