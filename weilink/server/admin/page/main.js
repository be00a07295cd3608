// The panel: its views, one at a time, named by the address's fragment.
import { Notes, Tabs, button, field, h, loadWords, render, t, tags, tell, useEffect, useState, useStore } from "./kit.js";
import { enter, leave, session, useLive } from "./api.js";
import { Agents } from "./agents.js";
import { Bots } from "./bots.js";
import { Health } from "./health.js";
import { Log } from "./log.js";
import { Messages } from "./messages.js";
import { Outbox } from "./outbox.js";
import { People } from "./people.js";

const { div, form, header, input, main, h1, p, span, code, strong } = tags;

const VIEWS = { bots: Bots, people: People, messages: Messages, outbox: Outbox, agents: Agents, health: Health, log: Log };

const here = () => {
  const [name, rest] = location.hash.slice(1).split("?");
  return { view: name in VIEWS ? name : "bots", query: Object.fromEntries(new URLSearchParams(rest)) };
};

/** Show a view. Not by setting the fragment: the browser would move the focus with it. */
function go(view) {
  history.pushState(null, "", `#${view}`);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

function Page() {
  const { state, offline } = useStore(session);
  const [at, setAt] = useState(here());
  useEffect(() => {
    const moved = () => setAt(here());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  if (state === "asking") return main({ "aria-busy": "true" }, h1({ class: "hidden-text" }, "WeiLink"));
  if (state === "out") return h(Outside);
  return div(
    { class: "panel-page" },
    h(Head, { at }),
    offline && p({ class: "offline", role: "alert" }, t("The server does not answer; trying again.")),
    main(
      div(
        { id: "tab-panel", role: "tabpanel", "aria-labelledby": `tab-${at.view}` },
        h(VIEWS[at.view], { key: location.hash, query: at.query }),
      ),
    ),
    h(Notes),
  );
}

function Head({ at }) {
  const overview = useLive("overview");
  useEffect(() => {
    // On a telephone not all tabs have room.
    document.getElementById(`tab-${at.view}`)?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [at.view]);
  const waiting = overview ? overview.outbox.queued + overview.outbox.failed : 0;
  const tabs = [
    ["bots", t("Bots")],
    ["people", t("People")],
    ["messages", t("Conversations")],
    ["outbox", waiting ? `${t("Outbox")} (${waiting})` : t("Outbox")],
    ["agents", t("Agents")],
    ["health", t("Health")],
    ["log", t("Log")],
  ];
  return header(
    div(
      { class: "head" },
      h1("WeiLink"),
      overview && span({ class: "muted base" }, code(overview.base_path), " · ", overview.version),
      span({ class: "grow" }),
      overview && !overview.led && span({ class: "badge warn" }, t("no server polls WeChat")),
      button({ type: "button", class: "small", onClick: leave }, t("Leave")),
    ),
    h(Tabs, { tabs, current: at.view, name: t("Views"), onChange: go }),
  );
}

/** For a panel whose command printed no link, such as that of `weilink mcp --admin-port`. */
function ByHand() {
  const [key, setKey] = useState("");
  const go = async (event) => {
    event.preventDefault();
    if (!(await enter(key.trim()))) tell(t("This is not the secret."), "error");
  };
  return form(
    { class: "stack", onSubmit: go },
    field(
      t("Or the secret itself"),
      input({ type: "password", value: key, required: true, autocomplete: "off", onInput: (event) => setKey(event.target.value) }),
      t("It is in the file run/admin.secret under the base path."),
    ),
    div(button({ class: "primary" }, t("Open the panel"))),
  );
}

function Outside() {
  return main(
    { class: "outside card stack" },
    h1(t("WeiLink's admin panel")),
    p({ role: "alert" }, strong(t("This page opens with its login link.")), " ", t("The link is printed by the command that serves the panel:")),
    code({ tabIndex: 0 }, "weilink admin"),
    h(ByHand),
    p({ class: "muted" }, t("It holds a secret. It ends when the secret's file is removed, the session when the server stops.")),
    h(Notes),
  );
}

const entered = enter();
await loadWords("/assets/web/words", "/assets/page/words");
document.title = t("WeiLink's admin panel");
render(h(Page), document.getElementById("page"));
await entered;
