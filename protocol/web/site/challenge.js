// A validator's page: an evidence file from this machine becomes a challenge on the chain.
import { chargeOf, commitmentHash, readEvidence, ringSlot } from "./evidence.js";
import { byId, definitions, element, onClick, openPage, short, span, tell } from "./page.js";
import { readTasks } from "./tasks.js";
import { allowance, amountText, readToken } from "./token.js";

const EVERY_MILLISECONDS = 2000;
const state = { page: null, token: null, evidence: null, charge: null, sent: null };

async function take(file) {
  const { contracts, network } = state.page;
  state.evidence = await readEvidence(new Uint8Array(await file.arrayBuffer()), contracts);
  const { document } = state.evidence;
  if (document.chain_id !== network.chain_id || document.hub.toLowerCase() !== network.hub.toLowerCase()) {
    throw new Error(`the evidence is about hub ${document.hub} on chain ${document.chain_id}`);
  }
  state.charge = chargeOf(state.evidence, network);
  state.token = await readToken(state.page.chain, state.evidence.params.token);
  tell("");
  await show();
}

async function show() {
  if (!state.evidence) return;
  const { chain, network, wallet } = state.page;
  const { document, params, commitment, digest, task } = state.evidence;
  const slot = ringSlot(commitment);
  const [{ time }, held] = await Promise.all([chain.block(), chain.read("hub", network.hub, "commitmentHash", [task, document.node, slot])]);
  const isThere = held === commitmentHash(commitment);
  const left = commitment.time + Number(params.challengeWindow) - time;
  const tokens = (amount) => amountText(amount, state.token);
  byId("case").hidden = false;
  definitions(byId("accusation"), [
    ["accused", element("span", { class: "hash" }, document.node)],
    ["commitment", `round ${commitment.round}, sequence ${commitment.sequence}, ${commitment.units} rollouts; ${isThere ? "on the chain" : "NOT on the chain"}`],
    ["found by", `${document.check} (${document.reason})${document.rollout < commitment.units ? `, rollout ${document.rollout}` : ""}`],
    ["observed", document.observed || "—"],
    ["allowed", document.allowed || "—"],
    ["can be challenged", left > 0 ? `for another ${span(left)}` : "no more: its window is over"],
    ["judge", state.charge?.name ?? "the task has none for this"],
    ["your bond", `${tokens(params.bond)}: back with a reward if the charge is upheld, lost to the accused if it is false`],
    ["file", element("span", { class: "hash" }, digest)],
  ]);
  // A second press would put down a second bond for one charge.
  const isSent = state.sent === digest;
  byId("submit").disabled = isSent || !(wallet && state.charge && isThere && left > 0);
  byId("submit-note").textContent = isSent ? "Submitted: the table below says what became of it." : wallet ? "" : "Connect a wallet to submit it.";
  await showDisputes(task, document.node);
}

async function showDisputes(task, node) {
  const { tasks } = await readTasks(state.page.chain);
  const found = tasks.find(({ id }) => id === task)?.disputes.filter((one) => one.node === node.toLowerCase()) ?? [];
  const heads = ["challenge", "commitment", "status", "transaction"];
  const rows = found.map((one) => [String(one.challengeId).slice(0, 10), one.sequence, one.status, short(one.transaction)]);
  const body = rows.length ? rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, String(cell))))) :
    [element("tr", {}, element("td", { colspan: heads.length, class: "muted" }, "nobody has challenged this node"))];
  byId("disputes").replaceChildren(
    element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))), element("tbody", {}, ...body));
}

async function submit() {
  const { chain, contracts, network, wallet } = state.page;
  const { evidence, charge, token } = state;
  const { params, commitment, document } = evidence;
  const before = await allowance(chain, wallet, token, params.bond, tell);
  const challenge = contracts.call("hub", "challenge", [params, document.node, commitment, charge.judge, charge.bytes]);
  tell(`Your wallet asks to challenge ${short(document.node)} with a bond of ${amountText(params.bond, token)}`);
  const data = before.length ? contracts.call("hub", "multicall", [[...before, challenge]]) : challenge;
  const receipt = await chain.send(wallet, network.hub, data);
  state.sent = evidence.digest;
  const told = receipt.logs.map((log) => contracts.event(log)).find((event) => event?.name === "Resolved");
  const outcome = told ? (told.guilty ? "The judge found it guilty" : "The judge found it not guilty") : "The judge has it now";
  tell(`${outcome}: transaction ${receipt.transactionHash}`, told && !told.guilty ? "bad" : "good");
  await show();
}

async function start() {
  state.page = await openPage(show);
  byId("file").addEventListener("change", async ({ target }) => {
    try {
      await take(target.files[0]);
    } catch (error) {
      byId("case").hidden = true;
      tell(error.message, "bad");
    }
  });
  onClick("submit", submit);
  setInterval(() => show().catch((error) => tell(error.message, "bad")), EVERY_MILLISECONDS);
}

start().catch((error) => tell(error.message ?? String(error), "bad"));
