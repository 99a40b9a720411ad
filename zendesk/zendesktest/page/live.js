// Keeps a page up to date from its event stream. The server renders and escapes all HTML; this file only puts it in
// place, piece by piece, so that a recording that plays goes on playing.
"use strict";

const body = document.body;
const region = (name) => document.querySelector(`[data-region="${name}"]`);

// morph turns the element old into fresh and keeps every part that is the same. Parts with a data-key are matched by
// it, others by position.
function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.data = fresh.data;
    return;
  }
  const kept = old.nodeName === "DETAILS" ? ["open"] : [];
  for (const a of [...old.attributes]) {
    if (!fresh.hasAttribute(a.name) && !kept.includes(a.name)) old.removeAttribute(a.name);
  }
  for (const a of [...fresh.attributes]) {
    if (old.getAttribute(a.name) !== a.value) old.setAttribute(a.name, a.value);
  }
  morphChildren(old, fresh);
}

const keyOf = (node) => (node.dataset ? node.dataset.key : undefined);

function morphChildren(old, fresh) {
  const byKey = new Map([...old.children].filter(keyOf).map((e) => [keyOf(e), e]));
  let at = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const key = keyOf(next);
    const match = key ? byKey.get(key) : at && !keyOf(at) && at.nodeName === next.nodeName ? at : null;
    if (!match) {
      old.insertBefore(next, at);
      if (key && next.classList) next.classList.add("fresh");
      continue;
    }
    if (match === at) at = at.nextSibling;
    else old.insertBefore(match, at);
    morph(match, next);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

// parse makes an inert element of the server's HTML: scripts in it would not run, nor would the policy let them.
function parse(html) {
  return new DOMParser().parseFromString(html, "text/html").body;
}

const took = new Map();
let current = document.querySelector(".tab[aria-selected=true]")?.dataset.key;

// select brings a tab to the front.
function select(key, focus) {
  const tabs = [...document.querySelectorAll(".tab")];
  if (!tabs.some((t) => t.dataset.key === key)) key = tabs[0]?.dataset.key;
  current = key;
  for (const t of tabs) {
    const on = t.dataset.key === key;
    t.setAttribute("aria-selected", String(on));
    t.tabIndex = on ? 0 : -1;
    if (on) t.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (on && focus) t.focus();
    const ms = took.get(t.dataset.key);
    if (ms !== undefined) t.querySelector("[data-took]").textContent = `shown in ${ms} ms`;
  }
  for (const p of document.querySelectorAll(".panel")) p.hidden = p.dataset.key !== key;
  const empty = document.querySelector("[data-empty]");
  if (empty) empty.hidden = tabs.length > 0;
}

const handlers = {
  overview(d) {
    const fresh = region("overview").cloneNode(false);
    fresh.append(...parse(d.html).childNodes);
    morph(region("overview"), fresh);
  },
  tabs(d) {
    const fresh = region("tabs").cloneNode(false);
    fresh.append(...parse(d.html).childNodes);
    morph(region("tabs"), fresh);
    const open = new Set([...document.querySelectorAll(".tab")].map((t) => t.dataset.key));
    for (const p of document.querySelectorAll(".panel")) if (!open.has(p.dataset.key)) p.remove();
    select(current);
  },
  panel(d) {
    const fresh = parse(d.html).querySelector(".panel");
    const old = document.getElementById(fresh.id);
    if (old) morph(old, fresh);
    else region("panels").append(fresh);
    select(current);
  },
  pop(d) {
    const began = performance.now();
    select(d.key);
    const panel = document.getElementById(`panel-${d.key}`);
    panel?.classList.remove("arrived");
    requestAnimationFrame(() => {
      panel?.classList.add("arrived");
      took.set(d.key, Math.max(1, Math.round(d.age_ms + performance.now() - began)));
      select(current);
    });
    document.querySelector("[data-announce]").textContent = `Page opened: ${d.title}`;
    document.title = `● ${d.title} · ${body.dataset.agent}`;
  },
};

function connect() {
  const live = document.querySelector("[data-live]");
  if (!body.dataset.stream || !live) return;
  const source = new EventSource(body.dataset.stream);
  const state = (on) => {
    live.textContent = on ? "live" : "reconnecting";
    live.classList.toggle("on", on);
  };
  source.onopen = () => state(true);
  source.onerror = () => state(false);
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, (e) => handle(JSON.parse(e.data)));
  }
}

document.addEventListener("click", (e) => {
  const tab = e.target.closest(".tab");
  if (tab) select(tab.dataset.key);
});

document.addEventListener("keydown", (e) => {
  if (e.altKey || e.ctrlKey || e.metaKey || /^(AUDIO|INPUT|SUMMARY)$/.test(e.target.nodeName)) return;
  const tabs = [...document.querySelectorAll(".tab")];
  const at = tabs.findIndex((t) => t.dataset.key === current);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[e.key];
  if (to === undefined || !tabs[to]) return;
  e.preventDefault();
  select(tabs[to].dataset.key, true);
});

connect();
