// A picture of the conversation in full size.

const dialog = document.querySelector("#picture");
const image = dialog.querySelector("img");
const save = dialog.querySelector("a");

/** Show the picture at an address of this page, until it is closed. */
export function showPicture(name, address) {
  image.alt = name;
  image.src = save.href = address;
  save.download = name;
  dialog.showModal();
}

dialog.addEventListener("click", ({ target }) => {
  if (target === dialog) dialog.close(); // beside the picture
});
