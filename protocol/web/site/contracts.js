// The hub and any token by the generated contracts.json: calls to bytes, answers, events and errors to values.
import { decode, encode, selector, signature, topic } from "./abi.js";
import { concat, fromHex, toHex } from "./bytes.js";

export class Refused extends Error {}

export class Contracts {
  constructor(described) {
    this.functions = {};
    for (const part of ["hub", "token"]) {
      const entries = described[part].filter((entry) => entry.type === "function");
      this.functions[part] = new Map(entries.map((entry) => [entry.name, entry]));
    }
    this.events = new Map(described.hub.filter((entry) => entry.type === "event").map((entry) => [topic(entry), entry]));
    this.errors = new Map(described.errors.map((entry) => [selector(entry), entry]));
  }

  static async load() {
    const answer = await fetch("contracts.json");
    if (!answer.ok) throw new Error("contracts.json is missing beside this page");
    return new Contracts(await answer.json());
  }

  call(part, name, values) {
    const entry = this.functions[part].get(name);
    return toHex(concat(fromHex(selector(entry)), encode(entry.inputs, values)));
  }

  result(part, name, data) {
    const values = decode(this.functions[part].get(name).outputs, fromHex(data));
    return values.length === 1 ? values[0] : values;
  }

  paramsBytes(name, place, value) {
    return encode([this.functions.hub.get(name).inputs[place]], [value]);
  }

  // What the chain and a task's parameters hash to (protocol/spec/task.py).
  taskPreimage(chainId, hub, params) {
    const [parameter] = this.functions.hub.get("createTask").inputs;
    return encode([{ type: "uint256" }, { type: "address" }, parameter], [chainId, hub, params]);
  }

  decodeParams(bytes) {
    return decode([this.functions.hub.get("createTask").inputs[0]], bytes)[0];
  }

  topicOf(name) {
    return [...this.events].find(([, entry]) => entry.name === name)[0];
  }

  event(log) {
    const entry = this.events.get(log.topics[0]);
    if (!entry) return null;
    const [indexed, others] = [entry.inputs.filter((one) => one.indexed), entry.inputs.filter((one) => !one.indexed)];
    const told = indexed.map((one, place) => decode([one], fromHex(log.topics[place + 1]))[0]);
    const data = decode(others, fromHex(log.data));
    const values = [...indexed.map((one, place) => [one.name, told[place]]), ...others.map((one, place) => [one.name, data[place]])];
    return { name: entry.name, ...Object.fromEntries(values), transaction: log.transactionHash };
  }

  // A contract's own error in words: its name, and its values by their names.
  explain(data) {
    const entry = this.errors.get(data.slice(0, 10));
    if (!entry) return null;
    const values = decode(entry.inputs, fromHex(data.slice(10)));
    const told = entry.inputs.map((one, place) => {
      const value = one.type === "bytes32" ? readable(values[place]) : values[place];
      return `${one.name} ${value}`;
    });
    return `${entry.name.replace("_", ": ")}${told.length ? ` (${told.join(", ")})` : ""}`;
  }
}

// Solidity's short names are text in a bytes32; digests stay as they are.
function readable(word) {
  const bytes = fromHex(word);
  const length = bytes.findIndex((byte) => byte === 0);
  const text = new TextDecoder().decode(bytes.subarray(0, length));
  return length > 0 && /^[ -~]+$/.test(text) && bytes.subarray(length).every((byte) => byte === 0) ? text : word;
}

export { signature };
