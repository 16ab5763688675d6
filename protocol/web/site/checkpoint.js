// Fetching a version's weights from whoever serves them, and holding them to the digest on the chain.
import { concat, fromHex, rawCid, sha256, toHex } from "./bytes.js";
import { keccak256 } from "./keccak.js";

const PIECE_BYTES = 2048;
const HEAD_BYTES = 40;

// The block server in an endpoint as the chain has it: /ip4/…/tcp/…/p2p/…,/ip4/HOST/tcp/PORT/http
export function dataUrl(endpoint) {
  const found = /,\/ip4\/([0-9.]{7,15})\/tcp\/([0-9]{1,5})\/http$/.exec(endpoint);
  return found && `http://${found[1]}:${found[2]}`;
}

// Root over a file's pieces, as protocol/spec/pieces.py has it.
export async function piecesRoot(file) {
  let level = [];
  for (let start = 0; start < file.length; start += PIECE_BYTES) level.push(await sha256(file.subarray(start, start + PIECE_BYTES)));
  let width = 1;
  while (width < level.length) width *= 2;
  while (level.length < width) level.push(new Uint8Array(32));
  const parent = (left, right) => keccak256(concat(Uint8Array.of(1), left, right));
  while (level.length > 1) level = Array.from({ length: level.length / 2 }, (_, place) => parent(level[2 * place], level[2 * place + 1]));
  return level[0];
}

async function bytesAt(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

// The manifest that has this digest.
async function manifestFrom(url, digest) {
  const manifest = await bytesAt(`${url}/ipfs/${rawCid(fromHex(digest))}?format=raw`);
  if (toHex(await sha256(manifest)) !== digest) throw new Error("the manifest is another one");
  return manifest;
}

async function checkpointFrom(url, manifest) {
  const { file } = JSON.parse(new TextDecoder().decode(manifest.subarray(HEAD_BYTES)));
  const bytes = await bytesAt(`${url}/ipfs/${file.cid}`);
  if (toHex(await piecesRoot(bytes)) !== toHex(manifest.subarray(0, 32))) throw new Error("the file is another one");
  return bytes;
}

// The checkpoint file of a version by the digest of its manifest, from the first of these addresses that has it.
export async function fetchCheckpoint(digest, urls) {
  const problems = [];
  for (const url of urls) {
    try {
      return await checkpointFrom(url, await manifestFrom(url, digest));
    } catch (error) {
      problems.push(`${url}: ${error.message}`);
    }
  }
  throw new Error(`nobody serves this version (${problems.join("; ") || "nobody has announced an address"})`);
}

export function saveFile(bytes, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
