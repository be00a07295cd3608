// The agents that are open, and whose messages go to which of them.
import { attempt, button, choice, field, fullTime, h, of, t, tags, useState } from "./kit.js";
import { post, useLive } from "./api.js";

const { article, code, div, dl, dt, dd, form, h2, h3, input, li, p, section, span, ul } = tags;

const TITLES = { claude: "Claude Code", codex: "Codex" };
export const agentTitle = (name) => TITLES[name] ?? name;

export function Agents() {
  const data = useLive("agents");
  if (!data) return null;
  return section(
    { class: "stack", "aria-label": t("Agents") },
    h2(t("Agents")),
    p({ class: "muted" }, t("Sessions that are open on this computer. Claude Code's are here from their start, Codex's from their first prompt.")),
    data.agents.length === 0 && p({ class: "card" }, t("No agent session is open.")),
    div({ class: "cards" }, data.agents.map((one) => h(Agent, { key: one.id, one }))),
    h3(t("Bindings")),
    data.bindings.length === 0 && p({ class: "card" }, t("Nothing is bound: messages go to the session in which you were active last.")),
    div({ class: "list" }, data.bindings.map((one) => h(Bound, { key: one.contact, one, agents: data.agents }))),
    data.contacts.length > 0 && h(Bind, { data }),
  );
}

function Agent({ one }) {
  const working = one.state === "working";
  return article(
    { class: "card stack", "aria-label": `${one.number} ${agentTitle(one.agent)}` },
    div(
      { class: "row" },
      h3(`${one.number} · ${agentTitle(one.agent)}`),
      span({ class: `badge ${working ? "good" : ""}` }, working ? t("working") : t("waits for you")),
      !one.attended && span({ class: "badge warn" }, t("unattended")),
    ),
    dl(
      dt(t("Folder")),
      dd(code(one.cwd)),
      dt(t("Last prompt")),
      dd(one.prompted_at ? fullTime(one.prompted_at) : t("none yet")),
      dt(t("Open since")),
      dd(fullTime(one.started_at)),
      dt(t("Session")),
      dd(code(one.id)),
      dt(t("Gets")),
      dd(
        one.gets.length + one.gets_the_rest === 0
          ? t("nothing at present")
          : ul({ class: "plain-list" }, one.gets.map((contact) => li({ key: contact }, code(contact))), one.gets_the_rest && li(t("whatever is not bound"))),
      ),
    ),
  );
}

/** What a binding names, in words. */
function targetOf(one, agents) {
  if (one.kind === "agent") return t("any session of {agent}", { agent: agentTitle(one.value) });
  if (one.kind === "cwd") return t("sessions in {folder}", { folder: one.shown_value });
  const live = agents.find(({ id }) => id === one.value);
  return live ? sessionName(live) : t("session {id}", { id: one.shown_value });
}

const sessionName = (one) => t("{number} · {agent} in {folder}", { number: one.number, agent: agentTitle(one.agent), folder: one.cwd });

function Bound({ one, agents }) {
  const unbind = () => attempt(() => post("agents/unbind", { contact: one.contact }), t("Done."));
  return article(
    { class: "message bound", "aria-label": one.shown },
    div(
      code(one.shown),
      p(t("goes to {target}", { target: targetOf(one, agents) })),
      !one.live && p({ class: "problem" }, t("No such session is open: the messages wait for one, or for your next prompt in another.")),
    ),
    button({ type: "button", class: "small", onClick: unbind, "aria-label": of(t("Unbind"), one.shown) }, t("Unbind")),
  );
}

function Bind({ data }) {
  const [contact, setContact] = useState(data.contacts[0].contact);
  const [target, setTarget] = useState("");
  const [folder, setFolder] = useState("");
  const targets = [
    ...data.agents.map((one) => [`session ${one.id}`, sessionName(one)]),
    ...data.kinds.map((kind) => [`agent ${kind}`, t("any session of {agent}", { agent: agentTitle(kind) })]),
    ["cwd ", t("sessions in a folder")],
  ];
  // The session that was chosen may have ended meanwhile.
  const chosen = targets.some(([id]) => id === target) ? target : targets[0][0];
  const [kind, value] = [chosen.split(" ", 1)[0], chosen.slice(chosen.indexOf(" ") + 1)];
  const bind = async (event) => {
    event.preventDefault();
    const done = await attempt(() => post("agents/bind", { contact, kind, value: kind === "cwd" ? folder.trim() : value }), t("Done."));
    if (done) setFolder("");
  };
  return form(
    { class: "card stack", onSubmit: bind, "aria-label": t("Bind somebody") },
    h3(t("Bind somebody")),
    div(
      { class: "filters wide" },
      field(t("Messages of a person, or to a bot"), choice(contact, data.contacts.map((one) => [one.contact, one.shown]), setContact)),
      field(t("go to"), choice(chosen, targets, setTarget)),
      kind === "cwd" && field(t("Folder"), input({ value: folder, required: true, maxlength: 4096, spellcheck: false, onInput: (event) => setFolder(event.target.value) }), t("Sessions that were started there or below it.")),
    ),
    div(button({ class: "primary" }, t("Bind"))),
  );
}
