// A running trial: who receives whom, and marks.
"use strict";
import { follow, say, warnings } from "./stream.js";

const summary = document.getElementById("summary"), troubles = document.getElementById("troubles");
const nodes = document.getElementById("nodes"), marks = document.getElementById("marks");
const marking = document.getElementById("marking"), said = document.getElementById("said");
const template = document.getElementById("node"), sections = new Map();

function item(text) {
  const made = document.createElement("li");
  made.textContent = text;
  return made;
}

function row(sender) {
  const made = document.createElement("tr"), name = document.createElement("th");
  name.scope = "row";
  name.textContent = sender.device;
  made.append(name, ...sender.cells.map((text) => {
    const cell = document.createElement("td");
    cell.textContent = text;
    return cell;
  }));
  if (sender.silent) made.className = "bad";
  return made;
}

function section(node) {
  let made = sections.get(node.device);
  if (!made) {
    made = template.content.firstElementChild.cloneNode(true);
    made.querySelector("[role=group]").setAttribute("aria-label", node.device);
    sections.set(node.device, made);
  }
  say(made.querySelector("h2"), node.device);
  say(made.querySelector("p"), node.state);
  made.querySelector("tbody").replaceChildren(...node.senders.map(row));
  return made;
}

follow(summary.dataset.language, (line) => {
  say(summary, line.summary);
  warnings(troubles, line.troubles);
  marks.replaceChildren(...line.marks.map(item));
  const shown = line.nodes.map(section);
  if (shown.length !== nodes.children.length || shown.some((one, place) => one !== nodes.children[place])) {
    nodes.replaceChildren(...shown); // only when it changes: a table that is scrolled or read aloud stays
  }
}, "/stream/trial");

marking.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = new URLSearchParams(new FormData(marking));
  try {
    const answer = await fetch("/trial", { method: "POST", body, headers: { accept: "application/json" } });
    const told = answer.headers.get("content-type")?.includes("json") ? (await answer.json()).said : "";
    said.className = answer.ok ? "good" : "bad";
    say(said, told || marking.dataset.failed);
    if (answer.ok) marking.elements.text.value = "";
  } catch {
    said.className = "bad";
    say(said, marking.dataset.failed); // the page has stopped
  }
});
