// The panel's server, and the session that it wants.
import { Refused, Store, call, forever, useEffect, useState, useStore } from "/assets/web/ui.js";

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

const authorized = () => ({ Authorization: `Bearer ${token}` });

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
export const upload = (path, data, query) =>
  ask("POST", path, { raw: data, query, headers: { "Content-Type": "application/octet-stream" } });

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
  if (key) {
    try {
      keep((await call("POST", "/api/session", { body: { key } })).session);
    } catch {
      session.set({ state: "out" });
      return false;
    }
  }
  session.set({ state: token ? "in" : "out" });
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
      // However fast changes come, what is shown is fetched a few times a second at most.
      await new Promise((go) => setTimeout(go, 200));
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

/** The answer to a GET, fetched again after each change; `null` until it is there. */
export function useLive(path, query = {}) {
  const { version } = useStore(session);
  const [found, set] = useState(null);
  const key = `${path} ${JSON.stringify(query)}`;
  useEffect(() => {
    let over = false;
    once(`${version} ${key}`, () => get(path, query))
      .then((data) => over || set({ key, data }))
      .catch(() => {}); // the page says that the server is away, or that the session has ended
    return () => {
      over = true;
    };
  }, [key, version]);
  return found?.data ?? null;
}
