/* What scripts add to pages that work without them: news of what was counted since, and the place of the keyboard
   when a mark was set.  htmx sends the marks. */
"use strict";

(function () {
  let late = 0;

  function news() {
    const view = document.getElementById("view");
    const how = view && view.dataset.live;
    if (how === "swap" && !view.contains(document.activeElement)) {
      htmx.ajax("GET", location.pathname + location.search, { target: "#view", select: "#view", swap: "outerHTML show:none" });
    } else if (how) {
      const fresh = document.getElementById("fresh");
      if (!fresh.firstChild) {
        const link = document.createElement("a");
        link.href = location.pathname + location.search;
        link.textContent = fresh.dataset.link;
        fresh.append(fresh.dataset.text + " ", link);
      }
    }
  }

  // Many pages at once are one piece of news; a page in the background waits until it is looked at.
  function counted() {
    clearTimeout(late);
    late = setTimeout(news, document.hidden ? 60000 : 700);
  }

  if (document.querySelector("[data-live]") && window.EventSource) {
    const events = new EventSource("/events");
    events.addEventListener("counted", counted);
    addEventListener("pagehide", () => events.close());
  }

  // A marked word may leave its list: the keyboard stays at the same place in it.
  let place = -1;
  const marks = () => Array.from(document.querySelectorAll("button[name=mark]"));
  document.addEventListener("htmx:beforeRequest", () => { place = marks().indexOf(document.activeElement); });
  document.addEventListener("htmx:afterSettle", () => {
    const left = marks();
    if (place >= 0 && left.length) { left[Math.min(place, left.length - 1)].focus({ preventScroll: true }); }
    place = -1;
  });
})();
