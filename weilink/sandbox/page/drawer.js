// Behind the phone: the wire, the faults, the switches, and where everything stands.
import { Copyable, Tabs, attempt, button, choice, duration, exactTime, fullTime, h, say, t, tags, toggle, useRef, useState, useTick } from "./kit.js";
import { addFault, advanceClock, bareName, clearJournal, conversation, expireTokens, makeStale, newBot, removeFault, setOptions } from "./model.js";

const { div, span, p, h2, h3, input, details, summary, pre, ul, li, table, tbody, tr, th, td, dl, dt, dd } = tags;

export function Drawer({ state }) {
  const [tab, setTab] = useState("wire");
  const tabs = [["wire", t("Wire")], ["faults", faultsName(state)], ["options", t("Options")], ["state", t("State")]];
  const draw = { wire: Wire, faults: Faults, options: Options, state: Standing }[tab];
  return div(
    { class: "drawer-body" },
    h2({ class: "hidden-text" }, t("Behind the phone")),
    h(Tabs, { tabs, current: tab, onChange: setTab, name: t("Behind the phone") }),
    div({ class: "panel", role: "tabpanel", id: "tab-panel", "aria-labelledby": `tab-${tab}`, tabIndex: 0 }, h(draw, { state })),
  );
}

const live = (faults) => faults.filter((one) => one.times !== 0).length;
const faultsName = ({ faults }) => (live(faults) ? `${t("Faults")} (${live(faults)})` : t("Faults"));

// -- the wire ---------------------------------------------------------------------------------

function Wire({ state }) {
  const [filter, setFilter] = useState("");
  const { violations, refusals } = state.notes;
  const shown = state.requests.filter((one) => one.path.includes(filter)).slice(-100).reverse();
  return div(
    { class: "stack" },
    violations.length > 0 && h(NoteList, { kind: "bad", title: t("Broken protocol"), notes: violations }),
    refusals.length > 0 && h(NoteList, { kind: "warn", title: t("Refused messages"), notes: refusals }),
    div(
      { class: "row" },
      div({ class: "grow" }, input({ type: "search", class: "wire-filter", value: filter, placeholder: t("Part of a path"), "aria-label": t("Show requests whose path contains"), onInput: (event) => setFilter(event.target.value) })),
      button({ type: "button", onClick: () => attempt(clearJournal) }, t("Clear")),
    ),
    shown.length ? div({ class: "wire" }, shown.map((one) => h(Exchange, { key: one.n, one }))) : p({ class: "muted" }, t("Requests of clients appear here as they are answered.")),
  );
}

function NoteList({ kind, title, notes }) {
  return details(
    { class: `card notes-list ${kind}` },
    summary(span({ class: `badge ${kind}` }, notes.length), " ", title),
    ul(notes.toReversed().map((note, n) => li({ key: notes.length - n }, span({ class: "muted" }, `${exactTime(note.at_ms)} ${note.path.split("/").at(-1)} `), note.what))),
  );
}

function Exchange({ one }) {
  const [open, setOpen] = useState(false);
  const ret = one.answer?.errcode || one.answer?.ret;
  const bad = one.fault || one.status === null || one.status >= 400 || ret;
  return details(
    { class: "exchange", open, onToggle: (event) => setOpen(event.target.open) },
    summary(
      span({ class: "muted" }, exactTime(one.at_ms)),
      " ",
      span({ class: "method" }, one.method),
      " ",
      span({ class: "path" }, one.path.replace("/ilink/bot/", "")),
      " ",
      span({ class: `badge ${bad ? "bad" : ""}` }, one.status === null ? t("dropped") : ret ? `ret ${ret}` : one.status),
      one.fault && [" ", span({ class: "badge warn" }, one.fault)],
      span({ class: "muted took" }, `${Math.round(one.seconds * 1000)} ms`),
    ),
    open &&
      div(
        { class: "stack" },
        Object.keys(one.query).length > 0 && pre(JSON.stringify(one.query, null, 2)),
        h3(t("Request")),
        pre({ tabIndex: 0 }, shownBody(one.body)),
        h3(t("Answer")),
        pre({ tabIndex: 0 }, shownBody(one.answer)),
      ),
  );
}

const shownBody = (body) => (body === null ? "–" : typeof body === "string" ? body : JSON.stringify(body, null, 2));

// -- faults -----------------------------------------------------------------------------------

const PATHS = ["*", "*/getupdates", "*/sendmessage", "*/get_bot_qrcode", "*/get_qrcode_status", "*/getuploadurl", "*/getconfig", "*/sendtyping", "/c2c/upload", "/c2c/download"];
// Kind, what it does, the path it is usually wanted on, and the value it needs.
const KINDS = [
  ["status", say("An HTTP error instead of an answer"), "*", 502],
  ["drop", say("The connection closes before any byte"), "*"],
  ["lost_answer", say("The work is done, but the answer is lost"), "*/sendmessage"],
  ["half", say("The work is done, the answer breaks off"), "*"],
  ["delay", say("Seconds pass before the answer"), "*", 3],
  ["bad_json", say("The answer is no valid JSON"), "*"],
  ["answer", say("An answer of your own"), "*/sendmessage", { ret: -1 }],
  ["empty_buf", say("Messages come with an empty cursor"), "*/getupdates"],
  ["repeat", say("Old messages come again"), "*/getupdates"],
];

function Faults({ state }) {
  const inForce = state.faults.filter((one) => one.times !== 0);
  return div(
    { class: "stack" },
    p({ class: "muted" }, t("What the next requests of a client meet. Each counts down until it is off.")),
    div(
      { class: "faults" },
      KINDS.map(([kind, text, path, value]) => h(FaultRow, { key: kind, kind, text, path, value, inForce })),
    ),
    div(
      { class: "spread" },
      h3(t("In force")),
      inForce.length > 0 && button({ type: "button", class: "small", onClick: () => attempt(() => removeFault()) }, t("Remove all")),
    ),
    inForce.length
      ? ul(
          { class: "plain-list" },
          inForce.map((one) =>
            li(
              { key: one.id, class: "spread card" },
              span(
                kindOf(one),
                " ",
                tags.code(one.path),
                " ",
                span({ class: "muted" }, [one.times === null ? t("without end") : t("{n} more times", { n: one.times }), t("struck {n} times", { n: one.hits })].join(" · ")),
              ),
              button({ type: "button", class: "small", onClick: () => attempt(() => removeFault(one.id)), "aria-label": t("Remove {name}", { name: kindOf(one) }) }, t("Remove")),
            ),
          ),
        )
      : p({ class: "muted" }, t("None: the service behaves.")),
  );
}

const kindOf = (rule) => (rule.kind === "drop" && rule.work ? "lost_answer" : rule.kind);

function FaultRow({ kind, text, path: usual, value: usualValue, inForce }) {
  const [path, setPath] = useState(usual);
  const [times, setTimes] = useState("1");
  const [value, setValue] = useState(usualValue === undefined ? "" : JSON.stringify(usualValue));
  const mine = inForce.filter((one) => kindOf(one) === kind);
  const only = kind === "empty_buf" || kind === "repeat";
  // Those that this switch has put in force, which `inForce` may not tell yet.
  const own = useRef([]);
  const busy = useRef(Promise.resolve());
  const put = (on) => {
    busy.current = busy.current.then(() => attempt(() => (on ? add() : remove())));
  };
  const remove = async () => {
    const ids = new Set([...mine.map((one) => one.id), ...own.current]);
    own.current = [];
    await Promise.all([...ids].map((id) => removeFault(id)));
  };
  const add = async () => {
    const { id } = await addFault({
      kind: kind === "lost_answer" ? "drop" : kind,
      work: kind === "lost_answer",
      path,
      times: times === "" ? null : Number(times),
      value: value === "" ? null : readValue(value),
    });
    own.current.push(id);
  };
  return div(
    { class: "card fault" },
    toggle(kind, mine.length > 0, put, t(text)),
    div(
      { class: "row" },
      !only && choice(path, PATHS.map((one) => [one, one === "*" ? t("every path") : one]), setPath, { "aria-label": t("Path of {name}", { name: kind }) }),
      usualValue !== undefined && input({ class: "value", value, "aria-label": t("Value of {name}", { name: kind }), onInput: (event) => setValue(event.target.value) }),
      choice(times, [["1", t("once")], ["3", t("3 times")], ["10", t("10 times")], ["", t("without end")]], setTimes, { "aria-label": t("How often {name} strikes", { name: kind }) }),
    ),
  );
}

/** What was typed as JSON, or as it stands: the sandbox says whether it will do. */
function readValue(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

// -- options ----------------------------------------------------------------------------------

const OPTIONS = {
  pair_code: say("The client has to be told a number when it logs in"),
  pair_code_attempts: say("Wrong numbers until a login is blocked"),
  redirect: say("A scanned login goes on under another host name"),
  login_life_seconds: say("Life of a QR code, in seconds"),
  login_poll_seconds: say("How long get_qrcode_status is held, in seconds"),
  longpoll_seconds: say("How long getupdates is held, in seconds"),
  batch_size: say("Messages in one answer of getupdates"),
  replies_per_token: say("Replies that each message of yours allows"),
  token_life_seconds: say("Life of a context token, in seconds"),
  silent_when_expired: say("An expired token is answered as a success, and nothing is shown"),
  dedupe_client_id: say("The same client_id again is the same message"),
  typing_spends_reply: say("Each typing notice takes a reply"),
  echo_sent: say("The bot's own messages come back to it"),
  upload_full_url: say("Uploads go to a whole URL"),
  media_full_url: say("Media items carry a whole URL"),
};

function Options({ state }) {
  const { options } = state.server;
  const set = (name, value) => attempt(() => setOptions({ [name]: value }));
  return div(
    { class: "card" },
    Object.entries(OPTIONS).map(([name, text]) =>
      typeof options[name] === "boolean"
        ? h(Fixed, { key: name }, toggle(t(text), options[name], (value) => set(name, value), name))
        : h(NumberOption, { key: name, name, text, value: options[name], set }),
    ),
  );
}

const Fixed = ({ children }) => children;

function NumberOption({ name, text, value, set }) {
  return tags.label(
    { class: "toggle" },
    span({ class: "toggle-text" }, t(text), span({ class: "hint" }, name)),
    input({ class: "number", type: "number", min: 0, step: "any", value, onChange: (event) => set(name, Number(event.target.value)) }),
  );
}

// -- state ------------------------------------------------------------------------------------

function Standing({ state }) {
  useTick(5000);
  const { server, user, bot } = state;
  const talk = conversation(state);
  const day = 86_400;
  return div(
    { class: "stack" },
    div(
      { class: "card stack" },
      h3(t("This chat")),
      talk
        ? dl(
            dt(t("Replies left")),
            dd({ "data-testid": "replies-left" }, talk.replies_left),
            dt(t("Reply window")),
            dd(talk.live_tokens ? t("{time} more", { time: duration(talk.window_ends_ms - server.now_ms) }) : t("over")),
            dt(t("Context tokens")),
            dd(t("{live} live of {all}", { live: talk.live_tokens, all: talk.tokens })),
          )
        : p({ class: "muted" }, t("{user} has not written to this bot yet.", { user })),
      div(
        { class: "row" },
        button({ type: "button", class: "small", disabled: !talk, onClick: () => attempt(expireTokens, t("The reply window is over.")) }, t("End the reply window")),
        button({ type: "button", class: "small danger", disabled: !bot, onClick: () => attempt(makeStale, t("The bot's session has ended.")) }, t("End the bot's session")),
      ),
    ),
    div(
      { class: "card stack" },
      h3(t("Time")),
      p(fullTime(server.now_ms)),
      div(
        { class: "row" },
        [[600, t("+10 minutes")], [3600, t("+1 hour")], [day, t("+1 day")]].map(([seconds, text]) =>
          button({ key: seconds, type: "button", class: "small", onClick: () => attempt(() => advanceClock(seconds)) }, text),
        ),
      ),
    ),
    div(
      { class: "card stack" },
      h3(t("Bots")),
      server.bots.length === 0 && p({ class: "muted" }, t("None is logged in.")),
      div(
        { class: "scroll" },
        server.bots.length > 0 &&
          table(
            tbody(
              tr(th({ scope: "col" }, t("Bot")), th({ scope: "col" }, t("Owner")), th({ scope: "col" }, t("Session")), th({ scope: "col" }, t("Pollers")), th({ scope: "col" }, t("Waiting"))),
              server.bots.map((one) =>
                tr({ key: one.bot_id }, td(bareName(one.bot_id)), td(bareName(one.user_id)), td(one.live ? t("live") : t("ended")), td(one.polling), td(one.waiting)),
              ),
            ),
          ),
      ),
      div(button({ type: "button", class: "small", onClick: () => attempt(newBot, t("A bot was made.")) }, t("A new bot without a QR code"))),
    ),
    div({ class: "card stack" }, h3(t("Addresses")), h(Copyable, { text: server.base_url }), h(Copyable, { text: server.cdn_base_url })),
  );
}
