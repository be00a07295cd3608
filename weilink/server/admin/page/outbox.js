// What has not been sent: why, until when, once more or no more.
import { attempt, button, fullTime, h, of, t, tags, tell } from "./kit.js";
import { post, useLive } from "./api.js";

const { article, code, div, h2, p, section, span } = tags;

const STATES = { queued: () => ["warn", t("queued")], sending: () => ["", t("being sent")], failed: () => ["bad", t("failed")] };

export function Outbox() {
  const data = useLive("outbox");
  if (!data) return null;
  return section(
    { class: "stack", "aria-label": t("Outbox") },
    h2(t("Outbox")),
    p({ class: "muted" }, t("What WeChat has not taken yet. Queued parts go out by themselves when they can.")),
    data.parts.length === 0 && p({ class: "card" }, t("Everything was sent.")),
    div({ class: "list" }, data.parts.map((one) => h(Part, { key: one.row, one }))),
  );
}

function Part({ one }) {
  const [kind, words] = STATES[one.state]();
  const act = (what) => async () => {
    const result = await attempt(() => post(`outbox/${what}`, { row: one.row }));
    if (result && !result.done) tell(t("It is on its way already."), "error");
  };
  const name = one.text.slice(0, 40);
  return article(
    { class: "message", "aria-label": name },
    div(
      { class: "message-head" },
      span({ class: `badge ${kind}` }, words),
      span(t("to"), " ", code(one.shown_to)),
      span({ class: "muted" }, fullTime(one.created_at)),
      one.attempts > 0 && span({ class: "muted" }, t("{n} tries", { n: one.attempts })),
    ),
    p({ class: "message-text" }, one.text.slice(0, 500)),
    one.reason && p({ class: "problem" }, one.reason),
    one.state === "queued" && p({ class: "hint" }, t("given up on {time}", { time: fullTime(one.expires_at) })),
    one.state !== "sending" &&
      div(
        { class: "row" },
        button({ type: "button", class: "small", onClick: act("retry"), "aria-label": of(t("Send now"), name) }, t("Send now")),
        button({ type: "button", class: "small danger", onClick: act("drop"), "aria-label": of(t("Drop"), name) }, t("Drop")),
      ),
  );
}
