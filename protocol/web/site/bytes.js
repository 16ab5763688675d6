// Bytes, hexadecimal text and digests. Hashes are hexadecimal with 0x, as JSON-RPC has them.

export const fromHex = (text) => {
  const digits = text.startsWith("0x") ? text.slice(2) : text;
  if (digits.length % 2 || /[^0-9a-fA-F]/.test(digits)) throw new Error(`${text.slice(0, 20)} is not hexadecimal`);
  return Uint8Array.from({ length: digits.length / 2 }, (_, place) => parseInt(digits.slice(2 * place, 2 * place + 2), 16));
};

export const toHex = (bytes) => "0x" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

export const utf8 = (text) => new TextEncoder().encode(text);

export async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

// A CIDv1 over SHA-256 in base32, as spec/shardcast/cid.py writes it: the address of a raw block by its digest.
export function rawCid(digest) {
  const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  let [text, bits, held] = ["b", 0, 0];
  for (const byte of concat(Uint8Array.of(1, 0x55, 0x12, 32), digest)) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(held >> bits) & 31];
    }
  }
  return bits ? text + alphabet[(held << (5 - bits)) & 31] : text;
}
