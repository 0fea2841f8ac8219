// What the pages do better with a script; without it they lack nothing but these comforts.
"use strict";

(() => {
  const body = document.body;

  // New rates: said, never shown under the customer's finger. The stream ends while the page
  // is hidden, so that many tabs do not use up the browser's connections. It begins when the page
  // is complete, which it is not to hold up.
  const news = document.getElementById("news");
  let stream = null;

  function tell(book) {
    if (!news || !body.dataset.book || book === body.dataset.book || news.classList.contains("there")) return;
    news.classList.add("there");
    news.querySelector("[role=status]").textContent = news.dataset.text;
  }

  function listen() {
    if (stream || document.hidden || !window.EventSource) return;
    stream = new EventSource("/events");
    stream.addEventListener("rates", (event) => tell(event.data));
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden && stream) {
      stream.close();
      stream = null;
    } else {
      listen();
    }
  });
  window.addEventListener("pagehide", () => stream && stream.close());
  if (news) window.addEventListener("load", listen);

  // The time that is left of a quote, by the server's clock.
  const left = document.querySelector("[data-expires]");
  if (left) {
    const skew = Date.parse(left.dataset.now) - Date.now();
    const end = Date.parse(left.dataset.expires);
    const words = left.dataset;
    let last = "";
    const show = () => {
      const seconds = Math.max(0, Math.floor((end - Date.now() - skew) / 1000));
      const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
      const text = seconds === 0 ? words.over : parts.map((part) => String(part).padStart(2, "0")).join(":");
      if (text !== last) left.textContent = last = text;
      if (seconds === 0) {
        document.querySelectorAll("[data-while-held] form button").forEach((button) => { button.disabled = true; });
        const badge = document.querySelector("[data-expired]");
        badge.className = "badge expired";
        badge.textContent = badge.dataset.expired;
      } else {
        setTimeout(show, 250);
      }
    };
    show();
  }

  document.querySelectorAll("[data-print]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  });

  // One click holds one price: the form has its own key, and a second click is the same request. So the button
  // comes back, where the answer was stopped or the page is returned to.
  document.querySelectorAll("form[data-once]").forEach((form) => {
    const buttons = [...form.querySelectorAll("button:not([aria-describedby])")];
    const enable = (enabled) => buttons.forEach((button) => { button.disabled = !enabled; });
    form.addEventListener("submit", () => {
      setTimeout(enable, 0, false);
      setTimeout(enable, 5000, true);
    });
    window.addEventListener("pageshow", () => enable(true));
  });
})();
