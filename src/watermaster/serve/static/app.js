// Theme, notes on marks, copy link, keyboard. Everything works without this file.
(() => {
  const d = document, root = d.documentElement;
  root.classList.add("has-js");
  let theme = null;
  try { theme = localStorage.getItem("theme"); } catch { /* storage is off: follow the system */ }
  if (theme) root.dataset.theme = theme;
  const isDark = () =>
    (root.dataset.theme || (matchMedia("(prefers-color-scheme:dark)").matches ? "dark" : "")) === "dark";
  const acts = {
    theme() {
      root.dataset.theme = isDark() ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch { /* not kept, then */ }
    },
    link(button) {
      const words = button.querySelector("span");
      navigator.clipboard?.writeText(location.href).then(
        () => { words.textContent = "Copied"; setTimeout(() => { words.textContent = "Copy link"; }, 2000); },
        () => { words.textContent = "Copy the address"; });
    },
  };
  d.addEventListener("click", (e) => {
    const button = e.target.closest?.("button[data-act]");
    if (button) acts[button.dataset.act]?.(button);
  });
  d.addEventListener("change", (e) => {
    if (e.target.dataset?.act === "submit") e.target.form.requestSubmit();
  });
  d.addEventListener("submit", (e) => { // what is empty does not belong into the address
    for (const field of e.target.elements) if (field.name && !field.value) field.disabled = true;
  });
  addEventListener("pageshow", () => {
    for (const field of d.querySelectorAll("form [disabled]")) field.disabled = false;
  });
  d.addEventListener("keydown", (e) => {
    if (e.key !== "/" || /INPUT|SELECT|TEXTAREA/.test(d.activeElement.tagName)) return;
    const field = d.querySelector("input[type=search]");
    if (field) { e.preventDefault(); field.focus(); }
  });
  let note;
  d.addEventListener("pointermove", (e) => {
    const mark = e.target.closest?.("[data-tip]");
    if (!mark) { if (note) note.hidden = true; return; }
    if (!note) {
      note = d.createElement("div");
      note.id = "tip";
      note.setAttribute("aria-hidden", "true"); // readers have the mark's own title
      d.body.append(note);
    }
    const title = mark.querySelector(":scope > title");
    if (title) title.remove(); // the browser would show it a second time
    if (title && !mark.ariaLabel) mark.setAttribute("aria-label", title.textContent);
    const [head, ...rows] = mark.dataset.tip.split("|");
    const bold = d.createElement("b");
    bold.textContent = head;
    note.replaceChildren(bold, ...rows.map((row) => {
      const [name, figure, colour] = row.split("~"), line = d.createElement("div");
      if (colour) { const i = d.createElement("i"); i.className = `b-${colour}`; line.append(i); }
      for (const text of [name, figure]) {
        const span = d.createElement("span");
        span.textContent = text;
        line.append(span);
      }
      return line;
    }));
    note.hidden = false;
    const box = note.getBoundingClientRect();
    note.style.left = `${Math.min(e.clientX + 14, innerWidth - box.width - 8)}px`;
    note.style.top = `${Math.min(e.clientY + 14, innerHeight - box.height - 8)}px`;
  });
})();
