// The page asks its own server every two seconds and writes what it says. No library, nothing from elsewhere.
"use strict";

const EVERY_MILLISECONDS = 2000;
const NUM_COLOURS = 6;
const shown = { task: null, node: null };
let token = sessionStorage.getItem("token") || "";

const byId = (id) => document.getElementById(id);

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function drawn(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

async function ask(path) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(path, { headers });
  if (answer.status === 401) throw new Error("token");
  const values = await answer.json();
  if (!answer.ok) throw new Error(values.error);
  return values;
}

const short = (hex) => (hex.length > 14 ? `${hex.slice(0, 8)}…${hex.slice(-4)}` : hex);
const number = (value) => Number(value).toLocaleString("en");

function tokens(amount) {
  // Tokens of 18 decimals; a page that guesses other decimals would mislead, so the unit is told.
  const whole = BigInt(amount);
  const unit = 10n ** 18n;
  const rest = (whole % unit).toString().padStart(18, "0").slice(0, 4).replace(/0+$/, "");
  return `${(whole / unit).toLocaleString("en")}${rest ? "." + rest : ""}`;
}

function span(seconds) {
  const left = Math.max(0, Math.round(seconds));
  if (left < 120) return `${left} s`;
  return left < 7200 ? `${Math.round(left / 60)} min` : `${(left / 3600).toFixed(1)} h`;
}

function date(time, now) {
  if (time === null) return "";
  const text = new Date(time * 1000).toLocaleString();
  return time > now ? `in ${span(time - now)} (${text})` : text;
}

function fill(table, heads, rows, empty) {
  const focused = document.activeElement && document.activeElement.dataset.key;
  const head = element("tr", {}, ...heads.map(([text, kind]) => element("th", { scope: "col", class: kind || "" }, text)));
  const body = rows.map((cells) =>
    element("tr", {}, ...cells.map((cell, place) => element("td", { class: heads[place][1] || "" }, cell))));
  const none = element("tr", {}, element("td", { colspan: heads.length, class: "muted" }, empty));
  table.replaceChildren(element("thead", {}, head), element("tbody", {}, ...(body.length ? body : [none])));
  // A table that is written again must not take the keyboard's place away.
  if (focused) table.querySelector(`[data-key="${focused}"]`)?.focus();
}

const STANDINGS = {
  paid: "good", claimable: "good", waiting: "waits", open: "waits", challenged: "bad", blocked: "waits",
  slashed: "bad", missed: "bad", void: "bad",
};

function standing(name) {
  return element("span", { class: STANDINGS[name] || "muted" }, name);
}

function colours(task) {
  return new Map(task.members.map((member, place) => [member.node, `c${(place % NUM_COLOURS) + 1}`]));
}

function chart(place, task, field, scale) {
  const points = task.points.filter((point) => point[field] !== null);
  if (!points.length) {
    place.replaceChildren(element("p", { class: "muted" }, "nothing yet"));
    return;
  }
  const [width, height, left, bottom, top] = [520, 220, 58, 26, 10];
  const values = points.map((point) => point[field] / 1e6);
  const least = Math.min(0, ...values);
  const most = Math.max(least + 1e-9, scale === null ? Math.max(...values) : Math.max(scale, ...values));
  const x = (round) => left + ((width - left - 12) * round) / Math.max(1, task.rounds - 1);
  const y = (value) => height - bottom - ((height - bottom - top) * (value - least)) / (most - least);
  const title = field === "reward_millionths" ? "Reward by round" : "Loss by round";
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title });
  for (const share of [0, 0.5, 1]) {
    const value = least + share * (most - least);
    svg.append(drawn("line", { class: "grid", x1: left, x2: width - 12, y1: y(value), y2: y(value) }));
    svg.append(drawn("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, value.toPrecision(2)));
  }
  for (const round of new Set([0, Math.floor((task.rounds - 1) / 2), task.rounds - 1])) {
    svg.append(drawn("text", { x: x(round), y: height - 6, "text-anchor": "middle" }, String(round)));
  }
  const legend = element("div", { class: "legend" });
  for (const [node, colour] of colours(task)) {
    const own = points.filter((point) => point.node === node).sort((one, other) => one.round - other.round);
    if (!own.length) continue;
    const places = own.map((point) => `${x(point.round)},${y(point[field] / 1e6)}`);
    svg.append(drawn("polyline", { class: `line ${colour}`, points: places.join(" ") }));
    const last = own[own.length - 1];
    svg.append(drawn("circle", { cx: x(last.round), cy: y(last[field] / 1e6), r: 3.5, class: `end ${colour}` }));
    const value = (last[field] / 1e6).toFixed(3);
    legend.append(element("span", {}, element("span", { class: `dot ${colour}` }), `${short(node)} ${value}`));
  }
  place.replaceChildren(svg, legend);
}

function clock(task) {
  const began = task.round_began;
  byId("clock").value = began === null ? (task.round === "over" ? 1 : 0) : (task.time - began) / task.round_seconds;
  if (began === null) {
    const text = task.round === "over" ? "All rounds are over" : `Round 0 begins in ${span(task.start - task.time)}`;
    byId("clock-text").textContent = text;
    return;
  }
  const open = task.commit_until > task.time;
  const until = open ? `commitments for another ${span(task.commit_until - task.time)}` : "commitments are closed";
  byId("clock-text").textContent = `${task.round} of ${task.rounds}; ${until}; it ends in ${span(began + task.round_seconds - task.time)}`;
}

// What became of a stake; null while it is on the hub.
const STAKED = { member: null, leaving: null, left: "home", slashed: "lost" };

function figures(task) {
  const total = task.members.reduce((sum, member) => sum + member.units, 0);
  const paid = Object.values(task.earned).reduce((sum, amount) => sum + BigInt(amount), 0n);
  const entries = [
    ["members", task.members.filter((member) => member.state === "member").length],
    ["slashed", task.members.filter((member) => member.state === "slashed").length],
    ["rollouts committed", number(total)],
    ["tokens paid", tokens(paid)],
    ["tokens at stake", tokens(BigInt(task.stake) * BigInt(task.members.filter((member) => STAKED[member.state] === null).length))],
    ["open challenges", task.open_challenges],
    ["newest version", task.versions.length ? task.versions[task.versions.length - 1].version : 0],
  ];
  byId("figures").replaceChildren(
    ...entries.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, String(value)))));
}

function members(task) {
  const marks = colours(task);
  const rows = task.members.map((member) => {
    const choose = element("button", { class: "link", type: "button", "data-key": member.node, title: member.node }, short(member.node));
    choose.addEventListener("click", () => { shown.node = member.node; refresh(); });
    const kind = { slashed: "bad", member: "good" }[member.state] || "muted";
    return [
      element("span", { class: "one-line" }, element("span", { class: `dot ${marks.get(member.node)}` }), choose),
      element("span", { class: kind }, member.state),
      number(member.commitments), number(member.units), number(member.units_paid),
      tokens(task.earned[member.node]), STAKED[member.state] ?? tokens(task.stake), String(member.open_challenges),
      element("span", { class: "hash" }, task.endpoints[member.node].split(",")[0].split("/p2p/")[0]),
    ];
  });
  const heads = [["node"], ["state"], ["commitments", "n"], ["rollouts", "n"], ["paid", "n"], ["tokens", "n"], ["stake", "n"], ["challenges", "n"], ["address"]];
  fill(byId("members"), heads, rows, "nobody has joined yet");
}

function challenges(task) {
  // What somebody waits for goes first, and then the newest.
  const open = (one) => Number(one.status === "pending");
  const rows = task.challenges.toSorted((one, other) => open(other) - open(one)).map((one) => [
    element("span", { class: one.status === "pending" ? "waits" : one.status === "guilty" ? "bad" : "muted" }, one.status.replaceAll("_", " ")),
    one.accusation, one.judge,
    element("span", { class: "hash", title: one.node }, short(one.node)), String(one.sequence),
    element("span", { class: "hash", title: one.challenger }, short(one.challenger)),
    one.status === "pending" ? date(one.decided_by, task.time) : date(one.time, task.time),
  ]);
  const heads = [["status"], ["accusation"], ["judge"], ["accused"], ["commitment", "n"], ["challenger"], ["until, or opened"]];
  fill(byId("challenges"), heads, rows, "none so far");
}

function versions(task) {
  const rows = task.versions.toReversed().map((one) => [
    String(one.version), element("span", { class: "hash", title: one.digest }, short(one.digest)),
    element("span", { class: "hash", title: one.node }, short(one.node)), date(one.time, task.time),
  ]);
  fill(byId("versions"), [["version", "n"], ["digest"], ["posted by"], ["when"]], rows, "only the initial weights so far");
}

function why(answer) {
  byId("why-section").hidden = false;
  byId("why-node").textContent = answer.node;
  const rows = answer.rounds.map((one) => {
    const told = [one.text, ...one.contests.map((c) => `${c.status}: ${c.accusation} (${c.judge})`)].join("; ");
    const transaction = one.paid_in || one.committed_in || "";
    return [
      String(one.round), standing(one.standing), one.units ? number(one.units) : "", told,
      date(one.next_date, answer.time), element("span", { class: "hash", title: transaction }, short(transaction)),
    ];
  });
  const heads = [["round", "n"], ["standing"], ["rollouts", "n"], ["why"], ["until"], ["transaction"]];
  fill(byId("why"), heads, rows, "no round has begun");
}

const STATES = { answers: "good", silent: "bad", outbound: "waits", unknown: "muted", unusable: "bad" };
const STATE_TEXTS = {
  answers: "answers", silent: "does not answer", outbound: "asks others only", unknown: "not looked at yet", unusable: "no usable address",
};

function map(peers) {
  // A wheel: this page in the middle, everybody around it in the order of the table.
  const [size, middle, radius] = [340, 170, 128];
  const svg = drawn("svg", { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": "Map of peers; the table beside it says the same" });
  peers.forEach((peer, place) => {
    const angle = (2 * Math.PI * place) / peers.length - Math.PI / 2;
    const [x, y] = [middle + radius * Math.cos(angle), middle + radius * Math.sin(angle)];
    svg.append(drawn("line", { class: `wire ${peer.state}`, x1: middle, y1: middle, x2: x, y2: y }));
    svg.append(drawn("circle", { class: `peer ${STATES[peer.state]}`, cx: x, cy: y, r: peer.role === "creator" ? 9 : 7 }));
    if (peers.length <= 24) {
      const below = Math.sin(angle) > -0.3;
      svg.append(drawn("text", { x, y: y + (below ? 24 : -14), "text-anchor": "middle" }, peer.account.slice(0, 8)));
    }
  });
  svg.append(drawn("circle", { class: "here", cx: middle, cy: middle, r: 10 }));
  svg.append(drawn("text", { x: middle, y: middle + 28, "text-anchor": "middle" }, "here"));
  byId("map").replaceChildren(peers.length ? svg : element("p", { class: "muted" }, "nobody yet"));
}

function peers(found) {
  byId("peers-section").hidden = false;
  map(found.peers);
  const rows = found.peers.map((peer) => [
    element("span", { class: "hash", title: peer.account }, short(peer.account)),
    peer.slashed ? element("span", { class: "bad" }, "slashed") : peer.role,
    element("span", { class: STATES[peer.state] }, STATE_TEXTS[peer.state]),
    peer.milliseconds === null ? "" : `${peer.milliseconds} ms`,
    element("span", { class: "hash" }, peer.address),
  ]);
  fill(byId("peers"), [["account"], ["role"], ["state"], ["time", "n"], ["address"]], rows, "nobody has announced an address yet");
}

function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let place = 0;
  while (count >= 1000 && place < units.length - 1) { count /= 1000; place += 1; }
  return `${count.toFixed(place ? 1 : 0)} ${units[place]}`;
}

const MONEY = ["transaction", "joined", "claimed", "withdrawn", "exited", "slashed", "low_balance", "committed"];

function moving(transfers) {
  const now = Date.now();
  byId("moving-section").hidden = transfers === null;
  if (transfers === null) return;
  const old = now - transfers.time > 10000;
  byId("moving-text").textContent = old
    ? `The process does not run: it last wrote ${new Date(transfers.time).toLocaleString()}`
    : `${bytes(transfers.bytes_in)} in, ${bytes(transfers.bytes_out)} out; ${transfers.downloads} requests of ours and ${transfers.uploads} of others; ${transfers.connected_peers} peers`;
  const files = (old ? [] : transfers.files).map((file) => {
    const label = `${short(file.root)}: ${file.leaves_here} of ${file.leaves} shards here, ${file.asked} on their way`;
    const bar = element("progress", { max: file.leaves, value: file.leaves_here, "aria-label": label });
    return element("li", {}, element("span", { title: file.root }, label), bar);
  });
  byId("files").replaceChildren(...(files.length ? files : [element("li", { class: "muted" }, "no file is on its way")]));
}

function log(events) {
  byId("log-section").hidden = !events.length;
  const kind = byId("log-kind").value;
  const wanted = events.filter((one) => !kind || (kind === "money" ? MONEY.includes(one.event) : one.event === "error"));
  const rows = wanted.map((one) => [
    element("span", { class: "one-line" }, new Date(one.time).toLocaleTimeString()),
    element("span", { class: one.event === "error" || one.event === "slashed" ? "bad" : "" }, one.event),
    element("span", { class: "hash" }, Object.entries(one.fields).map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`).join("  ")),
  ]);
  fill(byId("log"), [["time"], ["event"], ["what"]], rows, "nothing of that kind");
}

async function beside() {
  peers(await ask("/api/peers"));
  const activity = await ask("/api/activity");
  moving(activity.transfers);
  log(activity.events);
}

function choose(hub) {
  const select = byId("tasks");
  const ids = hub.tasks.map((task) => task.task);
  if (!ids.includes(shown.task)) shown.task = ids[0] || null;
  if ([...select.options].map((option) => option.value).join() !== ids.join()) {
    select.replaceChildren(...ids.map((id) => element("option", { value: id }, short(id))));
  }
  select.value = shown.task || "";
  byId("choice").hidden = ids.length < 2;
}

async function refresh() {
  try {
    const hub = await ask("/api/hub");
    byId("token-form").hidden = true;
    byId("content").hidden = !hub.tasks.length;
    byId("subtitle").textContent = `hub ${hub.hub} on chain ${hub.chain_id}`;
    tell(hub.problem);
    choose(hub);
    await beside();
    if (!shown.task) {
      byId("title").textContent = "No task yet";
      return;
    }
    const task = await ask(`/api/tasks/${shown.task}`);
    byId("title").textContent = `Task ${short(task.task)}`;
    clock(task);
    figures(task);
    members(task);
    chart(byId("reward"), task, "reward_millionths", 1);
    chart(byId("loss"), task, "loss_millionths", null);
    challenges(task);
    versions(task);
    if (shown.node) why(await ask(`/api/tasks/${shown.task}/nodes/${shown.node}`));
  } catch (error) {
    if (error.message === "token") byId("token-form").hidden = false;
    else tell(error instanceof TypeError ? "the dashboard's own server does not answer" : error.message);
  }
}

function tell(problem) {
  byId("problem").hidden = !problem;
  byId("problem").textContent = problem;
}

byId("tasks").addEventListener("change", (event) => {
  Object.assign(shown, { task: event.target.value, node: null });
  byId("why-section").hidden = true;
  refresh();
});
byId("log-kind").addEventListener("change", refresh);
byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = byId("token").value;
  sessionStorage.setItem("token", token);
  refresh();
});
refresh();
setInterval(refresh, EVERY_MILLISECONDS);
