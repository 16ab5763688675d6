// The contract ABI: values to bytes and back, by the parameters of a compiled contract's own description.
// Integers are BigInt, addresses and bytes hexadecimal text, tuples objects by the names of their components.
import { concat, fromHex, toHex, utf8 } from "./bytes.js";
import { keccak256 } from "./keccak.js";

const WORD = 32;

const element = (parameter) => {
  const found = /^(.*)\[([0-9]*)\]$/.exec(parameter.type);
  return found && { inner: { ...parameter, type: found[1] }, count: found[2] === "" ? null : Number(found[2]) };
};

function isDynamic(parameter) {
  const array = element(parameter);
  if (array) return array.count === null || isDynamic(array.inner);
  if (parameter.type === "tuple") return parameter.components.some(isDynamic);
  return parameter.type === "bytes" || parameter.type === "string";
}

function headBytes(parameter) {
  if (isDynamic(parameter)) return WORD;
  const array = element(parameter);
  if (array) return array.count * headBytes(array.inner);
  if (parameter.type === "tuple") return parameter.components.reduce((sum, one) => sum + headBytes(one), 0);
  return WORD;
}

function word(number) {
  const value = BigInt.asUintN(256, BigInt(number));
  return fromHex(value.toString(16).padStart(2 * WORD, "0"));
}

function integer(type, given) {
  const value = BigInt(given);
  const bits = BigInt(type.replace(/^u?int/, "") || 256);
  const [least, most] = type.startsWith("u") ? [0n, (1n << bits) - 1n] : [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n];
  if (value < least || value > most) throw new Error(`${value} is no ${type}`);
  return word(value);
}

function padded(bytes) {
  return concat(bytes, new Uint8Array((WORD - (bytes.length % WORD)) % WORD));
}

function encodeOne(parameter, value) {
  const array = element(parameter);
  if (array) {
    if (array.count !== null && value.length !== array.count) throw new Error(`${parameter.name}: ${array.count} expected`);
    const items = encode(Array(value.length).fill(array.inner), value);
    return array.count === null ? concat(word(value.length), items) : items;
  }
  const { type } = parameter;
  if (type === "tuple") return encode(parameter.components, parameter.components.map((one) => value[one.name]));
  if (type === "bool") return word(value ? 1 : 0);
  if (type === "address") {
    if (!/^0x[0-9a-fA-F]{40}$/.test(value)) throw new Error(`${value} is not an address`);
    return word(value);
  }
  if (/^u?int/.test(type)) return integer(type, value);
  const bytes = type === "string" ? utf8(value) : fromHex(value);
  if (type === "bytes" || type === "string") return concat(word(bytes.length), padded(bytes));
  if (bytes.length !== Number(type.slice("bytes".length))) throw new Error(`${parameter.name} is not a ${type}`);
  return padded(bytes);
}

export function encode(parameters, values) {
  let place = parameters.reduce((sum, one) => sum + headBytes(one), 0);
  const [heads, tails] = [[], []];
  parameters.forEach((parameter, index) => {
    const bytes = encodeOne(parameter, values[index]);
    if (!isDynamic(parameter)) {
      heads.push(bytes);
      return;
    }
    heads.push(word(place));
    tails.push(bytes);
    place += bytes.length;
  });
  return concat(...heads, ...tails);
}

function number(bytes, place) {
  if (place + WORD > bytes.length) throw new Error("the answer is too short");
  return BigInt(toHex(bytes.subarray(place, place + WORD)));
}

function decodeOne(parameter, bytes, place) {
  const array = element(parameter);
  if (array) {
    const count = array.count === null ? Number(number(bytes, place)) : array.count;
    if (count > bytes.length) throw new Error("the answer is too short");
    const items = bytes.subarray(array.count === null ? place + WORD : place);
    return decodeAll(Array(count).fill(array.inner), items);
  }
  const { type } = parameter;
  if (type === "tuple") {
    const parts = decodeAll(parameter.components, bytes.subarray(place));
    return Object.fromEntries(parameter.components.map((one, index) => [one.name, parts[index]]));
  }
  const value = number(bytes, place);
  if (type === "bool") return value !== 0n;
  if (type === "address") return toHex(bytes.subarray(place + 12, place + WORD));
  if (type.startsWith("uint")) return value;
  if (type.startsWith("int")) return BigInt.asIntN(256, value);
  if (type === "bytes" || type === "string") {
    const content = bytes.subarray(place + WORD, place + WORD + Number(value));
    return type === "string" ? new TextDecoder().decode(content) : toHex(content);
  }
  return toHex(bytes.subarray(place, place + Number(type.slice("bytes".length))));
}

function decodeAll(parameters, bytes) {
  let place = 0;
  return parameters.map((parameter) => {
    const at = isDynamic(parameter) ? Number(number(bytes, place)) : place;
    place += headBytes(parameter);
    return decodeOne(parameter, bytes, at);
  });
}

export function decode(parameters, bytes) {
  return decodeAll(parameters, bytes);
}

function typeOf(parameter) {
  const suffix = parameter.type.slice("tuple".length);
  return parameter.type.startsWith("tuple") ? `(${parameter.components.map(typeOf).join(",")})${suffix}` : parameter.type;
}

export const signature = (entry) => `${entry.name}(${entry.inputs.map(typeOf).join(",")})`;
export const topic = (entry) => toHex(keccak256(utf8(signature(entry))));
export const selector = (entry) => topic(entry).slice(0, 10);
