// The door: what its guard and the visitor see, hear and press.
"use strict";
import { follow, say, warnings } from "./stream.js";

const part = (name) => document.getElementById("door-" + name);
const kiosk = part("open"), lamp = part("lamp"), sound = part("sound"), labelling = part("labelling");
const TONES = { green: [880, 1320], one_at_a_time: [330, 330], already_counted: [660] }; // Hz, one after the other
const TONE_S = 0.15;
const KEYS = { n: "no-device", u: "undo", d: "direction", c: "calibrate", f: "full", s: "sound" };
let seen = null, audio = null;

function sounds() {
  return localStorage.getItem("bluezone-door-sound") !== "off";
}

function ring(tones) {
  if (!sounds() || audio === null) return;
  tones.forEach((hertz, place) => {
    const tone = audio.createOscillator(), loudness = audio.createGain();
    const from = audio.currentTime + place * TONE_S;
    tone.frequency.value = hertz;
    loudness.gain.setValueAtTime(0.4, from);
    loudness.gain.exponentialRampToValueAtTime(0.001, from + TONE_S);
    tone.connect(loudness).connect(audio.destination);
    tone.start(from);
    tone.stop(from + TONE_S);
  });
}

// browsers allow sound, and a display that stays on, after the first key or touch
function touched() {
  audio ??= new AudioContext();
  audio.resume();
  keepAwake();
}

async function keepAwake() {
  if (document.hidden || kiosk.hidden || !navigator.wakeLock || keepAwake.lock) return;
  keepAwake.lock = true;
  try {
    const lock = await navigator.wakeLock.request("screen");
    lock.addEventListener("release", () => { keepAwake.lock = null; });
  } catch {
    keepAwake.lock = null; // the battery is low
  }
}

async function ask(fields) {
  const body = new URLSearchParams({ form: kiosk.dataset.form, language: kiosk.dataset.language, ...fields });
  try {
    const answer = await fetch("/door", { method: "POST", body, headers: { accept: "application/json" } });
    const said = answer.headers.get("content-type")?.includes("json") ? (await answer.json()).error : "";
    say(part("failure"), answer.ok ? "" : said || kiosk.dataset.failed);
  } catch {
    say(part("failure"), kiosk.dataset.failed); // the page has stopped
  }
}

function counts(rows) {
  return rows.map((row) => {
    const item = document.createElement("li"), people = document.createElement("b");
    people.textContent = row.people;
    item.append(row.name, people, row.with_device);
    return item;
  });
}

function show(line) {
  const door = line.door;
  part("closed").hidden = door !== null;
  kiosk.hidden = door === null;
  warnings(part("troubles"), door === null ? line.troubles : door.limits);
  if (door === null) { seen = null; return; }
  lamp.className = "lamp " + door.state;
  say(part("symbol"), door.symbol);
  say(part("headline"), door.headline);
  say(part("detail"), door.detail);
  part("counts").replaceChildren(...counts(door.counts));
  say(part("direction"), door.direction);
  say(part("last"), door.last);
  part("undo").disabled = door.last_number === 0;
  say(part("calibration"), door.calibration);
  part("calibrate").setAttribute("aria-pressed", String(door.calibrating));
  labelling.hidden = door.label_purpose === "" || door.last_number === 0 || door.labelled;
  say(part("purpose"), door.label_purpose);
  const now = door.state + door.last_number;
  if (seen !== null && seen !== now && TONES[door.state]) ring(TONES[door.state]);
  seen = now;
  keepAwake();
}

function press(name) {
  if (name === "full") {
    if (document.fullscreenElement) document.exitFullscreen(); else kiosk.requestFullscreen();
  } else if (name === "sound") {
    localStorage.setItem("bluezone-door-sound", sounds() ? "off" : "on");
    showSound();
    ring(TONES.green);
  } else if (name !== "close" || confirm(part("close").dataset.confirm)) {
    ask({ do: name });
  }
}

function showSound() {
  say(part("sounds"), sounds() ? sound.dataset.on : sound.dataset.off);
}

document.addEventListener("pointerdown", touched);
document.addEventListener("keydown", (event) => {
  touched();
  const typing = event.target.closest("input, select, textarea");
  if (kiosk.hidden || typing || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const name = KEYS[event.key.toLowerCase()];
  if (name && !(name === "undo" && part("undo").disabled)) press(name);
});
for (const button of kiosk.querySelectorAll("button[data-press]")) {
  button.addEventListener("click", () => press(button.dataset.press));
}
for (const button of part("closed").querySelectorAll("button[value]")) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    ask({ do: "open", direction: button.value });
  });
}
labelling.addEventListener("submit", (event) => {
  event.preventDefault();
  ask({ do: "label", label: part("label").value });
  part("label").value = "";
  part("label").blur();
});
document.addEventListener("visibilitychange", keepAwake);
showSound();
follow(kiosk.dataset.language, show);
