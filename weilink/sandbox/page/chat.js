// The open chat: bubbles between time stamps, and the way to scroll through very many of them.
import { Component, attempt, button, h, icon, t, tags, useEffect, useLayoutEffect, useRef, useState, say, when } from "./kit.js";
import { Body, summary } from "./bodies.js";
import { Composer } from "./composer.js";
import { bareName, conversation, loadNewer, loadOlder, model, toNewest, view } from "./model.js";

const { div, span, p, time } = tags;

const PAUSE_MS = 5 * 60_000; // after which a new time stamp is shown, as in WeChat
const NEAR = 60; // pixels from the end that still count as the end
const SETTLE_MS = 500;
const BY_HAND_MS = 500;
const AHEAD = 1500; // pixels before an end of what is there at which more is fetched

export function Chat({ state }) {
  const { messages, older, newer } = state;
  const box = useRef(null);
  const [dropping, setDropping] = useState(false);
  const files = useRef(null);
  const settling = useRef(0); // until when lines that came may still change their heights
  const touched = useRef(0); // when somebody last did what can scroll
  const byHand = () => (touched.current = performance.now());
  // Looked at before anything is drawn anew: what stands where in the reader's sight.
  const before = box.current && !view.atEnd && topLine(box.current);

  const scrolled = () => {
    const element = box.current;
    const now = performance.now();
    // Only a person leaves the end; lines that turn out taller once they are drawn do not.
    if (view.atEnd && now < settling.current && now - touched.current > BY_HAND_MS) grown();
    const below = element.scrollHeight - element.scrollTop - element.clientHeight;
    view.atEnd = below < NEAR && !model.value.newer;
    if (element.scrollTop < AHEAD && model.value.older) attempt(loadOlder);
    else if (below < AHEAD && model.value.newer) attempt(loadNewer);
  };
  const grown = () => {
    if (view.atEnd) box.current.scrollTop = box.current.scrollHeight;
  };

  // Before the browser paints: stay at the end, or keep what is read where it is when other
  // messages come above it or leave.
  useLayoutEffect(() => {
    const element = box.current;
    const line = before && element.querySelector(`.line[data-n="${before.n}"]`);
    if (view.atEnd) {
      element.scrollTop = element.scrollHeight;
      settling.current = performance.now() + SETTLE_MS;
    } else if (line && line.offsetTop !== before.top) element.scrollTop += line.offsetTop - before.top;
    scrolled();
  }, [messages, newer]);

  // A smaller window or a taller composer must not hide the last message.
  useEffect(() => {
    const observer = new ResizeObserver(() => grown());
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);

  const down = () => attempt(toNewest);

  const dragged = (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    setDropping(event.type === "dragover");
    if (event.type === "drop") files.current?.(event.dataTransfer.files);
  };
  return div(
    { class: dropping ? "chat dropping" : "chat", onDragOver: dragged, onDragLeave: dragged, onDrop: dragged },
    div(
      { class: "messages", ref: box, role: "log", "aria-label": t("Messages"), tabIndex: 0, onScroll: scrolled, onLoadCapture: grown, onWheel: byHand, onTouchMove: byHand, onPointerDown: byHand, onKeyDown: byHand },
      older && p({ class: "stamp" }, t("Older messages are loaded as you scroll.")),
      rows(messages).map((row) => h(row.of, { key: row.key, ...row.props })),
      conversation(state)?.typing && div({ class: "line theirs" }, h(Avatar, {}), div({ class: "bubble dots", "aria-hidden": "true" }, span("•"), span("•"), span("•"))),
    ),
    newer > 0 && button({ type: "button", class: "to-end", onClick: down }, icon("down"), t("{n} newer messages", { n: newer })),
    dropping && div({ class: "drop-here", "aria-hidden": "true" }, t("Drop to send")),
    h(Composer, { state, takeFiles: files }),
  );
}

/** The first message in sight, and where it stands. */
function topLine(element) {
  const lines = element.querySelectorAll(".line[data-n]");
  let [low, high] = [0, lines.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines[middle].offsetTop + lines[middle].offsetHeight > element.scrollTop) high = middle;
    else low = middle + 1;
  }
  return lines[low] && { n: lines[low].dataset.n, top: lines[low].offsetTop };
}

/** Time stamps, bubbles, and the tool calls of one run as one row. */
function rows(messages) {
  const made = [];
  const byId = new Map(messages.map((one) => [one.message_id, one]));
  let last = 0;
  let tools = null;
  for (const one of messages) {
    if (one.create_time_ms - last > PAUSE_MS) made.push({ of: Stamp, key: `t${one.n}`, props: { ms: one.create_time_ms } });
    last = one.create_time_ms;
    if (one.kind === "tool_call" || one.kind === "tool_result") {
      if (!tools || tools.run !== one.run_id) {
        tools = { run: one.run_id, messages: [] };
        made.push({ of: Tools, key: `r${one.n}`, props: tools });
      }
      tools.messages.push(one);
      continue;
    }
    tools = null;
    made.push({ of: Line, key: one.n, props: { message: one, quoted: byId.get(one.quoted_id) } });
  }
  return made;
}

const Stamp = ({ ms }) => p({ class: "stamp" }, time({ dateTime: new Date(ms).toISOString() }, when(ms)));

const STATES = {
  running: ["clock", say("running")],
  completed: ["check", say("done")],
  failed: ["cross", say("failed")],
  blocked: ["cross", say("blocked")],
};

function Tools({ messages }) {
  const calls = new Map();
  for (const { items, n } of messages) {
    const start = items[0].tool_call_start_item;
    const end = items[0].tool_call_result_item;
    const part = start ?? end ?? {};
    const id = String(part.tool_call_id ?? n);
    calls.set(id, { name: String(part.tool_name ?? calls.get(id)?.name ?? ""), status: end ? String(end.status) : "running" });
  }
  return div(
    { class: "tools", role: "group", "aria-label": t("Tool calls") },
    [...calls].map(([id, { name, status }]) => {
      const [drawing, text] = STATES[status] ?? ["tool", status];
      return div(
        { key: id, class: `tool ${status in STATES ? status : ""}` },
        icon("tool"),
        span({ class: "tool-name" }, name),
        span({ class: "tool-state" }, icon(drawing), t(text)),
      );
    }),
  );
}

/** One message. Drawn again only when it, or what it quotes, is another one. */
class Line extends Component {
  shouldComponentUpdate(next) {
    return next.message !== this.props.message || next.quoted !== this.props.quoted;
  }

  render({ message, quoted }) {
    const mine = message.author === "user";
    let selection = "";
    // The browser forgets what is selected as soon as the button is pressed.
    const remember = () => (selection = selectedIn(this.base));
    const quote = () => {
      const style = selection && message.text.includes(selection) ? "partial" : "id";
      model.set({ quote: { message, selection, style } });
      document.getElementById("composer")?.focus();
    };
    return div(
      { class: mine ? "line mine" : "line theirs", "data-n": message.n },
      h(Avatar, { mine, name: mine ? message.user_id : "" }),
      div(
        { class: "column" },
        span({ class: "hidden-text" }, mine ? t("You wrote") : t("The bot wrote")),
        div(
          { class: "beside" },
          h(Body, { message }),
          button({ type: "button", class: "plain round quote", title: t("Quote"), "aria-label": t("Quote this message"), onPointerDown: remember, onClick: quote }, icon("quote")),
        ),
        (message.quoted_id || message.items[0].ref_msg) && h(Quoted, { message, quoted }),
        mine && delivery(message),
      ),
    );
  }
}

/** The picture beside a bubble: the first letter of a person, a drawing for a bot. */
const Avatar = ({ mine, name }) =>
  div({ class: "avatar", "aria-hidden": "true" }, mine ? [...bareName(name)][0].toUpperCase() : icon("bot"));

function selectedIn(element) {
  const selection = getSelection();
  return selection.rangeCount && element.contains(selection.anchorNode) ? selection.toString().trim() : "";
}

/** Where `piece` stands in `text` for the time `number`, counted from 0. */
function nth(text, piece, number) {
  let at = text.indexOf(piece);
  while (number-- > 0) at = text.indexOf(piece, at + piece.length);
  return at;
}

function Quoted({ message, quoted }) {
  const reference = message.items[0].ref_msg ?? {};
  const inline = reference.message_item?.text_item?.text;
  const part = reference.partial_text;
  let text = quoted ? summary(quoted) : (inline ?? t("A message that is not shown here"));
  if (quoted && part) text = text.slice(nth(text, part.start, part.startindex), nth(text, part.end, part.endindex) + part.end.length);
  return div({ class: "quoted" }, span({ class: "hidden-text" }, t("Quotes:")), String(text).slice(0, 300));
}

function delivery(message) {
  const [drawing, text] = message.acknowledged
    ? ["check", t("Received")]
    : message.handed_over
      ? ["clock", t("Handed over")]
      : ["clock", t("Waiting for the client")];
  return div({ class: "delivery" }, icon(drawing), text);
}
