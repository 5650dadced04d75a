// Shows the description of the API and sends requests with the session of the browser. Whatever the description or an
// answer contains is put into the page as text, never as markup.
"use strict";

const METHODS = ["get", "post", "put", "delete", "head", "options"];
const LONGEST_ANSWER = 100_000;

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function resolve(root, reference) {
  return reference.slice(2).split("/").reduce((at, name) => at[name], root);
}

// A schema as people write it: names with the kinds of their values.
function shape(root, schema, open = []) {
  if (schema === undefined || schema === true || Object.keys(schema).length === 0) return "anything";
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return open.includes(name) ? name : shape(root, resolve(root, schema.$ref), [...open, name]);
  }
  const either = schema.anyOf ?? schema.oneOf;
  if (either) {
    const kinds = either.map((one) => shape(root, one, open)).filter((one) => one !== "null");
    return kinds.length === 1 ? kinds[0] : kinds;
  }
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.properties) {
    const required = new Set(schema.required ?? []);
    const member = ([name, one]) => [required.has(name) ? name : `${name}?`, shape(root, one, open)];
    return Object.fromEntries(Object.entries(schema.properties).map(member));
  }
  const kinds = [schema.type].flat().filter((kind) => kind !== "null");
  if (kinds[0] === "array") return [shape(root, schema.items, open)];
  if (kinds[0] === "object") return { "...": shape(root, schema.additionalProperties, open) };
  return [kinds.join(" | "), schema.format && `(${schema.format})`].filter(Boolean).join(" ");
}

const pretty = (value) => element("pre", {}, typeof value === "string" ? value : JSON.stringify(value, null, 2));

function parametersOf(operation, fields) {
  const rows = (operation.parameters ?? []).map((parameter) => {
    const field = element("input", { "aria-label": parameter.name });
    fields.push([parameter, field]);
    const kind = parameter.schema.enum?.join(" | ") ?? parameter.schema.type;
    return element("tr", {}, element("td", {}, element("code", {}, parameter.name)),
      element("td", {}, `${parameter.in}, ${kind}`), element("td", {}, parameter.description ?? ""), element("td", {}, field));
  });
  return rows.length ? [element("h4", {}, "Parameters"), element("table", {}, ...rows)] : [];
}

function answersOf(root, operation) {
  const rows = Object.entries(operation.responses).map(([status, response]) => {
    const answer = response.$ref ? resolve(root, response.$ref) : response;
    const contents = Object.entries(answer.content ?? {});
    const shown = response.$ref ? [] : contents.map(([media, content]) =>
      media === "application/json" ? pretty(shape(root, content.schema)) : element("p", {}, media));
    return element("tr", {}, element("td", {}, status), element("td", {}, answer.description, ...shown));
  });
  return [element("h4", {}, "Answers"), element("table", {}, ...rows)];
}

async function send(method, path, fields, body) {
  const query = new URLSearchParams();
  let target = path;
  for (const [parameter, field] of fields) {
    if (parameter.in === "path") target = target.replace(`{${parameter.name}}`, encodeURIComponent(field.value));
    else if (field.value !== "") query.set(parameter.name, field.value);
  }
  const address = target.slice(1) + (query.size ? `?${query}` : "");
  const answer = await fetch(address, { method: method.toUpperCase(), body: body?.value || undefined });
  const text = (await answer.text()).slice(0, LONGEST_ANSWER);
  const reason = answer.headers.get("x-semaphore-error");
  return `${answer.status} ${answer.statusText}\n${reason ? `${reason}\n` : ""}\n${text}`;
}

function details(root, path, method, operation) {
  const fields = [];
  const inside = element("div", {});
  if (operation.description) inside.append(element("p", {}, operation.description));
  inside.append(...parametersOf(operation, fields));
  const schema = operation.requestBody?.content?.["application/json"]?.schema;
  let body;
  if (operation.requestBody) {
    body = element("textarea", { "aria-label": "body", spellcheck: "false" });
    inside.append(element("h4", {}, "Body"), pretty(schema ? shape(root, schema) : "anything"), body);
  }
  inside.append(...answersOf(root, operation));
  const button = element("button", { type: "button" }, "Send");
  const answer = element("pre", { hidden: "" });
  button.addEventListener("click", async () => {
    answer.hidden = false;
    answer.textContent = "...";
    answer.textContent = await send(method, path, fields, body).catch((error) => `not sent: ${error.message}`);
  });
  inside.append(button, answer);
  return inside;
}

function route(root, path, method, operation) {
  const made = element("details", { class: method }, element("summary", {},
    element("span", { class: "method" }, method.toUpperCase()), element("span", { class: "path" }, path),
    element("span", { class: "access" }, operation["x-access"])));
  made.dataset.words = `${method} ${path} ${operation.operationId}`.toLowerCase();
  // Two hundred routes with all their schemas at once would make the page slow.
  made.addEventListener("toggle", () => made.append(details(root, path, method, operation)), { once: true });
  return made;
}

function show(root) {
  const main = document.getElementById("routes");
  main.replaceChildren();
  const sections = new Map();
  for (const { name } of root.tags) {
    const section = element("section", {}, element("h2", {}, name.replaceAll("_", " ")));
    sections.set(name, section);
    main.append(section);
  }
  for (const [path, item] of Object.entries(root.paths)) {
    for (const method of METHODS.filter((one) => item[one])) sections.get(item[method].tags[0]).append(route(root, path, method, item[method]));
    for (const [method, operation] of Object.entries(item["x-operations"] ?? {})) {
      sections.get(operation.tags[0]).append(route(root, path, method.toLowerCase(), operation));
    }
  }
  document.getElementById("find").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase();
    for (const section of sections.values()) {
      const routes = [...section.querySelectorAll("details")];
      for (const one of routes) one.hidden = !one.dataset.words.includes(words);
      section.hidden = routes.every((one) => one.hidden);
    }
  });
}

fetch("api/openapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`the server answered ${answer.status}`))))
  .then(show)
  .catch((error) => document.getElementById("routes").replaceChildren(element("p", {}, `The description cannot be read: ${error.message}`)));
