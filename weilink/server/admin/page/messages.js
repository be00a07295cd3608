// All messages: search, filters, pages; files on demand; writing to one person.
import { Dialog, attempt, button, bytes, choice, duration, exactTime, field, fullTime, h, icon, iconButton, of, t, tags, tell, useEffect, useRef, useState } from "./kit.js";
import { agentTitle } from "./agents.js";
import { media, post, upload, useLive } from "./api.js";

const { article, audio, div, form, h2, img, input, p, section, span, textarea, time, video } = tags;

const PAGE = 50;
const NAMES = { TEXT: () => t("Text"), IMAGE: () => t("Picture"), VOICE: () => t("Voice"), FILE: () => t("File"), VIDEO: () => t("Video") };

export function Messages({ query: first }) {
  const [filter, setFilter] = useState({ user_id: first.user_id ?? "", text: "", msg_type: "", direction: "", since: "", until: "", delivery: "", reader: "" });
  const [offset, setOffset] = useState(0);
  const asked = useDelayed(filter, 250);
  const data = useLive("messages", { ...asked, since: moment(asked.since), until: moment(asked.until), limit: PAGE, offset });
  const set = (name) => (value) => {
    setOffset(0);
    setFilter({ ...filter, [name]: value });
  };
  const typed = (name) => (event) => set(name)(event.target.value);
  const list = useRef(null);
  const readers = data?.readers ?? [];
  const turn = (to) => {
    setOffset(to);
    list.current?.scrollIntoView();
  };
  return section(
    { class: "stack", "aria-label": t("Conversations") },
    h2(t("Conversations")),
    div(
      { class: "card filters", role: "search" },
      field(t("Text"), input({ type: "search", value: filter.text, maxlength: 256, onInput: typed("text") })),
      field(t("Person"), input({ type: "search", value: filter.user_id, maxlength: 256, onInput: typed("user_id") })),
      field(t("Kind"), choice(filter.msg_type, [["", t("all")], ...Object.entries(NAMES).map(([id, name]) => [id, name()])], set("msg_type"))),
      field(t("Direction"), choice(filter.direction, [["", t("both")], ["received", t("received")], ["sent", t("sent")]], set("direction"))),
      field(t("Delivery"), choice(filter.delivery, [["", t("all")], ...["pending", "claimed", "delivered", "held"].map((id) => [id, DELIVERY[id]()[1]])], set("delivery"))),
      field(t("Given to"), choice(filter.reader, [["", t("anybody")], ...readers.map((one) => [one.id, readerName(one)])], set("reader"))),
      field(t("From"), input({ type: "datetime-local", value: filter.since, onInput: typed("since") })),
      field(t("To"), input({ type: "datetime-local", value: filter.until, onInput: typed("until") })),
    ),
    data && h(Pages, { total: data.total, offset, turn }),
    div(
      { class: "list", ref: list },
      data?.messages.map((one) => h(Message, { key: `${one.bot_id} ${one.message_id}`, one, only: () => set("user_id")(one.from_user) })),
      data?.messages.length === 0 && p({ class: "card" }, t("Nothing is found.")),
    ),
    data && data.total > PAGE && h(Pages, { total: data.total, offset, turn }),
    filter.user_id && h(Write, { to: filter.user_id }),
  );
}

/** A value that follows another one when that has been quiet for `ms`. */
function useDelayed(value, ms) {
  const [late, set] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => set(value), ms);
    return () => clearTimeout(timer);
  }, [value]);
  return late;
}

/** A local time of the browser as milliseconds, which mean the same on the server. */
const moment = (local) => (local ? new Date(local).getTime() : "");

function Pages({ total, offset, turn }) {
  const last = Math.min(offset + PAGE, total);
  return div(
    { class: "spread pages" },
    span({ role: "status" }, total ? t("{first}–{last} of {total}", { first: offset + 1, last, total }) : t("{total} messages", { total })),
    div(
      { class: "row" },
      button({ type: "button", class: "small", disabled: offset === 0, onClick: () => turn(Math.max(0, offset - PAGE)) }, t("Newer")),
      button({ type: "button", class: "small", disabled: last >= total, onClick: () => turn(offset + PAGE) }, t("Older")),
    ),
  );
}

// What stands for a file in a text, where the file itself is shown.
const LABEL = /^\[(picture|video|file: .*)\]$/;

const DELIVERY = {
  pending: () => ["warn", t("waits for an agent")],
  claimed: () => ["warn", t("being handed over")],
  delivered: () => ["good", t("delivered")],
  held: () => ["bad", t("kept back")],
  command: () => ["", t("command")],
};

/** Who reads messages, in words: an agent session, its tool, or a person at the shell. */
function readerName({ who, which, folder }) {
  if (who === "shell") return t("the command line");
  if (who === "mcp") return t("recv tool, process {id}", { id: which });
  const agent = agentTitle(who);
  return folder ? t("{agent} in {folder}", { agent, folder }) : t("{agent}, session {id}", { agent, id: which.slice(0, 8) });
}

const today = (ms) => new Date(ms).toDateString() === new Date().toDateString();

function Given({ one }) {
  const { handover } = one;
  if (!handover) return null;
  const at = handover.written_at || handover.claimed_at;
  const whole = t("session {id}", { id: handover.which });
  return p(
    { class: "hint given" },
    span({ title: handover.which && !["mcp", "shell"].includes(handover.who) ? whole : null }, t("given to {reader}", { reader: readerName(handover) })),
    " · ",
    time({ dateTime: new Date(at).toISOString(), title: fullTime(at) }, today(at) ? exactTime(at) : fullTime(at)),
    one.delivery === "delivered" && !handover.read && ` · ${t("not yet seen to be read")}`,
  );
}

function Message({ one, only }) {
  const sent = one.direction === "sent";
  const state = !sent && DELIVERY[one.delivery]?.();
  return article(
    { class: sent ? "message sent" : "message", "data-id": one.message_id },
    div(
      { class: "message-head" },
      span({ class: "badge" }, sent ? t("to") : t("from")),
      button({ type: "button", class: "link", onClick: only, title: t("Only this person") }, one.from_user),
      time({ class: "muted", dateTime: new Date(one.timestamp).toISOString() }, fullTime(one.timestamp)),
      state && span({ class: `badge ${state[0]}` }, state[1]),
    ),
    one.ref_msg && div({ class: "quoted" }, one.ref_msg.part || one.ref_msg.text || t("A message that is not known here")),
    one.text && !(one.media && LABEL.test(one.text)) && p({ class: "message-text" }, one.text),
    one.media && h(Media, { one }),
    h(Given, { one }),
  );
}

function Media({ one }) {
  const [shown, setShown] = useState(null);
  const [open, setOpen] = useState(false);
  useEffect(() => () => shown && URL.revokeObjectURL(shown.url), [shown]);
  const show = async () => setShown((await attempt(() => media(one.message_id))) ?? null);
  const save = async () => {
    const file = await attempt(() => media(one.message_id, true));
    if (!file) return;
    const link = document.createElement("a");
    link.href = file.url;
    link.download = file.name || "file";
    link.click();
    setTimeout(() => URL.revokeObjectURL(file.url), 60_000);
  };
  // Not the kind of the message: a text that quotes a picture brings the picture along.
  const name = NAMES[one.media.kind]();
  const type = shown?.type.split("/")[0];
  const visible = { image: 1, video: 1, audio: 1 }[type];
  return div(
    { class: "media" },
    div(
      { class: "row" },
      span({ class: "badge" }, name),
      one.media.file_name && span(one.media.file_name),
      one.media.seconds > 0 && span({ class: "muted" }, duration(one.media.seconds * 1000)),
      !shown && one.media.kind !== "FILE" && button({ type: "button", class: "small", onClick: show }, t("Show")),
      button({ type: "button", class: "small", onClick: save }, t("Save")),
    ),
    type === "image" && button({ type: "button", class: "plain picture", onClick: () => setOpen(true), "aria-label": t("Show the picture larger") }, img({ src: shown.url, alt: name })),
    type === "video" && video({ src: shown.url, controls: true, "aria-label": name }),
    type === "audio" && audio({ src: shown.url, controls: true, "aria-label": name }),
    shown && !visible && p({ class: "muted" }, t("It cannot be shown here; save it.")),
    open && h(Dialog, { title: name, wide: true, onClose: () => setOpen(false) }, img({ class: "whole", src: shown.url, alt: name })),
  );
}

/** A file on its way: to the server, then from there to WeChat. */
function Sending({ sending }) {
  const { name, size, done, stop } = sending;
  const words = done < 1 ? t("{name}: {done} of {size}", { name, done: bytes(done * size), size: bytes(size) }) : t("{name}: going on to WeChat", { name });
  return div(
    { class: "sending" },
    span({ class: "sending-name" }, words),
    tags.progress({ max: 1, "aria-label": name, ...(done < 1 ? { value: done } : {}) }),
    done < 1 && button({ type: "button", class: "small", onClick: stop, "aria-label": of(t("Cancel"), name) }, t("Cancel")),
  );
}

// -- writing ----------------------------------------------------------------------------------

const KIND = { image: "image", video: "video" };

function Write({ to }) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [sending, setSending] = useState(null);
  const limit = useLive("overview")?.media_limit;
  const chooser = useRef(null);
  const sent = (result) => {
    for (const part of result?.parts ?? []) {
      const queued = t("Queued: {reason} (given up on {time})", { reason: part.reason, time: fullTime(part.expires_at) });
      const words = { sent: t("Sent."), queued, sending: queued, failed: t("Not sent: {reason}", part) };
      tell(words[part.state], part.state === "failed" ? "error" : "info");
    }
  };
  const send = async (event) => {
    event.preventDefault();
    if (busy || !text.trim()) return;
    setBusy(true);
    const result = await attempt(() => post("send", { to, text }));
    setBusy(false);
    if (result) setText("");
    sent(result);
  };
  const files = async (event) => {
    const chosen = [...event.target.files];
    event.target.value = "";
    setBusy(true);
    for (const file of chosen) {
      if (limit && file.size > limit) {
        tell(t("{name} is too large: {limit} at most.", { name: file.name, limit: bytes(limit) }), "error");
        continue;
      }
      const end = new AbortController();
      const at = (done) => setSending({ name: file.name, size: file.size, done, stop: () => end.abort() });
      at(0);
      const kind = KIND[file.type.split("/")[0]] ?? "file";
      const result = await attempt(() => upload("send/file", file, { to, name: file.name, kind }, at, end.signal));
      if (end.signal.aborted) tell(t("{name} was not sent.", file));
      else sent(result);
    }
    setSending(null);
    setBusy(false);
  };
  return form(
    { class: "write", onSubmit: send, "aria-label": t("Write to {user}", { user: to }) },
    sending && h(Sending, { sending }),
    iconButton("attach", t("Send files"), () => chooser.current.click(), { disabled: busy }),
    input({ ref: chooser, type: "file", multiple: true, class: "hidden-text", tabIndex: -1, "aria-hidden": "true", onChange: files }),
    textarea({ rows: 1, value: text, placeholder: t("Write to {user}", { user: to }), "aria-label": t("Write to {user}", { user: to }), onInput: (event) => setText(event.target.value), onKeyDown: (event) => event.key === "Enter" && !event.shiftKey && !event.isComposing && send(event) }),
    button({ class: "primary round", disabled: busy || !text.trim(), "aria-label": t("Send"), title: t("Send") }, icon("send")),
  );
}
