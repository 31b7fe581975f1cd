// Small comforts; every page works without them.
"use strict";

// Alt+1 … Alt+8 lead to the pages, in every browser alike
document.addEventListener("keydown", (event) => {
  const link = event.altKey && document.querySelector(`[data-alt="${CSS.escape(event.key)}"]`);
  if (link) { event.preventDefault(); link.click(); }
});

// the tray and the banner refresh in place, but not while somebody is about to press a button in them
for (const box of document.querySelectorAll("[data-refresh]")) {
  setInterval(async () => {
    if (document.hidden || box.contains(document.activeElement)) return;
    try {
      const answer = await fetch(box.dataset.refresh, { headers: { Accept: "text/html" } });
      if (answer.ok && !answer.redirected) box.innerHTML = await answer.text();
    } catch { /* the next round tries again */ }
  }, Number(box.dataset.every) || 2000);
}

// the value that is looked at or edited lights up on the page's picture
function light(name, on) {
  for (const place of document.querySelectorAll(`[data-place="${CSS.escape(name)}"]`)) {
    place.classList.toggle("lit", on);
    if (on) place.closest("figure").scrollIntoView({ block: "nearest" });
  }
}
for (const shown of document.querySelectorAll("[data-shows]")) {
  const name = shown.dataset.shows;
  for (const [event, on] of [["focus", true], ["blur", false], ["mouseenter", true], ["mouseleave", false]]) {
    shown.addEventListener(event, () => light(name, on || document.activeElement === shown));
  }
}

// review without a mouse: Enter goes on, Ctrl+Enter approves, Alt+→ leaves it for later, Alt+R sends it back
const review = document.getElementById("review");
if (review) {
  const inputs = [...review.querySelectorAll("label > input, label > select")].filter((i) => i.name !== "why");
  const asked = review.querySelector(".asked input, .asked select");
  (asked || inputs[0]).focus();
  const press = (key) => review.querySelector(`[data-key="${key}"]`).click();
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey && event.key === "Enter") { event.preventDefault(); press("approve"); }
    else if (event.altKey && event.key === "ArrowRight") { event.preventDefault(); press("skip"); }
    else if (event.altKey && event.key.toLowerCase() === "r") {
      event.preventDefault();
      const details = review.querySelector("details");
      if (details.open) press("reject"); else { details.open = true; details.querySelector("input").focus(); }
    } else if (event.key === "Enter" && event.target.matches("#review input, #review select")) {
      event.preventDefault();
      const at = inputs.indexOf(event.target);
      if (event.target.name === "why") press("reject");
      else (inputs[at + 1] || review.querySelector('[data-key="approve"]')).focus();
    }
  });
}

// a facet fills in its filter and asks again
for (const facet of document.querySelectorAll("[data-set]")) {
  facet.addEventListener("click", () => {
    for (const [name, value] of new URLSearchParams(facet.dataset.set)) document.getElementById("search").elements[name].value = value;
  });
}

// a dossier's code that is typed means that a dossier is the purpose
const dossier = document.querySelector('form[action="/purpose"] input[name="dossier"]');
if (dossier) dossier.addEventListener("input", () => {
  const choice = document.querySelector('input[name="why"][value="dossier"]');
  if (choice && dossier.value) choice.checked = true;
});

for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => window.print());

// one box ticks all; Alt+G fetches the batch, Alt+N hands the answers in
for (const box of document.querySelectorAll("[data-all]")) {
  box.addEventListener("change", () => {
    for (const one of box.form.querySelectorAll(`[name="${CSS.escape(box.dataset.all)}"]`)) one.checked = box.checked;
  });
}
if (document.querySelector('[data-key="answers"]')) {
  (document.querySelector('[name="documents"]') || document.querySelector('[name="file"]')).focus();
  document.addEventListener("keydown", (event) => {
    const key = event.altKey && { g: "batch", n: "answers" }[event.key.toLowerCase()];
    const button = key && document.querySelector(`[data-key="${key}"]`);
    if (button) { event.preventDefault(); button.click(); }
  });
}
