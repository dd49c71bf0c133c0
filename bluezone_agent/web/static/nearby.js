// Who is near now. All tabs of a browser share one stream: the visible tab that holds the lock reads it and passes
// each line on. A hidden tab reads nothing. The server makes all texts; none of them is ever read as HTML.
"use strict";
const summary = document.getElementById("summary"), state = document.getElementById("state");
const list = document.getElementById("neighbours"), troubles = document.getElementById("troubles");
const channel = new BroadcastChannel("bluezone-nearby-" + summary.dataset.language);
let stopReading = null;

function row(near) {
  const item = document.createElement("li"), name = document.createElement("b"), bar = document.createElement("meter");
  name.textContent = near.name;
  bar.max = 100;
  bar.value = near.share;
  bar.setAttribute("aria-hidden", "true");
  item.append(name, " · " + near.detail, bar);
  return item;
}

function warning(text) {
  const item = document.createElement("li");
  item.className = "warning";
  item.textContent = text;
  return item;
}

function show(line) {
  if (summary.textContent !== line.summary) summary.textContent = line.summary;
  state.textContent = line.state;
  troubles.replaceChildren(...line.troubles.map(warning));
  list.replaceChildren(...line.neighbours.map(row));
}

function read() {
  const stop = new AbortController();
  stopReading = () => stop.abort();
  navigator.locks.request("bluezone-nearby-" + summary.dataset.language, { signal: stop.signal }, () => new Promise((done) => {
    const stream = new EventSource("/stream?language=" + encodeURIComponent(summary.dataset.language));
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
