// What every page is built with: elements, words, times, requests, and a place for news.
// Text reaches the page as text nodes only; nothing here or elsewhere parses HTML.
import { h, render, Component, Fragment, options } from "./vendor/preact.js";
import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "./vendor/hooks.js";

export {
  h,
  render,
  Component,
  Fragment,
  options,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
};

const isProps = (value) =>
  value !== null && typeof value === "object" && value.constructor === Object;

/** `tags.div({class: "x"}, "text")`: an element, its properties first if it has any. */
export const tags = new Proxy(
  {},
  {
    get:
      (_, name) =>
      (...children) =>
        isProps(children[0]) ? h(name, ...children) : h(name, null, ...children),
  },
);

const { button, div, span, svg, path, dialog, h2, label, input, select, option } = tags;

// -- words ------------------------------------------------------------------------------------

const asked = new URLSearchParams(location.search).get("lang");
const wanted = asked ? [asked] : navigator.languages;
/** "en" or "zh": what the address asks for, else the first of the browser's that there is. */
export const language =
  wanted.map((tag) => tag.toLowerCase().split("-")[0]).find((tag) => ["en", "zh"].includes(tag)) ??
  "en";
const locale = language === "zh" ? "zh-CN" : "en-GB";
const words = {};

/**
 * Load the words of the page: those that came with its script, or else from files named after the
 * language. English is in the source.
 */
export async function loadWords(...folders) {
  document.documentElement.lang = locale;
  if (language === "en") return;
  if (globalThis.WORDS?.[language]) {
    Object.assign(words, globalThis.WORDS[language]);
    return;
  }
  const loaded = await Promise.all(folders.map((folder) => fetch(`${folder}/${language}.json`)));
  for (const answer of loaded) Object.assign(words, await answer.json());
}

/** Mark a text that `t` is given later, so that the tests find it. */
export const say = (text) => text;

/** The text in the page's language, with its {names} filled in. */
export function t(text, values = {}) {
  return (words[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** What the server put into the page to be shown first; `null` when there is nothing. */
export function firstData() {
  const block = document.getElementById("first");
  return block && JSON.parse(block.textContent);
}

// -- times and sizes --------------------------------------------------------------------------

// By hand: the first formatter of `Intl` takes a browser longer than all the rest of a page.
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const two = (number) => String(number).padStart(2, "0");
const hourOf = (at) => `${two(at.getHours())}:${two(at.getMinutes())}`;
const dayOf = (at) =>
  language === "zh"
    ? `${at.getFullYear()}年${at.getMonth() + 1}月${at.getDate()}日`
    : `${at.getDate()} ${MONTHS[at.getMonth()]} ${at.getFullYear()}`;

/** Hour and minute, with the date unless it is that of `now`. */
export function when(ms, now = Date.now()) {
  const at = new Date(ms);
  return at.toDateString() === new Date(now).toDateString() ? hourOf(at) : fullTime(ms);
}

/** The time of the day to the second. */
export function exactTime(ms) {
  const at = new Date(ms);
  return `${hourOf(at)}:${two(at.getSeconds())}`;
}

/** Day, hour and minute. */
export function fullTime(ms) {
  const at = new Date(ms);
  return `${dayOf(at)}${language === "zh" ? " " : ", "}${hourOf(at)}`;
}

/** A span of time in its two largest units. */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return t("{n} s", { n: seconds });
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return t("{n} min", { n: minutes });
  const rest = minutes % 60;
  const hours = t("{n} h", { n: Math.floor(minutes / 60) });
  return rest ? `${hours} ${t("{n} min", { n: rest })}` : hours;
}

export function bytes(count) {
  if (count < 1024) return t("{n} bytes", { n: count });
  const units = ["KB", "MB", "GB"];
  let value = count / 1024;
  while (value >= 1024 && units.length > 1) {
    value /= 1024;
    units.shift();
  }
  return `${value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[0]}`;
}

// -- requests ---------------------------------------------------------------------------------

/** What a server said when it could not do what was asked. */
export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/** Send a request and return its JSON. Throws `Refused` with the server's own sentence. */
export async function call(method, url, { body, query, raw, headers, signal } = {}) {
  const address = new URL(url, location.href);
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== undefined && value !== null && value !== "") address.searchParams.set(name, value);
  const answer = await fetch(address, {
    method,
    signal,
    headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
    body: raw ?? (body === undefined ? undefined : JSON.stringify(body)),
  });
  const text = await answer.text();
  let data = null;
  try {
    data = JSON.parse(text);
  } catch {
    // A proxy's page or an empty answer: the status has to do.
  }
  if (!answer.ok) throw new Refused(answer.status, data?.error || text.slice(0, 200) || `${answer.status}`);
  return data;
}

/**
 * Run `step` over and over, one at a time, and not more often than every `pause` milliseconds;
 * tell `broken` of failures and wait longer each time.
 */
export async function forever(step, broken, signal, pause = 0) {
  let failures = 0;
  while (!signal?.aborted) {
    try {
      const end = performance.now() + pause;
      await step();
      if (failures) broken(null);
      failures = 0;
      const early = end - performance.now();
      if (early > 0) await new Promise((go) => setTimeout(go, early));
      // News that come fast are shown once per frame; in a hidden page, once per second.
      await new Promise((go) => (document.hidden ? setTimeout(go, 1000) : requestAnimationFrame(go)));
    } catch (error) {
      if (signal?.aborted) return;
      failures += 1;
      broken(error);
      await new Promise((go) => setTimeout(go, Math.min(500 * failures, 5000)));
    }
  }
}

// -- state ------------------------------------------------------------------------------------

/** A value that components can watch. */
export class Store {
  #watchers = new Set();
  constructor(value) {
    this.value = value;
  }
  set(change) {
    this.value = { ...this.value, ...change };
    for (const watcher of this.#watchers) watcher(this.value);
  }
  watch(watcher) {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}

/** The current value of a store, in a component that is drawn again when it changes. */
export function useStore(store) {
  const [value, set] = useState(store.value);
  useEffect(() => {
    set(store.value);
    return store.watch(set);
  }, [store]);
  return value;
}

/** A number that grows every `ms`: for texts that tell how long something still is. */
export function useTick(ms) {
  const [tick, set] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => set((n) => n + 1), ms);
    return () => clearInterval(timer);
  }, [ms]);
  return tick;
}

// -- news for eyes and screen readers ---------------------------------------------------------

const notes = new Store({ list: [], n: 0 });

/** Show a sentence for some seconds; screen readers speak it. */
export function tell(text, kind = "info") {
  const n = notes.value.n + 1;
  notes.set({ n, list: [...notes.value.list.slice(-2), { n, text, kind }] });
  const gone = () => notes.set({ list: notes.value.list.filter((one) => one.n !== n) });
  setTimeout(gone, kind === "error" ? 9000 : 4000);
}

/** Run what a button does; tell why when it fails, and whether it went well. */
export async function attempt(action, done) {
  try {
    const result = await action();
    if (done) tell(done);
    return result ?? true;
  } catch (error) {
    tell(error instanceof Refused ? error.message : t("The server does not answer."), "error");
    return undefined;
  }
}

/** Where `tell` is shown; one in every page. */
export function Notes() {
  const { list } = useStore(notes);
  // Always in the page, so that a screen reader watches it before the first sentence comes.
  return div(
    { class: "notes", role: "status", "aria-live": "polite" },
    list.map(({ n, text, kind }) => div({ key: n, class: `note ${kind}` }, text)),
  );
}

// -- small parts ------------------------------------------------------------------------------

const drawings = {
  attach: "M12 5v14M5 12h14",
  send: "M4 12h15M13 6l6 6-6 6",
  mic: "M12 4a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V7a3 3 0 0 1 3-3zM6 11v1a6 6 0 0 0 12 0v-1M12 18v3",
  stop: "M7 7h10v10H7z",
  play: "M8 5l11 7-11 7z",
  pause: "M8 5v14M16 5v14",
  close: "M6 6l12 12M18 6L6 18",
  quote: "M10 8L5 13l5 5M5 13h9a5 5 0 0 1 5 5v1",
  file: "M7 3h7l4 4v14H7zM14 3v4h4",
  drawer: "M4 7h16M4 12h16M4 17h16",
  check: "M5 13l4 4L19 7",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3 2",
  tool: "M14 6a4 4 0 0 0 5 5l-9 9a2.5 2.5 0 0 1-4-4l8-8z",
  down: "M6 9l6 6 6-6",
  person: "M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM4 21c0-5 4-7 8-7s8 2 8 7",
  bot: "M6 9h12v10H6zM12 9V5M9.5 13v1.5M14.5 13v1.5M3 13v3M21 13v3",
  cross: "M6 6l12 12M18 6L6 18",
};

export const icon = (name) =>
  svg(
    { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" },
    path({ d: drawings[name] }),
  );

/** What a screen reader calls one of several like buttons: what stands on it, and of what it is. */
export const of = (text, name) => `${text}: ${name}`;

/** A button with a drawing; `title` is what it is called. */
export const iconButton = (name, title, onClick, props = {}) =>
  button(
    { type: "button", class: "plain round", title, "aria-label": title, onClick, ...props },
    icon(name),
  );

/** A modal dialog: the browser keeps the focus in it and gives it back. */
export function Dialog({ title, onClose, wide, children }) {
  const element = useRef(null);
  useEffect(() => {
    element.current.showModal();
  }, []);
  return dialog(
    {
      ref: element,
      class: wide ? "wide" : "",
      "aria-label": title,
      onClose,
      // A click on the backdrop is one on the dialog itself: its content fills the rest.
      onClick: (event) => event.target === element.current && element.current.close(),
    },
    div(
      { class: "dialog" },
      div(
        { class: "dialog-head" },
        h2(title),
        iconButton("close", t("Close"), () => element.current.close()),
      ),
      children,
    ),
  );
}

/** A switch with its name beside it. */
export const toggle = (text, checked, onChange, hint) =>
  label(
    { class: "toggle" },
    span({ class: "toggle-text" }, text, hint && span({ class: "hint" }, hint)),
    input({ type: "checkbox", role: "switch", checked, onChange: (event) => onChange(event.target.checked) }),
  );

/** A labelled field around any control. */
export const field = (text, control, hint) =>
  label({ class: "field" }, span(text), control, hint && span({ class: "hint" }, hint));

/** A choice of `[value, text]` pairs. */
export const choice = (value, pairs, onChange, props = {}) =>
  select(
    { value, onChange: (event) => onChange(event.target.value), ...props },
    pairs.map(([one, text]) => option({ key: one, value: one, selected: one === value }, text)),
  );

/** A text that can be copied. */
export function Copyable({ text }) {
  const copy = () => attempt(() => navigator.clipboard.writeText(text), t("Copied."));
  return div(
    { class: "copyable" },
    tags.code({ tabIndex: 0 }, text),
    button({ type: "button", class: "small", onClick: copy, "aria-label": t("Copy {text}", { text }) }, t("Copy")),
  );
}

/** Tabs with arrow keys, as screen readers know them. `tabs`: [id, name] pairs. */
export function Tabs({ tabs, current, onChange, name }) {
  const keys = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = tabs.findIndex(([id]) => id === current);
    const [id] = tabs[(at + step + tabs.length) % tabs.length];
    onChange(id);
    event.currentTarget.querySelector(`[data-tab="${id}"]`)?.focus();
  };
  return div(
    { class: "tabs", role: "tablist", "aria-label": name, onKeyDown: keys },
    tabs.map(([id, text]) =>
      button(
        {
          key: id,
          type: "button",
          role: "tab",
          "data-tab": id,
          id: `tab-${id}`,
          "aria-selected": id === current ? "true" : "false",
          "aria-controls": "tab-panel",
          tabIndex: id === current ? 0 : -1,
          onClick: () => onChange(id),
        },
        text,
      ),
    ),
  );
}
