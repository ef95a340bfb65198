"use strict";
(() => {
  // What stands in the markup already works without this file; here it becomes more comfortable.
  const offerShowing = (root) => {
    for (const button of root.querySelectorAll("button[data-shows]")) {
      const field = document.getElementById(button.dataset.shows);
      const label = button.getAttribute("aria-label").replace(/^Show /, "");
      const say = () => {
        const seen = field.type === "text";
        button.textContent = seen ? "Hide" : "Show";
        button.setAttribute("aria-label", `Show ${label}`);
        button.setAttribute("aria-pressed", String(seen));
      };
      button.hidden = false;
      button.onclick = () => {
        field.type = field.type === "text" ? "password" : "text";
        say();
      };
      say();
    }
  };

  // Fields stay as they are while others come and go around them; what was said of them is gone.
  const forgetProblems = (root) => {
    for (const field of root.querySelectorAll("[aria-invalid]")) {
      if (document.getElementById(`${field.id}-problem`)) continue;
      field.removeAttribute("aria-invalid");
      const left = (field.getAttribute("aria-describedby") || "").split(" ").filter((id) => document.getElementById(id));
      if (left.length) field.setAttribute("aria-describedby", left.join(" "));
      else field.removeAttribute("aria-describedby");
    }
  };

  // What is shown when the form is sent must not stay in what the browser remembers of text fields.
  const hideAgain = () => {
    for (const button of document.querySelectorAll('button[data-shows][aria-pressed="true"]')) button.click();
  };

  // An embedding page decides itself where its window goes.
  const goOn = () => {
    const link = document.getElementById("continue");
    if (!link || window.top !== window) return;
    const stay = document.getElementById("stay");
    const said = document.getElementById("leaving");
    said.textContent = `This happens by itself in ${link.dataset.after} seconds.`;
    const waiting = setTimeout(() => window.location.assign(link.href), Number(link.dataset.after) * 1000);
    stay.hidden = false;
    stay.addEventListener("click", () => {
      clearTimeout(waiting);
      stay.hidden = true;
      said.textContent = "You stay here until you continue.";
      link.focus();
    });
  };

  // An answer that is no form, such as that of an expired link, takes the place of the page.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.isError) window.location.reload();
  });
  document.addEventListener("htmx:load", (event) => {
    offerShowing(event.detail.elt);
    forgetProblems(event.detail.elt);
  });
  document.addEventListener("submit", hideAgain);
  offerShowing(document);
  goOn();
})();
