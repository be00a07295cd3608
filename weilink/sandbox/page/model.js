// What the page knows, and what it can do. The sandbox is asked for news in one request after the
// other, so news that come faster than they can be shown arrive together.
import { Store, call, forever } from "/assets/web/ui.js";

const API = "/_sandbox";
const KEPT = 400; // messages in the page at a time; more are fetched while scrolling
const KEPT_REQUESTS = 300;

const query = new URLSearchParams(location.search);

export const model = new Store({
  user: query.get("user") || remembered("user") || "alice",
  bot: "",
  server: null, // the sandbox's state
  messages: [], // of the open chat, oldest first, without gaps
  older: false, // there are more before
  newer: 0, // that have come but are not in `messages`, as the reader looks at older ones
  requests: [],
  notes: { violations: [], refusals: [] },
  faults: [],
  voices: false,
  quote: null,
  offline: false,
  scanned: location.pathname.startsWith("/q/") ? location.pathname.slice(3) : "",
});

function remembered(name) {
  try {
    return localStorage.getItem(`weilink-sandbox-${name}`) ?? "";
  } catch {
    return ""; // storage is off: nothing is remembered
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(`weilink-sandbox-${name}`, value);
  } catch {
    // as above
  }
}

export const userId = (name = model.value.user) =>
  name.endsWith("@im.wechat") ? name : `${name}@im.wechat`;
export const bareName = (id) => id.replace(/@im\.(wechat|bot)$/, "");

// -- news -------------------------------------------------------------------------------------

const known = { world: undefined, version: 0, log: -1, requests: 0 };
let turn = new AbortController();

/** Ask for news until the page is closed. */
export function start() {
  forever(listen, (error) => model.set({ offline: Boolean(error) }));
}

async function listen() {
  turn = new AbortController();
  const { user, bot } = model.value;
  let news;
  try {
    news = await call("GET", `${API}/page/live`, {
      query: { ...known, user, wait: known.version ? 25 : 0 },
      signal: turn.signal,
    });
  } catch (error) {
    if (error.name === "AbortError") return;
    throw error;
  }
  const first = known.log < 0;
  if (known.world && news.world !== known.world) {
    // Another sandbox on the same port: nothing that is known holds any more.
    location.reload();
    return;
  }
  known.world = news.world;
  known.version = news.state.version;
  known.log = news.log;
  known.requests = news.requests.at(-1)?.n ?? known.requests;
  const { state, notes, faults, voices } = news;
  model.set({
    server: state,
    notes,
    faults,
    voices,
    requests: [...model.value.requests, ...news.requests].slice(-KEPT_REQUESTS),
  });
  if (model.value.user !== user) return;
  if (first || !bot || !state.bots.some((one) => one.bot_id === bot && one.live)) {
    await openChat(user, botFor(state, user, bot));
    return;
  }
  take(news.messages.filter((one) => one.bot_id === bot));
}

/** The bot that a user writes to: the chosen one while it lives, their own newest, any other. */
function botFor(state, user, chosen) {
  const live = state.bots.filter((one) => one.live);
  const own = live.filter((one) => one.user_id === userId(user));
  const stays = live.find((one) => one.bot_id === chosen);
  const last = state.bots.findLast((one) => one.user_id === userId(user));
  return (stays ?? own.at(-1) ?? live.at(-1) ?? last)?.bot_id ?? "";
}

function take(incoming) {
  if (!incoming.length) return;
  const { messages, newer } = model.value;
  const at = new Map(messages.map((one, index) => [one.n, index]));
  const next = [...messages];
  let behind = 0;
  for (const one of incoming) {
    if (at.has(one.n)) next[at.get(one.n)] = one;
    else if (newer) behind += 1;
    else if (!next.length || one.n > next.at(-1).n) next.push(one);
  }
  const cut = next.length > KEPT;
  model.set({
    messages: cut ? next.slice(-KEPT / 2) : next,
    older: model.value.older || cut,
    newer: newer + behind,
  });
}

// -- conversations ----------------------------------------------------------------------------

/** Show the chat of a user with a bot, from its end. */
export async function openChat(user, bot = "") {
  remember("user", user);
  const state = model.value.server;
  const chosen = bot || (state ? botFor(state, user, "") : "");
  const same = user === model.value.user && chosen === model.value.bot;
  model.set({ user, bot: chosen, quote: null, ...(same ? {} : { messages: [], older: false, newer: 0 }) });
  if (chosen) {
    const page = await call("GET", `${API}/page/chat`, { query: { user, bot: chosen } });
    if (model.value.user === user && model.value.bot === chosen)
      model.set({ messages: page.messages, older: page.more, newer: 0 });
  }
  turn.abort();
}

let loading = false;

/** Fetch the messages before those that are shown. */
export async function loadOlder() {
  const { user, bot, messages, older } = model.value;
  if (loading || !older || !messages.length) return;
  loading = true;
  try {
    const page = await call("GET", `${API}/page/chat`, { query: { user, bot, before: messages[0].n } });
    if (model.value.user !== user || model.value.bot !== bot) return;
    const joined = [...page.messages, ...model.value.messages];
    const dropped = Math.max(0, joined.length - KEPT);
    model.set({
      messages: joined.slice(0, KEPT),
      older: page.more,
      newer: model.value.newer + dropped,
    });
  } finally {
    loading = false;
  }
}

/** Go back to the end of the chat. */
export const toNewest = () => openChat(model.value.user, model.value.bot);

// -- what a phone does ------------------------------------------------------------------------

const post = (path, body) => call("POST", `${API}/${path}`, { body });

export const addUser = (user) => post("users", { user });
export const scan = (qrcode, user = model.value.user) => post("logins/scan", { qrcode, user });
export const confirm = (qrcode) => post("logins/confirm", { qrcode });
export const decline = (qrcode) => post("logins/end", { qrcode });

export const writeText = (text, quote) =>
  post("messages", {
    user: model.value.user,
    bot: model.value.bot,
    messages: [{ text, ...(quote ? { quote } : {}) }],
  });

export const sendMedia = (kind, data, details) =>
  call("POST", `${API}/messages/media`, {
    raw: data,
    headers: { "Content-Type": "application/octet-stream" },
    query: { kind, user: model.value.user, bot: model.value.bot, ...details },
  });

/** Turn a WAV recording into SILK, if the sandbox can; else it stays what it is. */
export async function asPhoneVoice(wav) {
  if (!model.value.voices) return wav;
  const answer = await fetch(`${API}/page/voice`, { method: "POST", body: wav });
  if (!answer.ok) throw new Error("voice");
  return answer.blob();
}

export const mediaUrl = (message, name = "") =>
  `${API}/page/media/${message.message_id}${name ? `?name=${encodeURIComponent(name)}` : ""}`;

export const qrUrl = (login) => `${API}/page/qr/${login.qrcode}`;

// -- what only a laboratory does --------------------------------------------------------------

export const setOptions = (body) => call("PUT", `${API}/options`, { body });
export const advanceClock = (seconds) => post("clock", { advance_seconds: seconds });
export const newBot = () => post("bots", { user: model.value.user });
export const makeStale = () => post("bots/stale", { user: model.value.user, bot: model.value.bot });
export const expireTokens = () =>
  post("tokens/expire", { user: model.value.user, bot: model.value.bot });
export const addFault = (rule) => post("faults", rule);
export const removeFault = (id) => call("DELETE", `${API}/faults`, { query: { id } });

export async function clearJournal() {
  await call("DELETE", `${API}/journal`);
  model.set({ requests: [], notes: { violations: [], refusals: [] } });
}

/** The words between a user and the bot of the open chat, as the sandbox counts them. */
export function conversation(value) {
  const { server, user, bot } = value;
  return server?.conversations.find(
    (one) => one.user_id === userId(user) && one.bot_id === bot,
  );
}

export const botState = (value) => value.server?.bots.find((one) => one.bot_id === value.bot);
