// The creator's page: a plan to a funded task, its progress, its weights, and what was not earned back home.
import { fromHex, toHex } from "./bytes.js";
import { dataUrl, fetchCheckpoint, saveFile } from "./checkpoint.js";
import { PlanForm, wordsOf } from "./form.js";
import { keccak256 } from "./keccak.js";
import { byId, definitions, element, onClick, openPage, short, span, tell } from "./page.js";
import { checkPlan, paramsOf, priceOf, specBytes, specDigest } from "./plan.js";
import { newestVersion, pinnedNames, readTasks, roundOf, timesOf } from "./tasks.js";
import { allowance, amountText, canPermit, readToken } from "./token.js";
import { parseToml, writeToml } from "./toml.js";

const EVERY_MILLISECONDS = 2000;
const state = { page: null, schema: null, form: null, token: null, plan: null, tasks: [], endpoints: new Map(), shown: null, now: 0, gasPrice: null };

const textOf = async (name) => (await fetch(name)).text();

function problems(found) {
  byId("problems").replaceChildren(...found.map(({ key, text }) => element("li", {}, element("code", {}, key || "plan"), ` ${text}`)));
  byId("problems-none").hidden = found.length > 0;
  state.form?.mark(found);
}

function take(values) {
  const { plan, problems: found } = checkPlan(state.schema, values);
  state.plan = plan;
  problems(found);
  showPrice();
}

function fromText() {
  try {
    const values = parseToml(byId("toml").value);
    state.form.show(values);
    take(values);
  } catch (error) {
    state.plan = null;
    problems([{ key: "", text: error.message }]);
    showPrice();
  }
}

function fromForm(values) {
  byId("toml").value = writeToml(values);
  take(values);
}

function showPrice() {
  byId("create").disabled = !(state.plan && state.page?.wallet);
  if (!state.plan || !state.token) {
    definitions(byId("price"), []);
    return;
  }
  const price = priceOf(state.schema, state.plan);
  const tokens = (amount) => amountText(amount, state.token);
  const coins = state.gasPrice === null ? "" : `, about ${(Number(price.creator_gas * state.gasPrice) / 1e18).toFixed(6)} of the chain's coin now`;
  definitions(byId("price"), [
    ["bounty", `${tokens(price.bounty)} for ${price.units.toLocaleString("en")} rollouts; what is not earned comes back`],
    ["nodes", `${price.nodes} from the first round to the last, ${price.units_of_a_node.toLocaleString("en")} rollouts each`],
    ["a node earns", `${tokens(price.pay_of_a_node)}, and stakes ${tokens(price.stake)}`],
    ["a challenge", `costs a bond of ${tokens(price.bond)}, lost if it is false`],
    ["work lasts", `${span(price.work_seconds)}; all money can be home ${span(price.settled_seconds)} after it`],
    ["fee", "none: the hub takes nothing"],
    ["gas", `about ${price.creator_gas.toLocaleString("en")} for approve, create, refund, withdraw${coins}`],
  ]);
}

async function walletChanged(page) {
  const { account } = page.wallet;
  const [tokens, coins] = await Promise.all([
    page.chain.read("token", page.network.token, "balanceOf", [account]), page.chain.request("eth_getBalance", [account, "latest"]),
  ]);
  byId("balance").textContent = `${amountText(tokens, state.token)}, ${(Number(coins) / 1e18).toFixed(4)} of the chain's coin`;
  byId("way").textContent = (await canPermit(page.chain, state.token))
    ? "One signature and one transaction: the token takes permits."
    : "Two transactions: an approval of exactly the bounty, then the task.";
  showPrice();
  await refresh();
}

// --- create

async function pinned(address) {
  const code = await state.page.chain.request("eth_getCode", [address, "latest"]);
  if (code === "0x") throw new Error(`there is no contract at ${address}`);
  return { code: address, codeHash: toHex(keccak256(fromHex(code))) };
}

// The process on this machine serves the document to nodes and says which judges can settle such a task; a page from
// elsewhere cannot, and leaves out the one whose terms it would have to compare.
async function publishSpec(plan) {
  const { network } = state.page;
  if (!network.local) return [network.objective_judge, network.jury_judge, network.data_judge];
  const headers = { "content-type": "application/json", "x-cupel": "publish" };
  const answer = await fetch(`spec?dispute_seconds=${plan.terms.dispute_seconds}`, { method: "PUT", headers, body: specBytes(state.schema, plan) });
  const told = await answer.json();
  if (!answer.ok) throw new Error(`the process on this machine refuses the plan: ${told.error}`);
  return told.judges;
}

async function paramsNow(plan, judges) {
  const { network, chain, wallet } = state.page;
  const environment = state.schema.environments.find(({ id }) => id === plan.spec.environment.id);
  const [now, digest, rule, ...trusted] = await Promise.all([
    chain.block(), specDigest(state.schema, plan), environment?.has_reward_rule ? pinned(network.sorting_reward) : null, ...judges.map(pinned),
  ]);
  const genesisDigest = byId("genesis").value.trim();
  if (!/^0x[0-9a-f]{64}$/.test(genesisDigest)) throw new Error("the digest of the initial weights is 0x and 64 hex digits");
  const start = now.time + Number(byId("start-in").value);
  return paramsOf(plan, { creator: wallet.account, token: network.token, specDigest: digest, genesisDigest, start, rewardRule: rule, judges: trusted });
}

async function create() {
  const { chain, contracts, network, wallet } = state.page;
  const { plan, token } = state;
  const price = priceOf(state.schema, plan);
  const judges = await publishSpec(plan);
  const before = await allowance(chain, wallet, token, price.bounty, tell);
  const params = await paramsNow(plan, judges);
  const endpoint = byId("endpoint").value.trim();
  const calls = [...before];
  if (endpoint) calls.push(contracts.call("hub", "setEndpoint", [endpoint]));
  calls.push(contracts.call("hub", "createTask", [params, price.units]));
  tell(`Your wallet asks to create the task and to escrow ${amountText(price.bounty, token)}`);
  const data = calls.length > 1 ? contracts.call("hub", "multicall", [calls]) : calls[0];
  const receipt = await chain.send(wallet, network.hub, data);
  state.shown = toHex(keccak256(contracts.taskPreimage(network.chain_id, network.hub, params)));
  tell(`Funded in transaction ${receipt.transactionHash}`, "good");
  await walletChanged(state.page);
}

// --- watch

async function refresh() {
  const { chain } = state.page;
  const [{ time }, found, gasPrice] = await Promise.all([chain.block(), readTasks(chain), chain.request("eth_gasPrice")]);
  Object.assign(state, { now: time, ...found, gasPrice: BigInt(gasPrice) });
  const ids = state.tasks.map(({ id }) => id);
  if (!ids.includes(state.shown)) state.shown = ids[0] ?? null;
  const select = byId("tasks");
  if ([...select.options].map(({ value }) => value).join() !== ids.join()) {
    select.replaceChildren(...ids.map((id) => element("option", { value: id }, short(id))));
  }
  select.value = state.shown ?? "";
  byId("watch").hidden = !state.shown;
  byId("watch-none").hidden = Boolean(state.shown);
  if (state.shown) await showTask(state.tasks.find(({ id }) => id === state.shown));
}

async function showTask(task) {
  const { network, chain, wallet } = state.page;
  const { start, refundable } = timesOf(task);
  const tokens = (amount) => amountText(amount, state.token);
  const mine = wallet?.account.toLowerCase() === task.creator;
  const owed = mine ? await chain.read("hub", network.hub, "credit", [network.token, wallet.account]) : 0n;
  const { reserved, units } = await chain.read("hub", network.hub, "taskOf", [task.id]);
  const round = roundOf(task, state.now);
  const spent = Number(task.paidUnits) / Math.max(1, Number(task.units));
  byId("spent").value = spent;
  definitions(byId("figures"), [
    ["round", round === "not begun" ? `begins in ${span(Number(start) - state.now)}` : round],
    ["nodes", String([...task.members.values()].filter(({ state: one }) => one === "member").length)],
    ["rollouts committed", task.committed.toLocaleString("en")],
    ["paid to nodes", tokens(task.paid)],
    ["free in escrow", tokens((units - reserved) * task.params.rate)],
    ["newest version", String(newestVersion(task).version)],
    ["challenges", `${task.disputes.filter(({ status }) => status === "pending").length} open of ${task.disputes.length}`],
    ["refund", refundable > state.now ? `in ${span(Number(refundable) - state.now)}` : task.refunded ? `${tokens(task.refunded)} came back` : "possible now"],
  ]);
  byId("task-id").textContent = task.id;
  byId("judges").textContent = `Judges: ${pinnedNames(network, task.params).join(", ")}`;
  byId("refund").disabled = !mine || refundable > state.now || (units === reserved && owed === 0n);
  byId("refund-note").textContent = mine ? "" : "Only the creator's wallet can take the refund.";
  showMembers(task);
}

function showMembers(task) {
  const heads = ["node", "state", "commitments", "rollouts", "paid"];
  const rows = [...task.members.values()].map((one) => [short(one.node), one.state, one.commitments, one.rollouts.toLocaleString("en"), amountText(one.paid, state.token)]);
  const body = rows.length ? rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, String(cell))))) :
    [element("tr", {}, element("td", { colspan: heads.length, class: "muted" }, "nobody has joined yet"))];
  byId("members").replaceChildren(
    element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))), element("tbody", {}, ...body));
}

async function refund() {
  const { chain, contracts, network, wallet } = state.page;
  const task = state.tasks.find(({ id }) => id === state.shown);
  const { reserved, units } = await chain.read("hub", network.hub, "taskOf", [task.id]);
  const calls = units > reserved ? [contracts.call("hub", "refund", [task.params])] : [];
  calls.push(contracts.call("hub", "withdraw", [task.params.token, wallet.account]));
  tell("Your wallet asks to take back what was not earned");
  const receipt = await chain.send(wallet, network.hub, contracts.call("hub", "multicall", [calls]));
  tell(`Refunded in transaction ${receipt.transactionHash}`, "good");
  await walletChanged(state.page);
}

async function download() {
  const task = state.tasks.find(({ id }) => id === state.shown);
  const newest = newestVersion(task);
  tell(`Looking for version ${newest.version}`);
  const urls = [...new Set([...state.endpoints.values()].map(dataUrl).filter(Boolean))];
  const file = await fetchCheckpoint(newest.digest, urls);
  saveFile(file, `version-${newest.version}.safetensors`);
  tell(`Version ${newest.version}: ${file.length.toLocaleString("en")} bytes, as the chain has its digest`, "good");
}

async function start() {
  const [schema, template] = await Promise.all([fetch("plan.json").then((answer) => answer.json()), textOf("template.toml")]);
  state.schema = schema;
  state.form = new PlanForm(byId("form"), schema, wordsOf(template), fromForm);
  byId("toml").value = template;
  byId("toml").addEventListener("input", fromText);
  byId("open").addEventListener("change", async (event) => {
    byId("toml").value = await event.target.files[0].text();
    fromText();
  });
  onClick("save", async () => saveFile(byId("toml").value, "task.toml"));
  fromText();
  state.page = await openPage(walletChanged);
  const { local } = state.page.network;
  byId("genesis").value = local?.genesis_digest ?? "";
  byId("endpoint").value = local?.endpoint ?? "";
  if (local?.plan) byId("toml").value = local.plan;
  byId("served").textContent = local ? "The process that shows this page serves plan and weights: keep it running." : "Nobody serves them yet: run `cupel task page --genesis FILE` on a machine that nodes reach.";
  state.token = await readToken(state.page.chain, state.page.network.token);
  state.form.tokens = (amount) => amountText(amount, state.token);
  fromText();
  byId("tasks").addEventListener("change", ({ target }) => { state.shown = target.value; refresh(); });
  onClick("create", create);
  onClick("refund", refund);
  onClick("download", download);
  await refresh();
  showPrice();
  setInterval(() => refresh().catch((error) => tell(error.message, "bad")), EVERY_MILLISECONDS);
}

start().catch((error) => tell(error.message ?? String(error), "bad"));
