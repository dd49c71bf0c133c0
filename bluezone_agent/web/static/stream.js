// Lines from the server. All tabs of a browser share one stream: the visible tab that holds the lock reads it and passes each
// line on. A hidden tab reads nothing.
"use strict";

export function follow(language, show, address = "/stream") {
  const name = address + "-" + language, channel = new BroadcastChannel(name);
  let stopReading = null;

  function read() {
    const stop = new AbortController();
    stopReading = () => stop.abort();
    navigator.locks.request(name, { signal: stop.signal }, () => new Promise((done) => {
      const stream = new EventSource(address + "?language=" + encodeURIComponent(language));
      stream.onmessage = (event) => {
        const line = JSON.parse(event.data);
        show(line);
        channel.postMessage(line);
      };
      stopReading = () => { stream.close(); done(); };
    })).catch(() => {}); // the tab was hidden while it waited
  }

  function look() {
    if (stopReading) { stopReading(); stopReading = null; }
    if (!document.hidden) read();
  }

  channel.onmessage = (event) => show(event.data);
  document.addEventListener("visibilitychange", look);
  look();
}

// The server makes all texts; none of them is ever read as HTML.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function warnings(list, texts) {
  list.replaceChildren(...texts.map((text) => {
    const item = document.createElement("li");
    item.className = "warning";
    item.textContent = text;
    return item;
  }));
}
