// The tools as /openapi.json describes them, each with a form that calls it.
import { Copyable, Notes, attempt, choice, field, h, loadWords, render, t, tags, useState } from "/assets/web/ui.js";

const { a, button, code, details, div, form, h1, h2, input, label, li, main, p, pre, section, span, summary, ul } = tags;

/** A schema with its reference followed. */
const resolved = (api, schema) =>
  schema?.$ref ? api.components.schemas[schema.$ref.split("/").at(-1)] : schema;

/** The object schema of a request body, which may be optional. */
function bodyOf(api, operation) {
  const schema = operation.requestBody?.content["application/json"].schema;
  const found = schema?.anyOf?.find((one) => one.$ref) ?? schema;
  return resolved(api, found) ?? { properties: {} };
}

function Page({ api }) {
  const [token, setToken] = useState("");
  const locked = Object.values(api.paths).some((path) => path.post?.responses[401]);
  const tools = Object.entries(api.paths).filter(([, path]) => path.post);
  return main(
    { class: "stack" },
    h1(t("The WeiLink REST server")),
    p(
      t("Each tool is a POST of a JSON object. The whole description for programs:"),
      " ",
      a({ href: "/openapi.json" }, "/openapi.json"),
    ),
    section(
      { class: "card" },
      locked
        ? field(
            t("Bearer token"),
            input({ type: "password", value: token, autocomplete: "off", onInput: (event) => setToken(event.target.value) }),
            t("It stays in this page and is forgotten with it."),
          )
        : p(t("Bearer token"), ": ", t("This server wants none.")),
    ),
    tools.map(([path, { post }]) => h(Tool, { key: path, api, path, operation: post, token })),
    h(Notes),
  );
}

function Tool({ api, path, operation, token }) {
  const body = bodyOf(api, operation);
  const names = Object.keys(body.properties ?? {});
  const [values, setValues] = useState({});
  const [answer, setAnswer] = useState(null);
  const [busy, setBusy] = useState(false);
  const given = Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== "")
      .map(([name, value]) => [name, typed(body.properties[name], value)]),
  );
  const send = async (event) => {
    event.preventDefault();
    setBusy(true);
    const headers = { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    await attempt(async () => {
      const got = await fetch(path, { method: "POST", headers, body: JSON.stringify(given) });
      setAnswer({ status: got.status, text: pretty(await got.text()) });
    });
    setBusy(false);
  };
  const ok = resolved(api, operation.responses[200].content["application/json"].schema);
  return details(
    { class: "card tool" },
    summary(code(path), span({ class: "muted" }, operation.summary)),
    div(
      { class: "stack" },
      p({ class: "description" }, operation.description),
      form(
        { class: "stack", onSubmit: send, "aria-label": t("Parameters of {name}", { name: operation.operationId }) },
        names.length
          ? div({ class: "parameters" }, names.map((name) => h(Parameter, { key: name, name, schema: body.properties[name], required: body.required?.includes(name), value: values[name] ?? "", set: (value) => setValues({ ...values, [name]: value }) })))
          : p({ class: "muted" }, t("No parameters.")),
        div({ class: "row" }, button({ class: "primary", disabled: busy }, t("Call it")), span({ class: "hint" }, t("This calls the tool for real."))),
      ),
      h2(t("As a command")),
      h(Copyable, { text: command(path, given, Boolean(operation.responses[401])) }),
      div({ role: "status" }, answer && [h2(t("Answer {status}", { status: answer.status })), pre({ tabIndex: 0 }, answer.text)]),
      details(
        summary(t("Answers")),
        ul(Object.entries(operation.responses).map(([status, one]) => li({ key: status }, code(status), " ", one.description))),
        h2(t("Schema of the answer")),
        pre({ tabIndex: 0 }, JSON.stringify(ok, null, 2)),
      ),
    ),
  );
}

function Parameter({ name, schema, required, value, set }) {
  const title = span(code(name), required ? ` · ${t("required")}` : "");
  const values = schema.enum ?? schema.anyOf?.find((one) => one.enum)?.enum;
  const control =
    schema.type === "boolean"
      ? choice(value, [["", ""], ["true", "true"], ["false", "false"]], set)
      : values
        ? choice(value, values.map((one) => [one, one]), set)
        : input({ value, required, placeholder: schema.default === undefined ? "" : String(schema.default), onInput: (event) => set(event.target.value) });
  return label({ class: "field" }, title, control, schema.description && span({ class: "hint" }, schema.description));
}

function typed(schema, value) {
  if (schema.type === "boolean") return value === "true";
  if ((schema.type === "number" || schema.type === "integer") && value.trim() !== "" && Number.isFinite(Number(value)))
    return Number(value);
  return value;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const command = (path, given, locked) =>
  [
    "curl",
    ...(locked ? ['-H "Authorization: Bearer $WEILINK_TOKEN"'] : []),
    "-H 'Content-Type: application/json'",
    `-d ${quoted(JSON.stringify(given))}`,
    `${location.origin}${path}`,
  ].join(" ");

await loadWords("/assets/web/words", "/assets/page/words");
document.title = t("The WeiLink REST server");
const root = document.getElementById("page");
try {
  const api = await (await fetch("/openapi.json")).json();
  render(h(Page, { api }), root);
} catch {
  render(main(p({ role: "alert" }, t("The description cannot be loaded."))), root);
}
