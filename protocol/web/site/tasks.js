// What the hub's events say of tasks: their progress, money and versions.

const ZERO = "0x" + "0".repeat(40);

export async function readTasks(chain) {
  const events = await chain.logs([]);
  const tasks = new Map();
  const endpoints = new Map();
  const disputes = new Map();
  for (const event of events) {
    const task = tasks.get(event.task);
    if (event.name === "TaskCreated") tasks.set(event.task, begun(event));
    else if (event.name === "EndpointSet") endpoints.set(event.account, event.endpoint);
    else if (event.name === "Challenged") disputes.set(event.challengeId, openDispute(task, event));
    else if (["Resolved", "Dismissed", "Mooted", "Expired"].includes(event.name)) {
      const dispute = disputes.get(event.challengeId);
      if (dispute) dispute.status = event.name === "Resolved" ? (event.guilty ? "guilty" : "not guilty") : event.name.toLowerCase();
    } else if (task) follow(task, event);
  }
  return { tasks: [...tasks.values()].reverse(), endpoints };
}

function begun({ task, creator, params, units, transaction }) {
  return {
    id: task, creator, params, units, transaction, members: new Map(), committed: 0n, paidUnits: 0n, paid: 0n, refunded: 0n,
    versions: [{ version: 0n, digest: params.genesisDigest, node: creator }], disputes: [],
  };
}

function openDispute(task, { challengeId, node, challenge, transaction }) {
  const dispute = { challengeId, node, sequence: challenge.sequence, judge: challenge.judge, deadline: challenge.deadline, status: "pending", transaction };
  task?.disputes.push(dispute);
  return dispute;
}

function follow(task, event) {
  const member = task.members.get(event.node);
  if (event.name === "BountyAdded") task.units = event.units;
  else if (event.name === "Joined") task.members.set(event.node, { node: event.node, commitments: 0, rollouts: 0n, paid: 0n, state: "member" });
  else if (event.name === "Committed") {
    task.committed += event.units;
    member.commitments += 1;
    member.rollouts += event.units;
  } else if (event.name === "CheckpointPosted") {
    task.versions.push({ version: event.version, digest: event.digest, node: event.node });
  } else if (event.name === "Claimed") {
    task.paidUnits += event.units;
    task.paid += event.amount;
    member.paid += event.amount;
  } else if (event.name === "Slashed") member.state = "slashed";
  else if (event.name === "Exited") member.state = member.state === "slashed" ? "slashed" : "left";
  else if (event.name === "Refunded") task.refunded += event.amount;
}

// The newest version whose poster still answers for it.
export function newestVersion({ versions, members }) {
  const standing = versions.filter(({ node }) => members.get(node)?.state !== "slashed");
  return standing.reduce((newest, one) => (one.version >= newest.version ? one : newest));
}

export function timesOf({ params }) {
  const end = params.start + params.rounds * params.roundSeconds;
  return { start: params.start, end, refundable: end + params.challengeWindow + params.disputeSeconds + params.exitMargin };
}

export function roundOf(task, now) {
  const { start, end } = timesOf(task);
  if (BigInt(now) < start) return "not begun";
  return BigInt(now) >= end ? "over" : `${(BigInt(now) - start) / task.params.roundSeconds} of ${task.params.rounds}`;
}

// Contracts a task trusts that this page knows by name.
export function pinnedNames(network, params) {
  const { objective_judge: objective, jury_judge: jury, data_judge: data, canonical_judge: canonical } = network;
  const names = new Map([[objective, "objective"], [jury, "jury (honest majority)"], [data, "data"], [canonical, "canonical"]]
    .map(([address, name]) => [address.toLowerCase(), name]));
  return params.judges.filter(({ code }) => code !== ZERO).map(({ code }) => names.get(code) ?? code);
}
