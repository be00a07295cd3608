// Bots with their state: logging in, renaming, the default one, logging out.
import { Dialog, attempt, button, field, fullTime, h, of, t, tags, useEffect, useRef, useState } from "./kit.js";
import { post, useLive } from "./api.js";

const { article, code, div, dl, dt, dd, form, h2, h3, img, input, p, section, span } = tags;

export function Bots() {
  const data = useLive("overview");
  const [login, setLogin] = useState(null);
  if (!data) return null;
  return section(
    { class: "stack", "aria-label": t("Bots") },
    div({ class: "spread" }, h2(t("Bots")), button({ type: "button", class: "primary", onClick: () => setLogin("") }, t("Log a bot in"))),
    data.bots.length === 0 && p({ class: "card" }, t("No bot is logged in. Log one in with a QR code: people then write to it in WeChat.")),
    div({ class: "cards" }, data.bots.map((bot) => h(Bot, { key: bot.name, bot, again: () => setLogin(bot.name) }))),
    h(Numbers, { data }),
    login !== null && h(LoginDialog, { name: login, onClose: () => setLogin(null) }),
  );
}

function Bot({ bot, again }) {
  const [renaming, setRenaming] = useState(false);
  const [leaving, setLeaving] = useState(false);
  return article(
    { class: "card stack", "aria-label": bot.name },
    div(
      { class: "row" },
      h3(bot.name),
      span({ class: `badge ${bot.problem ? "bad" : "good"}` }, bot.problem ? t("not connected") : t("connected")),
      bot.default && span({ class: "badge" }, t("default")),
    ),
    bot.problem && p({ class: "problem" }, bot.problem),
    dl(dt(t("Bot")), dd(code(bot.bot_id)), dt(t("Owner")), dd(code(bot.owner || "–")), dt(t("Logged in")), dd(bot.created_at ? fullTime(bot.created_at) : "–")),
    div(
      { class: "row" },
      button({ type: "button", class: "small", onClick: () => setRenaming(true), "aria-label": of(t("Rename"), bot.name) }, t("Rename")),
      !bot.default && button({ type: "button", class: "small", onClick: () => attempt(() => post("bots/default", { name: bot.name }), t("Done.")), "aria-label": of(t("Make default"), bot.name) }, t("Make default")),
      button({ type: "button", class: "small", onClick: again, "aria-label": of(t("Log in again"), bot.name) }, t("Log in again")),
      button({ type: "button", class: "small danger", onClick: () => setLeaving(true), "aria-label": of(t("Log out"), bot.name) }, t("Log out")),
    ),
    renaming && h(Rename, { bot, onClose: () => setRenaming(false) }),
    leaving && h(Logout, { bot, onClose: () => setLeaving(false) }),
  );
}

function Rename({ bot, onClose }) {
  const [name, setName] = useState(bot.name);
  const save = async (event) => {
    event.preventDefault();
    if (await attempt(() => post("bots/rename", { old: bot.name, new: name.trim() }), t("Done."))) onClose();
  };
  return h(
    Dialog,
    { title: of(t("Rename"), bot.name), onClose },
    form({ class: "stack", onSubmit: save }, field(t("New name"), input({ value: name, required: true, autofocus: true, onInput: (event) => setName(event.target.value) })), button({ class: "primary" }, t("Rename"))),
  );
}

function Logout({ bot, onClose }) {
  const go = async () => {
    if (await attempt(() => post("bots/logout", { name: bot.name }), t("Done."))) onClose();
  };
  return h(
    Dialog,
    { title: of(t("Log out"), bot.name), onClose },
    p(t("Its credentials are removed from this computer; its history stays. To use it again it has to be logged in anew.")),
    div({ class: "row" }, button({ type: "button", onClick: onClose }, t("Cancel")), button({ type: "button", class: "danger", onClick: go }, t("Log out"))),
  );
}

function Numbers({ data }) {
  const { messages, outbox } = data;
  const pairs = [
    [t("Wait for an agent"), messages.pending],
    [t("Being handed over"), messages.claimed],
    [t("Delivered"), messages.delivered],
    [t("Kept back"), messages.held],
    [t("Queued to send"), outbox.queued + outbox.sending],
    [t("Not sent"), outbox.failed],
  ];
  return div(
    { class: "card" },
    h3(t("Messages")),
    dl({ class: "numbers" }, pairs.map(([name, n]) => div({ key: name }, dt(name), dd(n)))),
  );
}

// -- logging in -------------------------------------------------------------------------------

function LoginDialog({ name: first, onClose }) {
  const [name, setName] = useState(first);
  const [login, setLogin] = useState(null);
  const alive = useRef(true);
  const current = useRef(null);

  useEffect(
    () => () => {
      alive.current = false;
      if (current.current) post("logins/cancel", { id: current.current }).catch(() => {});
    },
    [],
  );

  const follow = async (id, code = "") => {
    let state = null;
    const went = await attempt(async () => {
      do {
        state = await post("logins/poll", { id, code });
        code = "";
        if (!alive.current) return;
        setLogin(state);
        // About once a second, as the official client asks.
        await new Promise((go) => setTimeout(go, 1000));
      } while (alive.current && ["pending", "scanned"].includes(state.state));
    });
    // Nobody asks about this code any more: whoever scans it now must not wait for ever.
    if (!went && alive.current) setLogin((shown) => ({ ...shown, state: "broken" }));
  };
  const start = async (event) => {
    event.preventDefault();
    const made = await attempt(() => post("logins/start", { name: name.trim() }));
    if (!made) return;
    current.current = made.id;
    setLogin(made);
    follow(made.id);
  };
  return h(
    Dialog,
    { title: t("Log a bot in"), onClose },
    login
      ? h(LoginState, { login, follow, onAgain: setLogin, onClose })
      : form(
          { class: "stack", onSubmit: start },
          field(t("Name of the session"), input({ value: name, autofocus: true, onInput: (event) => setName(event.target.value) }), t("Empty: the default one. A session that exists is logged in anew.")),
          button({ class: "primary" }, t("Show a QR code")),
        ),
  );
}

const sentences = (...some) => some.filter(Boolean).join(" ");

function LoginState({ login, follow, onAgain, onClose }) {
  const [code, setCode] = useState("");
  const url = useBlob(login.png);
  const send = (event) => {
    event.preventDefault();
    follow(login.id, code.trim());
    setCode("");
  };
  const again = () => {
    onAgain({ ...login, state: "pending" });
    follow(login.id);
  };
  const words = {
    pending: sentences(login.blocked && t("Too many wrong numbers. Here is a new code."), t("Scan the code with WeChat on your phone.")),
    scanned: t("Scanned. Confirm on your phone."),
    need_code: login.wrong_code ? t("That number was not right. Type the one that your phone shows now.") : t("Type the number that your phone shows."),
    expired: t("The code has expired. Start again."),
    confirmed: sentences(t("Logged in as {name}. Write to the bot in WeChat.", { name: login.name }), login.kept && t("'{name}' is the bot of another WeChat account, and stays.", { name: login.kept })),
    already_bound: login.bound.length
      ? t("This account is bound to a bot of this computer already, whose login stays good: {names}.", { names: login.bound.join(", ") })
      : t("This account is bound to a bot already, and WeChat gives no new login. If the bot does not work, remove it in WeChat, then start again."),
    broken: t("The connection to WeChat broke off."),
  };
  return div(
    { class: "stack" },
    p({ role: "status" }, words[login.state]),
    login.state === "pending" && [
      url && img({ class: "login-qr", src: url, alt: t("QR code to scan with WeChat") }),
      p({ class: "hint" }, login.url),
    ],
    login.state === "need_code" &&
      form({ class: "stack", onSubmit: send }, field(t("Number on the phone"), input({ value: code, required: true, inputmode: "numeric", autocomplete: "one-time-code", autofocus: true, onInput: (event) => setCode(event.target.value) })), button({ class: "primary" }, t("Send"))),
    login.state === "broken" && div(button({ type: "button", class: "primary", onClick: again }, t("Try again"))),
    ["confirmed", "expired", "already_bound"].includes(login.state) && div(button({ type: "button", class: "primary", onClick: onClose }, t("Close"))),
  );
}


/** Base64 as an address that the page's policy allows for pictures. */
function useBlob(base64) {
  const [url, set] = useState("");
  useEffect(() => {
    const data = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
    const made = URL.createObjectURL(new Blob([data], { type: "image/png" }));
    set(made);
    return () => URL.revokeObjectURL(made);
  }, [base64]);
  return url;
}
