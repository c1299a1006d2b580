// Draws the page from /page.json, and asks the server what the user wants asked. Tokens stay in this page's
// memory: a reload forgets them.

const $ = (id) => document.getElementById(id);
const page = await (await fetch("/page.json")).json();
const tokens = [];
let used = null;

document.title = page.title;
$("title").textContent = page.title;
$("about").textContent = page.about;
drawActions();
$("check").addEventListener("click", tryAll);
$("copy").addEventListener("click", copyCurl);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

// Actions: one card for each group, one form for each action.

function drawActions() {
  const groups = new Map();
  for (const action of page.actions) {
    if (!groups.has(action.group)) groups.set(action.group, []);
    groups.get(action.group).push(action);
  }
  for (const [name, actions] of groups) {
    const card = element("section", { class: "card" }, element("h2", {}, name));
    for (const action of actions) {
      const open = actions.length === 1 || action.open;
      card.append(element("details", { open }, element("summary", {}, action.label), form(action)));
    }
    $("actions").append(card);
  }
}

function form(action) {
  const fields = (action.fields ?? []).map(field);
  const button = element("button", {}, action.button ?? action.label);
  const made = element("form", { autocomplete: "off" }, ...fields, element("p", { class: "buttons" }, button));
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await perform(action, values(action, made));
    } finally {
      button.disabled = false;
    }
  });
  return made;
}

function field(field) {
  const id = `field-${crypto.randomUUID()}`;
  let input;
  if (field.type === "token") {
    input = element("select", { name: field.name, id, class: "tokens" });
  } else if (field.options) {
    const options = field.options.map((option) => element("option", {}, option));
    input = element("select", { name: field.name, id }, ...options);
  } else {
    const type = ["password", "number", "email", "checkbox"].includes(field.type) ? field.type : "text";
    input = element("input", { name: field.name, id, type, value: field.value, placeholder: field.hint });
  }
  if (field.type === "checkbox") return element("label", { class: "check", for: id }, input, field.label);
  return element("label", { for: id }, field.label, input);
}

/** What was filled in, by name; what was left empty is left out. */
function values(action, form) {
  const found = {};
  for (const { name, type } of action.fields ?? []) {
    const input = form.elements.namedItem(name);
    if (type === "checkbox") found[name] = input.checked;
    else if (type === "token") found[name] = tokens[input.value]?.text ?? "";
    else if (input.value === "") continue;
    else if (type === "number") found[name] = Number(input.value);
    else if (type === "list") found[name] = input.value.split(/[ ,]+/);
    else found[name] = input.value;
  }
  return { ...action.also, ...found };
}

// Asking.

async function perform(action, filled) {
  if (action.ceremony) {
    try {
      filled[action.ceremony.field] = await ceremony(action.ceremony, filled);
    } catch (error) {
      return tell(`No passkey: ${error.message}`);
    }
  }
  const token = action.anonymous ? null : tokens[used]?.text;
  const asked = request(action, filled, token);
  const answer = await ask(asked);
  show(asked, answer);
  showRows(action, answer.json);
  for (const { at, name } of action.tokens ?? []) {
    const text = point(answer.json, at);
    if (typeof text === "string") keep(text, fill(name, { ...filled, ...flat(answer.json) }, String));
  }
  if (action.forget && answer.status < 300) used = null;
  await tryAll();
}

/** The request that an action makes: what has no place in its path is the query, or the body. */
function request({ method, path, send }, filled, token) {
  const left = { ...filled };
  const url = new URL(fill(path, left, encodeURIComponent, true), location.href);
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const asked = { method, url, headers, token };
  if (method === "GET" || method === "HEAD") {
    for (const [name, value] of Object.entries(left)) url.searchParams.set(name, value);
  } else if (send === "form") {
    headers["Content-Type"] = "application/x-www-form-urlencoded";
    asked.body = new URLSearchParams(left).toString();
  } else if (send === "multipart") {
    asked.parts = left;
    asked.body = new FormData();
    for (const [name, value] of Object.entries(left)) asked.body.set(name, value);
  } else if (send === "text") {
    headers["Content-Type"] = "text/plain; charset=utf-8";
    asked.body = left.text ?? "";
  } else if (send !== "nothing") {
    headers["Content-Type"] = "application/json";
    asked.body = JSON.stringify(left);
  }
  return asked;
}

function fill(template, found, encode, take = false) {
  return template.replace(/\{(\w+)\}/g, (_, name) => {
    const value = found[name] ?? "";
    if (take) delete found[name];
    return encode(value);
  });
}

async function ask({ method, url, headers, body }) {
  try {
    const response = await fetch(url, { method, headers, body, cache: "no-store", credentials: "omit" });
    const text = await response.text();
    let json = null;
    try {
      json = JSON.parse(text);
    } catch {
      // Not JSON: shown as it is.
    }
    const challenge = response.headers.get("www-authenticate");
    return { status: response.status, phrase: response.statusText, text, json, challenge };
  } catch {
    return { status: 0, phrase: "the server did not answer", text: "", json: null, challenge: null };
  }
}

/** A passkey is made, or shown: the options come from the server, the credential goes into the request. */
async function ceremony({ kind, begin, options }, filled) {
  const answer = await ask(request(begin, { ...begin.also, ...pick(filled, begin.fields) }, tokens[used]?.text));
  const found = point(answer.json, options ?? "") ?? {};
  if (answer.status >= 300) throw new Error(`the server answered ${answer.status}`);
  const publicKey = kind === "create"
    ? PublicKeyCredential.parseCreationOptionsFromJSON(found)
    : PublicKeyCredential.parseRequestOptionsFromJSON(found);
  const credential = await navigator.credentials[kind]({ publicKey });
  return credential.toJSON();
}

const pick = (found, names = []) => Object.fromEntries(names.map((name) => [name, found[name]]));

/** The value at a JSON pointer (RFC 6901). */
function point(json, pointer) {
  const steps = pointer.split("/").slice(1);
  return steps.reduce((found, step) => found?.[step], json);
}

/** The plain values of an answer, for names. */
function flat(json) {
  if (json === null || typeof json !== "object") return {};
  return Object.assign({}, json, ...Object.values(json).filter((value) => value && typeof value === "object" && !Array.isArray(value)));
}

// Answers.

function show(asked, answer) {
  const text = answer.status ? `${answer.status} ${answer.phrase}` : `No answer: ${answer.phrase}`;
  const what = `${asked.method} ${asked.url.pathname}${asked.url.search}: `;
  const mark = element("span", { class: answer.status >= 200 && answer.status < 300 ? "good" : "bad" }, text);
  $("status").replaceChildren(what, mark, ...(answer.challenge ? [element("br"), `Challenge: ${answer.challenge}`] : []));
  $("body").textContent = answer.json === null ? answer.text : JSON.stringify(answer.json, null, 2);
  $("body").hidden = answer.text === "";
  $("curl").textContent = curl(asked);
  $("curl-part").hidden = false;
  $("copied").textContent = "";
  $("answer").scrollIntoView({ block: "nearest" });
}

function tell(text) {
  $("status").replaceChildren(element("span", { class: "bad" }, text));
}

function showRows({ rows }, json) {
  $("rows").replaceChildren();
  const found = rows && point(json, rows.at);
  if (!Array.isArray(found)) return;
  const buttons = (row) => (rows.actions ?? []).map((action) => {
    const ask = () => perform(action, { ...action.also, ...pick(row, names(action.path)) });
    return element("button", { type: "button", class: "small quiet", onclick: ask }, action.label);
  });
  const head = rows.columns.map((name) => element("th", { scope: "col" }, name.split("/").at(-1)));
  const body = found.map((row) => {
    const cells = rows.columns.map((name) => element("td", {}, cell(name.startsWith("/") ? point(row, name) : row[name])));
    return element("tr", {}, ...cells, element("td", {}, ...buttons(row)));
  });
  if (found.length === 0) $("rows").append(element("p", { class: "faint" }, "None."));
  else $("rows").append(element("table", {}, element("thead", {}, element("tr", {}, ...head, element("td"))), element("tbody", {}, ...body)));
}

const names = (template) => [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);

const cell = (value) => (value === null || value === undefined ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value));

function curl({ method, url, headers, body, parts }) {
  const quoted = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;
  const line = ["curl -i"];
  if (method === "HEAD") line.push("--head");
  else if (method !== "GET") line.push(`-X ${method}`);
  line.push(quoted(url));
  for (const [name, value] of Object.entries(headers)) line.push(`-H ${quoted(`${name}: ${value}`)}`);
  for (const [name, value] of Object.entries(parts ?? {})) line.push(`--form-string ${quoted(`${name}=${value}`)}`);
  if (typeof body === "string") line.push(`--data-raw ${quoted(body)}`);
  return line.join(" \\\n  ");
}

async function copyCurl() {
  try {
    await navigator.clipboard.writeText($("curl").textContent);
    $("copied").textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren($("curl"));
    $("copied").textContent = "Selected: press Ctrl+C.";
  }
}

// Tokens in hand.

function keep(text, name) {
  const known = tokens.findIndex((token) => token.text === text);
  used = known < 0 ? tokens.push({ text, name, status: null }) - 1 : known;
}

/** Asks with each token, to see which are good now. */
async function tryAll() {
  for (const token of tokens) {
    if (!token.text) continue;
    token.status = (await ask(request(page.probe, {}, token.text))).status;
  }
  drawTokens();
}

function drawTokens() {
  const kept = tokens.map((token, place) => ({ ...token, place })).filter((token) => token.text);
  $("nothing").hidden = kept.length > 0;
  $("tokens").hidden = $("check").hidden = kept.length === 0;
  $("tokens").tBodies[0].replaceChildren(...kept.map(tokenRow));
  for (const select of document.querySelectorAll("select.tokens")) {
    const chosen = select.value;
    select.replaceChildren(...kept.map(({ name, place }) => element("option", { value: place }, name)));
    if (kept.some(({ place }) => String(place) === chosen)) select.value = chosen;
  }
}

function tokenRow({ name, status, place, text }) {
  const choose = () => { used = place; };
  const radio = element("input", { type: "radio", name: "used", "aria-label": `Use ${name}`, onchange: choose });
  radio.checked = place === used;
  const good = status >= 200 && status < 300;
  const word = good ? `good (${status})` : status ? `refused (${status})` : "no answer";
  const forget = () => {
    tokens[place].text = "";
    if (used === place) used = null;
    drawTokens();
  };
  return element("tr", {},
    element("td", {}, radio),
    element("td", {}, name, element("br"), element("span", { class: "faint" }, `${text.slice(0, 12)}…`)),
    element("td", { class: good ? "good" : "bad" }, word),
    element("td", {}, element("button", { type: "button", class: "small quiet", "aria-label": `Forget ${name}`, onclick: forget }, "Forget")));
}
