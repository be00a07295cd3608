// What `weilink doctor` says: hooks, agents, server, bots, files; looked at when one asks for it.
import { Copyable, attempt, button, fullTime, h, language, t, tags, useEffect, useState } from "./kit.js";
import { post, useLive } from "./api.js";

const { article, div, h2, h3, p, section, span } = tags;

const LEVELS = {
  error: () => ["bad", t("broken")],
  warning: () => ["warn", t("to look at")],
  note: () => ["", t("note")],
  ok: () => ["good", t("well")],
};
// Checks of one agent are named after it: "claude.files".
const ofHooks = ({ check }) => check.includes(".") || ["setup", "hook", "endpoint"].includes(check);
const byLevel = (one, other) => Object.keys(LEVELS).indexOf(one.level) - Object.keys(LEVELS).indexOf(other.level);

export function Health() {
  const data = useLive("health", { lang: language });
  const [asked, setAsked] = useState(false);
  const [busy, setBusy] = useState(false);
  const check = async () => {
    setBusy(true);
    await attempt(() => post("health/check", { lang: language }));
    setBusy(false);
  };
  useEffect(() => {
    if (!data || asked) return;
    setAsked(true);
    if (!data.checked_at && !data.running) check();
  }, [data]);
  if (!data) return null;
  const running = busy || data.running;
  const count = (level) => data.findings.filter((one) => one.level === level).length;
  return section(
    { class: "stack", "aria-label": t("Health"), "aria-busy": running ? "true" : "false" },
    div({ class: "spread" }, h2(t("Health")), button({ type: "button", class: "primary", disabled: running, onClick: check }, running ? t("Checking…") : t("Check again"))),
    p(
      { role: "status", class: "muted" },
      running && !data.checked_at && t("Agents are asked what they know; this takes some seconds."),
      data.checked_at > 0 && t("{errors} broken, {warnings} to look at, {well} well; checked on {time}", { errors: count("error"), warnings: count("warning"), well: count("ok"), time: fullTime(data.checked_at) }),
    ),
    data.checked_at > 0 && [
      h(Group, { title: t("Hooks and agents"), findings: data.findings.filter(ofHooks) }),
      h(Group, { title: t("Server, bots and files"), findings: data.findings.filter((one) => !ofHooks(one)) }),
    ],
  );
}

function Group({ title, findings }) {
  return section(
    { class: "stack", "aria-label": title },
    h3(title),
    div({ class: "list" }, [...findings].sort(byLevel).map((one, n) => h(Finding, { key: `${one.check} ${n}`, one }))),
  );
}

// What is to be typed, and not to be done otherwise.
const COMMAND = /^(weilink|chmod|cd) /;

function Finding({ one }) {
  const [kind, words] = LEVELS[one.level]();
  return article(
    { class: "message stack", "aria-label": one.what },
    div({ class: "finding" }, span({ class: `badge ${kind}` }, words), span(one.what)),
    one.why && p({ class: "muted" }, one.why),
    one.cure && (COMMAND.test(one.cure) ? h(Copyable, { text: one.cure }) : p(one.cure)),
  );
}
