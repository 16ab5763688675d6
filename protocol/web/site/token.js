// A token's numbers, and how the hub is allowed to take some: one signature where the token knows EIP-2612, else an
// approval.
import { encode } from "./abi.js";
import { fromHex, toHex, utf8 } from "./bytes.js";
import { keccak256 } from "./keccak.js";

const PERMIT_SECONDS = 3600;
const DOMAIN = [
  { name: "name", type: "string" }, { name: "version", type: "string" },
  { name: "chainId", type: "uint256" }, { name: "verifyingContract", type: "address" },
];
const PERMIT = [
  { name: "owner", type: "address" }, { name: "spender", type: "address" }, { name: "value", type: "uint256" },
  { name: "nonce", type: "uint256" }, { name: "deadline", type: "uint256" },
];

export async function readToken(chain, address) {
  const [decimals, symbol] = await Promise.all([chain.read("token", address, "decimals"), chain.read("token", address, "symbol")]);
  return { address, decimals: Number(decimals), symbol };
}

export function amountText(amount, token) {
  const unit = 10n ** BigInt(token.decimals);
  const rest = token.decimals ? (amount % unit).toString().padStart(token.decimals, "0").replace(/0+$/, "") : "";
  return `${(amount / unit).toLocaleString("en")}${rest ? "." + rest : ""} ${token.symbol}`;
}

function separator(domain) {
  const type = `EIP712Domain(${DOMAIN.map(({ name, type: kind }) => `${kind} ${name}`).join(",")})`;
  const hash = (text) => toHex(keccak256(utf8(text)));
  const kinds = ["bytes32", "bytes32", "bytes32", "uint256", "address"].map((kind) => ({ type: kind }));
  const values = [hash(type), hash(domain.name), hash(domain.version), domain.chainId, domain.verifyingContract];
  return toHex(keccak256(encode(kinds, values)));
}

// The token's EIP-712 domain, found by its own separator; null for a token without permits.
async function permitDomain(chain, token) {
  try {
    const [name, expected] = await Promise.all([
      chain.read("token", token.address, "name"), chain.read("token", token.address, "DOMAIN_SEPARATOR"),
    ]);
    const candidates = ["1", "2"].map((version) =>
      ({ name, version, chainId: chain.network.chain_id, verifyingContract: token.address }));
    return candidates.find((domain) => separator(domain) === expected) ?? null;
  } catch {
    return null;
  }
}

export async function canPermit(chain, token) {
  return (await permitDomain(chain, token)) !== null;
}

// Calls to put before the one that takes `amount`, in the same transaction. A token without permits, or a wallet that
// does not sign typed data, costs a transaction of its own here.
export async function allowance(chain, wallet, token, amount, tell) {
  const hub = chain.network.hub;
  if ((await chain.read("token", token.address, "allowance", [wallet.account, hub])) >= amount) return [];
  const domain = await permitDomain(chain, token);
  if (domain === null) {
    tell("Your wallet asks to approve the bounty");
    await chain.send(wallet, token.address, chain.contracts.call("token", "approve", [hub, amount]));
    return [];
  }
  tell("Your wallet asks to sign a permit; it costs nothing");
  const deadline = (await chain.block()).time + PERMIT_SECONDS;
  const nonce = await chain.read("token", token.address, "nonces", [wallet.account]);
  const message = { owner: wallet.account, spender: hub, value: String(amount), nonce: String(nonce), deadline: String(deadline) };
  const typed = { types: { EIP712Domain: DOMAIN, Permit: PERMIT }, primaryType: "Permit", domain, message };
  let signed;
  try {
    signed = await wallet.provider.request({ method: "eth_signTypedData_v4", params: [wallet.account, JSON.stringify(typed)] });
  } catch (error) {
    throw chain.refusal(error);
  }
  const bytes = fromHex(signed);
  const [r, s, v] = [toHex(bytes.subarray(0, 32)), toHex(bytes.subarray(32, 64)), bytes[64] < 27 ? bytes[64] + 27 : bytes[64]];
  return [chain.contracts.call("hub", "permit", [token.address, amount, deadline, v, r, s])];
}
