// Who is near now.
"use strict";
import { follow, say, warnings } from "./stream.js";

const summary = document.getElementById("summary"), state = document.getElementById("state");
const list = document.getElementById("neighbours"), troubles = document.getElementById("troubles");

function row(near) {
  const item = document.createElement("li"), name = document.createElement("b"), bar = document.createElement("meter");
  name.textContent = near.name;
  bar.max = 100;
  bar.value = near.share;
  bar.setAttribute("aria-hidden", "true");
  item.append(name, " · " + near.detail, bar);
  return item;
}

follow(summary.dataset.language, (line) => {
  say(summary, line.summary);
  say(state, line.state);
  warnings(troubles, line.troubles);
  list.replaceChildren(...line.neighbours.map(row));
});
