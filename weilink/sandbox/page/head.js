// The bar at the top of the phone: whose phone it is, whom it talks to, how that stands.
import { Dialog, attempt, button, choice, duration, field, h, iconButton, t, tags, useState, useTick } from "./kit.js";
import { addUser, bareName, botState, conversation, openChat, userId } from "./model.js";

const { div, span, form, input, strong } = tags;

const NEW = " new";

export function PhoneHead({ state, onDrawer, open }) {
  const [adding, setAdding] = useState(false);
  const users = [...new Set([userId(state.user), ...(state.server?.users ?? [])])].map(bareName);
  const pick = (name) => (name === NEW ? setAdding(true) : attempt(() => openChat(name)));
  const bots = (state.server?.bots ?? []).filter((one) => one.live || one.bot_id === state.bot);
  return div(
    { class: "phone-head" },
    div(
      { class: "phone-bar" },
      choice(state.user, [...users.map((name) => [name, name]), [NEW, t("Another person …")]], pick, {
        "aria-label": t("Whose phone this is"),
        class: "who",
      }),
      div(
        { class: "grow with" },
        bots.length > 1
          ? choice(state.bot, bots.map((one) => [one.bot_id, bareName(one.bot_id)]), (bot) => attempt(() => openChat(state.user, bot)), {
              "aria-label": t("The bot of this chat"),
            })
          : strong({ class: "bot-name" }, state.bot ? bareName(state.bot) : t("No bot yet")),
        h(Typing, { state }),
      ),
      iconButton("drawer", t("Behind the phone"), onDrawer, {
        class: "plain round to-drawer",
        "aria-expanded": open ? "true" : "false",
        "aria-controls": "drawer",
      }),
    ),
    state.bot && h(Standing, { state }),
    adding && h(NewPerson, { onClose: () => setAdding(false) }),
  );
}

function Typing({ state }) {
  const typing = conversation(state)?.typing;
  return span({ class: "typing", role: "status" }, typing ? t("is typing …") : "");
}

/** Tokens, window and client in one line. */
function Standing({ state }) {
  useTick(10_000);
  const talk = conversation(state);
  const bot = botState(state);
  const now = state.server.now_ms;
  const parts = [];
  if (!bot?.live) parts.push(["bad", t("session ended")]);
  else if (bot.polling) parts.push(["good", t("client is listening")]);
  else parts.push(["warn", t("no client listens")]);
  if (talk?.live_tokens) {
    parts.push(["", t("{n} replies left", { n: talk.replies_left })]);
    parts.push(["", t("window {time}", { time: duration(talk.window_ends_ms - now) })]);
  } else parts.push(["warn", talk ? t("no reply possible until you write") : t("write first: a bot cannot begin")]);
  return div({ class: "standing" }, parts.map(([kind, text]) => span({ key: text, class: `badge ${kind}` }, text)));
}

function NewPerson({ onClose }) {
  const [name, setName] = useState("");
  const add = async (event) => {
    event.preventDefault();
    const wanted = name.trim();
    if (await attempt(() => addUser(wanted))) {
      onClose();
      await attempt(() => openChat(wanted));
    }
  };
  return h(
    Dialog,
    { title: t("Another person"), onClose },
    form(
      { class: "stack", onSubmit: add },
      field(
        t("Name"),
        input({ value: name, required: true, pattern: "[A-Za-z0-9_.\\-]{1,64}", autofocus: true, onInput: (event) => setName(event.target.value) }),
        t("Letters, digits, “_”, “.” and “-”."),
      ),
      button({ class: "primary" }, t("Use their phone")),
    ),
  );
}
