/* Says on the ring's page that further requests have come; without scripts the page works as it is. */
"use strict";

(function () {
  const fresh = document.getElementById("fresh");
  if (!fresh || !window.EventSource) { return; }
  const events = new EventSource("/_ring/events");
  let count = 0;
  events.addEventListener("request", () => {
    count += 1;
    const link = document.createElement("a");
    link.href = location.pathname + location.search;
    link.textContent = fresh.dataset.link;
    fresh.replaceChildren(fresh.dataset.text + " " + count + " ", link);
  });
  addEventListener("pagehide", () => events.close());
})();
