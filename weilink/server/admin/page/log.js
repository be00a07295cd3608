// The log of every process of this base path, as it grows.
import { choice, exactTime, field, t, tags, useEffect, useRef, useState, forever } from "./kit.js";
import { get } from "./api.js";

const { div, h2, input, p, section, span } = tags;

const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];
const KEPT = 1000;

export function Log() {
  const [lines, setLines] = useState([]);
  const [level, setLevel] = useState("DEBUG");
  const [text, setText] = useState("");
  const [who, setWho] = useState("");
  const box = useRef(null);
  const atEnd = useRef(true);
  useEffect(() => {
    const end = new AbortController();
    let last = 0;
    forever(
      async () => {
        const found = await get("log", { after: last });
        last = found.lines.at(-1)?.n ?? last;
        if (found.lines.length && !end.signal.aborted) setLines((before) => [...before, ...found.lines].slice(-KEPT));
        await new Promise((go) => setTimeout(go, 1000));
      },
      () => {},
      end.signal,
    );
    return () => end.abort();
  }, []);
  useEffect(() => {
    if (atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines, level, text, who]);
  const everybody = [...new Set(lines.map((one) => one.who))];
  const shown = lines.filter((one) => (!who || one.who === who) && LEVELS.indexOf(one.level) >= LEVELS.indexOf(level) && `${one.who} ${one.name} ${one.text}`.toLowerCase().includes(text.toLowerCase()));
  const scrolled = (event) => {
    const { scrollHeight, scrollTop, clientHeight } = event.target;
    atEnd.current = scrollHeight - scrollTop - clientHeight < 40;
  };
  return section(
    { class: "stack", "aria-label": t("Log") },
    h2(t("Log")),
    p({ class: "muted" }, t("Of all WeiLink processes that use this folder, those that agents started too. It holds no secrets and no text of messages.")),
    div(
      { class: "card filters" },
      field(t("At least"), choice(level, LEVELS.map((one) => [one, one]), setLevel)),
      field(t("Process"), choice(who, [["", t("all")], ...everybody.map((one) => [one, one])], setWho)),
      field(t("Contains"), input({ type: "search", value: text, onInput: (event) => setText(event.target.value) })),
    ),
    div(
      { class: "log", ref: box, role: "log", "aria-label": t("Log"), "aria-live": "off", tabIndex: 0, onScroll: scrolled },
      shown.map((one) =>
        div({ key: one.n, class: `log-line ${one.level}` }, span({ class: "muted" }, exactTime(one.at_ms)), " ", span({ class: "log-level" }, one.level), " ", span({ class: "log-who" }, one.who), " ", span({ class: "muted" }, one.name), " ", one.text),
      ),
      shown.length === 0 && p({ class: "muted" }, t("No lines.")),
    ),
  );
}
