// An evidence file (verifier/exhibit.py): what it says, whether it hangs together, and the bytes a judge asks for.
import { encode } from "./abi.js";
import { sha256, toHex } from "./bytes.js";
import { keccak256 } from "./keccak.js";

const KIND = "cupel.evidence.v1";
const NEEDED = ["document", "params", "spec", "beacon", "manifest"];
const RING = 64;
const JURY = [{ type: "uint32" }, { type: "string" }, { type: "bytes32" }];
const COMMITMENT = ["sequence", "round", "root", "manifest", "units", "time"];

// The byte arrays of a safetensors file by their names.
export function partsOf(file) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const length = file.length >= 8 ? Number(view.getBigUint64(0, true)) : NaN;
  if (!(8 + length <= file.length)) throw new Error("this is no evidence file");
  let header;
  try {
    header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  } catch {
    throw new Error("this is no evidence file");
  }
  const parts = {};
  for (const [name, told] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [start, end] = told.data_offsets;
    if (told.dtype !== "U8" || !(0 <= start && start <= end && 8 + length + end <= file.length)) throw new Error(`${name} is not an array of bytes`);
    parts[name] = file.subarray(8 + length + start, 8 + length + end);
  }
  const missing = NEEDED.filter((name) => !parts[name]);
  if (missing.length) throw new Error(`this is no evidence file: it lacks ${missing.join(", ")}`);
  return parts;
}

export async function readEvidence(file, contracts) {
  const parts = partsOf(file);
  const document = JSON.parse(new TextDecoder().decode(parts.document));
  if (document.kind !== KIND) throw new Error(`the file holds a ${document.kind}, not a ${KIND}`);
  const params = contracts.decodeParams(parts.params);
  const commitment = Object.fromEntries(COMMITMENT.map((name) => {
    const value = document.commitment[name];
    return [name, typeof value === "string" ? `0x${value}` : value];
  }));
  const preimage = contracts.taskPreimage(document.chain_id, document.hub, params);
  if (toHex(keccak256(preimage)) !== `0x${document.task}`) throw new Error("the file contradicts itself: its parameters are of another task");
  if (toHex(await sha256(parts.manifest)) !== commitment.manifest) throw new Error("the file contradicts itself: its manifest is not the committed one");
  return {
    document, params, commitment, task: `0x${document.task}`,
    digest: toHex(await sha256(file)),
    documentDigest: toHex(await sha256(parts.document)),
    objective: parts.objective ? toHex(parts.objective) : null,
  };
}

export function commitmentHash(commitment) {
  const types = ["uint256", "uint256", "bytes32", "bytes32", "uint256", "uint256"].map((type) => ({ type }));
  return toHex(keccak256(encode(types, COMMITMENT.map((name) => commitment[name]))));
}

export const ringSlot = ({ sequence }) => sequence % RING;

// The judge that needs the least trust, as a verifier chooses it (verifier/evidence.py), and what it is told.
export function chargeOf(evidence, network) {
  const trusted = (judge) => evidence.params.judges.some(({ code }) => code === judge.toLowerCase());
  if (evidence.objective && trusted(network.objective_judge)) {
    return { judge: network.objective_judge, name: "objective: the chain itself, in the same transaction", bytes: evidence.objective };
  }
  if (trusted(network.jury_judge)) {
    const { rollout, reason } = evidence.document;
    const bytes = toHex(encode(JURY, [rollout, reason, evidence.documentDigest]));
    return { judge: network.jury_judge, name: "jury: an HONEST MAJORITY of staked verifiers votes", bytes };
  }
  return null;
}
