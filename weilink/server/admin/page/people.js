// Who has written: when, how often they can still be answered, and whether agents see it.
import { attempt, choice, duration, fullTime, h, t, tags, toggle, useTick } from "./kit.js";
import { post, useLive } from "./api.js";

const { a, article, code, div, dl, dt, dd, h2, h3, p, section, span } = tags;

const POLICIES = () => [
  ["owner", t("only the owner of each bot")],
  ["allowlist", t("the owner, and those who are allowed")],
  ["anyone", t("anyone who is not denied")],
];

export function People() {
  const data = useLive("people");
  useTick(30_000);
  if (!data) return null;
  const policy = (value) => attempt(() => post("people/policy", { policy: value }), t("Done."));
  return section(
    { class: "stack", "aria-label": t("People") },
    h2(t("People")),
    tags.label({ class: "card spread policy" }, span(t("Whose messages reach your agents:")), choice(data.policy, POLICIES(), policy)),
    data.people.length === 0 && p({ class: "card" }, t("Nobody has written yet.")),
    div({ class: "cards" }, data.people.map((one) => h(Person, { key: `${one.bot_id} ${one.user_id}`, one, policy: data.policy }))),
    data.more && p({ class: "muted" }, t("There are more people; search for them among the conversations.")),
    data.others.length > 0 && [
      h3(t("Named, but have not written")),
      div({ class: "cards" }, data.others.map((one) => article({ key: one.user_id, class: "card" }, h(Access, { one })))),
    ],
  );
}

function Person({ one, policy }) {
  const left = one.window_ends - Date.now();
  return article(
    { class: "card stack", "aria-label": one.shown },
    div(
      { class: "row" },
      h3(code(one.shown)),
      one.owner && span({ class: "badge good" }, t("owner")),
      span({ class: `badge ${one.allowed ? "good" : "warn"}` }, one.allowed ? t("reaches agents") : t("kept back")),
    ),
    dl(
      dt(t("Bot")),
      dd(one.bot),
      dt(t("Messages")),
      dd(a({ href: `#messages?user_id=${encodeURIComponent(one.user_id)}` }, one.messages, span({ class: "hidden-text" }, ` ${t("messages of {user}", { user: one.shown })}`))),
      dt(t("First contact")),
      dd(one.first_at ? fullTime(one.first_at) : "–"),
      dt(t("Last contact")),
      dd(one.last_at ? fullTime(one.last_at) : "–"),
      dt(t("Replies left")),
      dd(one.replies_left),
      dt(t("Reply window")),
      dd(left > 0 && one.replies_left > 0 ? t("{time} more", { time: duration(left) }) : t("closed until they write")),
    ),
    !one.owner && h(Access, { one, policy }),
  );
}

function Access({ one, policy }) {
  const set = (yes) => attempt(() => post("people/access", { user_id: one.user_id, allowed: yes }), t("Done."));
  const without = one.named === null || one.named === undefined;
  const standing = without ? t("not named") : one.named ? t("allowed") : t("denied");
  return toggle(
    t("Allow {user}", { user: one.shown }),
    without ? Boolean(one.allowed) : one.named,
    set,
    policy === "owner" ? `${standing} · ${t("takes effect under another rule")}` : standing,
  );
}
