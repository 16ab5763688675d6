// As much of TOML as a plan has: tables, strings on one line, whole numbers, true and false, arrays, inline tables.
// Integers become BigInt. Anything else is an error that names its line.

class Reader {
  constructor(text) {
    [this.text, this.place] = [text, 0];
  }

  fail(problem) {
    const line = this.text.slice(0, this.place).split("\n").length;
    throw new Error(`line ${line}: ${problem}`);
  }

  get next() {
    return this.text[this.place];
  }

  skip(pattern) {
    pattern.lastIndex = this.place;
    const found = pattern.exec(this.text);
    if (found) this.place += found[0].length;
    return found && found[0];
  }

  blank(lines) {
    this.skip(lines ? /(?:[ \t\r\n]|#[^\n]*)*/y : /[ \t]*/y);
  }

  expect(character) {
    if (this.next !== character) this.fail(`${character} expected`);
    this.place += 1;
  }

  endOfLine() {
    this.blank(false);
    this.skip(/#[^\n]*/y);
    if (this.place < this.text.length && !this.skip(/\r?\n/y)) this.fail("one key to a line");
  }

  key() {
    const path = [];
    do {
      this.blank(false);
      const bare = this.skip(/[A-Za-z0-9_-]+/y);
      if (bare === null && this.next !== '"' && this.next !== "'") this.fail("a key expected");
      path.push(bare ?? this.string());
      this.blank(false);
    } while (this.skip(/\./y));
    return path;
  }

  string() {
    if (this.text.startsWith('"""', this.place) || this.text.startsWith("'''", this.place)) this.fail("strings have one line");
    const literal = this.skip(/'[^'\n]*'/y);
    if (literal !== null) return literal.slice(1, -1);
    const quoted = this.skip(/"(?:[^"\\\n]|\\(?:["\\bfnrt]|u[0-9a-fA-F]{4}))*"/y);
    if (quoted === null) this.fail("a string that does not end, or an escape that is not known");
    return JSON.parse(quoted.replaceAll("\t", "\\t"));
  }

  value() {
    if (this.next === '"' || this.next === "'") return this.string();
    if (this.next === "[") return this.array();
    if (this.next === "{") return this.inline();
    const text = this.skip(/[A-Za-z0-9_+.:-]+/y) ?? this.fail("a value expected");
    if (text === "true" || text === "false") return text === "true";
    if (/^[+-]?(?:0|[1-9](?:_?[0-9])*)$/.test(text)) return BigInt(text.replace(/[_+]/g, ""));
    if (/^0x[0-9a-fA-F](?:_?[0-9a-fA-F])*$/.test(text)) return BigInt(text.replaceAll("_", ""));
    return this.fail(`${text} is neither a whole number, a string, true nor false`);
  }

  array() {
    const items = [];
    this.expect("[");
    for (this.blank(true); this.next !== "]"; this.blank(true)) {
      items.push(this.value());
      this.blank(true);
      if (this.next !== "]") this.expect(",");
    }
    this.expect("]");
    return items;
  }

  inline() {
    const table = Object.create(null);
    this.expect("{");
    this.blank(false);
    while (this.next !== "}") {
      this.pair(table);
      this.blank(false);
      if (this.next === "}") break;
      this.expect(",");
      this.blank(false);
    }
    this.expect("}");
    return table;
  }

  pair(table) {
    const path = this.key();
    this.expect("=");
    this.blank(false);
    const holder = this.table(table, path.slice(0, -1));
    const name = path.at(-1);
    if (Object.hasOwn(holder, name)) this.fail(`${path.join(".")} is given twice`);
    holder[name] = this.value();
  }

  table(root, path) {
    return path.reduce((table, name) => {
      if (!Object.hasOwn(table, name)) table[name] = Object.create(null);
      const inner = table[name];
      if (typeof inner !== "object" || Array.isArray(inner)) this.fail(`${name} is no table`);
      return inner;
    }, root);
  }
}

export function parseToml(text) {
  const reader = new Reader(text);
  const [root, opened] = [Object.create(null), new Set()];
  let table = root;
  for (reader.blank(true); reader.place < text.length; reader.blank(true)) {
    if (reader.next === "[") {
      reader.expect("[");
      if (reader.next === "[") reader.fail("a plan has no arrays of tables");
      const path = reader.key();
      reader.expect("]");
      if (opened.has(path.join("."))) reader.fail(`[${path.join(".")}] is there twice`);
      opened.add(path.join("."));
      table = reader.table(root, path);
    } else {
      reader.pair(table);
    }
    reader.endOfLine();
  }
  return root;
}

const written = (value) => (typeof value === "string" ? JSON.stringify(value).replaceAll("\u007f", "\\u007f") : String(value));

// A plan as TOML again: values first, then tables; `undefined` is left out.
export function writeToml(table, path = []) {
  const entries = Object.entries(table).filter(([, value]) => value !== undefined);
  const plain = entries.filter(([, value]) => typeof value !== "object");
  const inner = entries.filter(([, value]) => typeof value === "object");
  const head = path.length && plain.length ? [`[${path.join(".")}]`] : [];
  const lines = [...head, ...plain.map(([name, value]) => `${name} = ${written(value)}`)];
  const own = lines.length ? lines.join("\n") + "\n" : "";
  return [own, ...inner.map(([name, value]) => writeToml(value, [...path, name]))].filter(Boolean).join("\n");
}
