// The panel's server, and the session that it wants.
import { Refused, Store, call, forever, language, useEffect, useState, useStore } from "/assets/web/ui.js";

const KEPT = "weilink-panel-session";

/** "in", "out" (no session, or it has ended), "asking"; and the number of the last change. */
export const session = new Store({ state: "asking", version: 0, offline: false });

let token = remembered();

function remembered() {
  try {
    return localStorage.getItem(KEPT) ?? "";
  } catch {
    return "";
  }
}

function keep(value) {
  token = value;
  try {
    localStorage.setItem(KEPT, value);
  } catch {
    // Storage is off: the session lasts as long as this page.
  }
}

/** Who asks, and in which language the server's sentences are wanted. */
const authorized = () => ({ Authorization: `Bearer ${token}`, "Accept-Language": language });

async function ask(method, path, options = {}) {
  try {
    return await call(method, `/api/${path}`, { ...options, headers: { ...authorized(), ...options.headers } });
  } catch (error) {
    if (error instanceof Refused && error.status === 401) session.set({ state: "out" });
    throw error;
  }
}

export const get = (path, query) => ask("GET", path, { query });
export const post = (path, body = {}) => ask("POST", path, { body });

/**
 * Send a file as it is on the disk. Not with `fetch`, which cannot tell how much has left.
 * `progress` gets a number up to 1; the signal takes it back.
 */
export function upload(path, file, query, progress, signal) {
  const address = new URL(`/api/${path}`, location.href);
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.responseType = "json";
    for (const [name, value] of Object.entries(authorized())) request.setRequestHeader(name, value);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 1);
    request.onload = () => {
      if (request.status === 401) session.set({ state: "out" });
      if (request.status === 200) done(request.response);
      else failed(new Refused(request.status, request.response?.error || `${request.status}`));
    };
    request.onerror = () => failed(new Error("the server does not answer"));
    request.onabort = () => done(null);
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

/** A file of a message, as an address of this page: `{url, type, name}`. */
export async function media(id, save = false) {
  const answer = await fetch(`/api/media/${encodeURIComponent(id)}${save ? "?save=1" : ""}`, { headers: authorized() });
  if (!answer.ok) throw new Refused(answer.status, (await answer.json()).error);
  const data = await answer.blob();
  const said = answer.headers.get("Content-Disposition")?.match(/utf-8''(.+)/)?.[1];
  return { url: URL.createObjectURL(data), type: data.type, name: said ? decodeURIComponent(said) : "" };
}

/** Use the secret of the login link or one that was typed, or else the session that was kept. */
export async function enter(typed = "") {
  const linked = new URLSearchParams(location.hash.slice(1)).get("key");
  const key = linked ?? typed;
  if (linked) {
    // Out of sight, out of the history, and not in what somebody copies from the address bar.
    history.replaceState(null, "", location.pathname + location.search);
  }
  let first = null;
  if (key) {
    try {
      const made = await call("POST", "/api/session", { body: { key }, headers: { "Accept-Language": language } });
      keep(made.session);
      // What every view begins with comes with it: the page is there one answer earlier.
      first = made.first;
    } catch {
      session.set({ state: "out" });
      return false;
    }
  } else if (token) {
    first = await get("overview").catch(() => null);
    if (session.value.state === "out") return false;
  }
  if (first) answers.set(keyOf("overview"), { version: first.change, data: first });
  session.set({ state: token ? "in" : "out", version: first?.change ?? 0 });
  if (token) listen();
  return Boolean(token);
}

export async function leave() {
  await post("leave").catch(() => {});
  keep("");
  session.set({ state: "out" });
}

let listening = false;

async function listen() {
  if (listening) return;
  listening = true;
  const end = new AbortController();
  const stop = session.watch(({ state }) => state === "out" && end.abort());
  await forever(
    async () => {
      const { version } = await get("changes", { version: session.value.version });
      session.set({ version });
      // However fast changes come, what is shown is fetched a few times a second at most, and
      // never while the server still answers the last time.
      await new Promise((go) => setTimeout(go, 200));
      await Promise.allSettled(flying.values());
    },
    (error) => session.set({ offline: Boolean(error) }),
    end.signal,
  );
  stop();
  listening = false;
}

addEventListener("hashchange", () => location.hash.includes("key=") && enter());

// Two parts of a page that want the same at the same time are answered by one request.
const flying = new Map();

function once(key, start) {
  if (!flying.has(key)) flying.set(key, start().finally(() => flying.delete(key)));
  return flying.get(key);
}

// The last answers: a view that is opened again shows what it showed while it asks anew.
const answers = new Map();
const MOST_ANSWERS = 20;
const keyOf = (path, query = {}) => `${path} ${JSON.stringify(query)}`;

function remember(key, answer) {
  answers.delete(key);
  answers.set(key, answer);
  if (answers.size > MOST_ANSWERS) answers.delete(answers.keys().next().value);
}

/** The answer to a GET, fetched again after each change; `null` until it is there. */
export function useLive(path, query = {}) {
  const { version } = useStore(session);
  const key = keyOf(path, query);
  const [found, set] = useState({ key, data: answers.get(key)?.data });
  useEffect(() => {
    if (answers.get(key)?.version === version) {
      set({ key, data: answers.get(key).data });
      return;
    }
    let over = false;
    once(`${version} ${key}`, () => get(path, query))
      .then((data) => {
        remember(key, { version, data });
        if (!over) set({ key, data });
      })
      .catch(() => {}); // the page says that the server is away, or that the session has ended
    return () => {
      over = true;
    };
  }, [key, version]);
  return found.data ?? null;
}
