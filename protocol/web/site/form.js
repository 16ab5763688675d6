// The plan as a form: one field for every key of the schema, with the words that the template has on it.
import { element } from "./page.js";

// Comments of the template by key: `round_seconds = 300   # a round: …`
export function wordsOf(template) {
  const words = {};
  let table = "";
  for (const line of template.split("\n")) {
    const [, opened, name, word] = /^(?:\[([a-z_.]+)\]|([a-z_]+)\s*=[^#]*)(?:#\s*(.*))?/.exec(line) ?? [];
    if (opened) table = opened;
    else if (name && word) words[`${table}.${name}`] = word;
  }
  return words;
}

const AMOUNTS = ["bounty", "rate", "stake", "bond"].map((name) => `terms.${name}`);
const label = (name) => name.replaceAll("_", " ");

export class PlanForm {
  constructor(place, schema, words, changed) {
    Object.assign(this, { place, schema, words, changed, inputs: new Map(), tokens: null });
    place.replaceChildren();
    for (const { name, kind } of schema.classes[schema.root]) this.section(place, kind, name, 0);
    place.addEventListener("input", () => changed(this.values()));
  }

  section(parent, className, path, depth) {
    const box = element(depth ? "details" : "fieldset", {}, element(depth ? "summary" : "legend", {}, label(path.split(".").at(-1))));
    const grid = element("div", { class: "fields" });
    box.append(grid);
    parent.append(box);
    for (const field of this.schema.classes[className]) {
      const inner = `${path}.${field.name}`;
      if (this.schema.classes[field.kind]) this.section(box, field.kind, inner, depth + 1);
      else grid.append(this.field(field, inner));
    }
  }

  field({ name, kind, default: fallback }, path) {
    const id = `field-${path.replaceAll(".", "-")}`;
    const hint = this.words[path] ?? (fallback === undefined || fallback === "" ? "" : `${fallback} if left empty`);
    const input = this.input(kind, path, { id, "aria-describedby": `${id}-note` });
    this.inputs.set(path, { input, kind });
    const note = element("span", { class: "note muted", id: `${id}-note` }, hint);
    input.dataset.hint = hint;
    return element("div", { class: "field" }, element("label", { for: id }, label(name)), input, note);
  }

  input(kind, path, attributes) {
    const choices = kind === "boolean" ? ["true", "false"] : this.schema.choices[path];
    if (choices) return element("select", attributes, ...["", ...choices].map((one) => element("option", { value: one }, one || "—")));
    const numeric = kind === "integer" || AMOUNTS.includes(path);
    return element("input", { ...attributes, type: "text", autocomplete: "off", ...(numeric ? { inputmode: "numeric" } : {}) });
  }

  show(values) {
    for (const [path, { input }] of this.inputs) {
      const value = path.split(".").reduce((table, name) => table?.[name], values);
      input.value = value === undefined ? "" : typeof value === "object" ? "" : String(value);
    }
  }

  // Fields left empty are left out, so that they have their defaults.
  values() {
    const made = {};
    for (const [path, { input, kind }] of this.inputs) {
      const text = input.value.trim();
      if (text === "") continue;
      const names = path.split(".");
      const table = names.slice(0, -1).reduce((outer, name) => (outer[name] ??= {}), made);
      table[names.at(-1)] = kind === "integer" && /^-?[0-9]+$/.test(text) ? BigInt(text) : kind === "boolean" ? text === "true" : text;
    }
    return made;
  }

  // The field's word, and of an amount how many tokens it is: nobody counts zeros.
  hint(path, input) {
    const counted = this.tokens && AMOUNTS.includes(path) && /^[0-9]+$/.test(input.value.trim());
    return counted ? `${this.tokens(BigInt(input.value.trim()))}, ${input.dataset.hint}` : input.dataset.hint;
  }

  // Marks the fields that are wrong and says why beneath them.
  mark(problems) {
    for (const [path, { input }] of this.inputs) {
      const own = problems.filter(({ key }) => key === path).map(({ text }) => text);
      input.toggleAttribute("aria-invalid", own.length > 0);
      if (own.length) input.setAttribute("aria-invalid", "true");
      const note = document.getElementById(`${input.id}-note`);
      note.textContent = own.join("; ") || this.hint(path, input);
      note.className = own.length ? "note bad" : "note muted";
      if (own.length) input.closest("details")?.setAttribute("open", "");
    }
  }
}
