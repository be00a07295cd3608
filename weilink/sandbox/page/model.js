// What the page knows, and what it can do. The sandbox is asked for news in one request after the
// other, so news that come faster than they can be shown arrive together.
import { Store, call, firstData, forever } from "/assets/web/ui.js";

const API = "/_sandbox";
const KEPT = 120; // messages in the page at a time; others are fetched while scrolling
const KEPT_REQUESTS = 300;
const PAUSE_MS = 50; // between two requests for news: nobody reads faster

const query = new URLSearchParams(location.search);

export const userId = (name = model.value.user) =>
  name.endsWith("@im.wechat") ? name : `${name}@im.wechat`;
export const bareName = (id) => id.replace(/@im\.(wechat|bot)$/, "");

/** Whether the reader is at the end of the chat; the chat says so. */
export const view = { atEnd: true };

export const model = new Store({
  user: query.get("user") || remembered("user") || "alice",
  bot: "",
  server: null, // the sandbox's state
  messages: [], // of the open chat, oldest first, without gaps
  older: false, // there are more before
  newer: 0, // there are so many after, or one at least
  last: 0, // the number of the newest that is known
  requests: [],
  notes: { violations: [], refusals: [] },
  faults: [],
  voices: false, // whether the sandbox knows SILK
  camera: false, // whether it can read QR codes
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

// -- news -------------------------------------------------------------------------------------

const known = { world: undefined, version: 0, log: -1, requests: 0 };
let asked = false;
let turn = new AbortController();

/** Show what came with the page, and ask for news until it is closed. */
export function start() {
  const first = firstData();
  if (first && first.user === userId()) {
    learn(first);
    if (first.chat) opened(model.value.user, first.chat);
  }
  forever(listen, (error) => model.set({ offline: Boolean(error) }), undefined, PAUSE_MS);
}

function learn({ world, log, state, notes, faults, voices, camera, requests }) {
  Object.assign(known, { world, log, version: state.version });
  known.requests = requests.at(-1)?.n ?? known.requests;
  model.set({
    server: state,
    notes,
    faults,
    voices,
    camera,
    requests: requests.length ? [...model.value.requests, ...requests].slice(-KEPT_REQUESTS) : model.value.requests,
  });
}

async function listen() {
  turn = new AbortController();
  const { user, bot } = model.value;
  let news;
  try {
    news = await call("GET", `${API}/page/live`, {
      // What came with the page has no requests in it: those are asked for at once.
      query: { ...known, user, bot, wait: asked ? 25 : 0 },
      signal: turn.signal,
    });
  } catch (error) {
    if (error.name === "AbortError") return;
    throw error;
  }
  if (known.world && news.world !== known.world) {
    // Another sandbox on the same port: nothing that is known holds any more.
    location.reload();
    return;
  }
  const first = known.log < 0;
  asked = true;
  learn(news);
  if (model.value.user !== user || model.value.bot !== bot) return;
  if (first || news.bot !== bot) await openChat(user, news.bot);
  else take(news.messages.filter((one) => one.bot_id === bot));
}

function take(incoming) {
  if (!incoming.length) return;
  const { messages } = model.value;
  let { newer, last } = model.value;
  const at = new Map(messages.map((one, index) => [one.n, index]));
  const next = [...messages];
  for (const one of incoming) {
    if (at.has(one.n)) next[at.get(one.n)] = one;
    else if (one.n > last) {
      last = one.n;
      // What somebody reads further up is not pushed out of the page.
      if (newer || (!view.atEnd && next.length >= KEPT)) newer += 1;
      else next.push(one);
    }
  }
  const cut = next.length > KEPT;
  model.set({
    messages: cut ? next.slice(-KEPT / 2) : next,
    older: model.value.older || cut,
    newer,
    last,
  });
}

// -- conversations ----------------------------------------------------------------------------

let opening = 0;

/** Show the chat of a user with a bot, or with the one that fits them best, from its end. */
export async function openChat(user, bot = "") {
  const mine = (opening += 1);
  const page = await call("GET", `${API}/page/chat`, { query: { user, bot } });
  if (mine !== opening) return;
  remember("user", user);
  opened(user, page);
  turn.abort();
}

function opened(user, { bot, messages, more }) {
  view.atEnd = true;
  model.set({ user, bot, messages, older: more, newer: 0, last: messages.at(-1)?.n ?? 0, quote: null });
}

let loading = false;

/** Fetch messages beside those that are shown, and join them to what is shown by then. */
async function load(place, join) {
  const { user, bot } = model.value;
  if (loading) return;
  loading = true;
  try {
    const page = await call("GET", `${API}/page/chat`, { query: { user, bot, ...place } });
    if (model.value.user === user && model.value.bot === bot) model.set(join(page, model.value));
  } finally {
    loading = false;
  }
}

/** Fetch the messages before those that are shown. */
export async function loadOlder() {
  const { messages, older } = model.value;
  if (!older || !messages.length) return;
  await load({ before: messages[0].n }, (page, now) => {
    const joined = [...page.messages, ...now.messages];
    const dropped = Math.max(0, joined.length - KEPT);
    // At the end, where more may have come meanwhile, it goes on from the newest.
    if (view.atEnd) return { messages: joined.slice(-KEPT), older: page.more || dropped > 0 };
    return { messages: joined.slice(0, KEPT), older: page.more, newer: now.newer + dropped };
  });
}

/** Fetch the messages after those that are shown. */
export async function loadNewer() {
  const { messages, newer } = model.value;
  if (!newer || !messages.length) return;
  await load({ after: messages.at(-1).n }, (page, now) => {
    const joined = [...now.messages, ...page.messages];
    const dropped = joined.length > KEPT;
    return {
      messages: joined.slice(-KEPT),
      older: now.older || dropped,
      newer: page.more ? Math.max(1, now.newer - page.messages.length) : 0,
      last: Math.max(now.last, joined.at(-1).n),
    };
  });
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

/** The text of the QR code in a picture of one byte for each pixel, read by the sandbox. */
export const codeIn = async (grey, width) =>
  (await call("POST", `${API}/page/camera`, { raw: grey, query: { width }, headers: { "Content-Type": "application/octet-stream" } })).text;

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
