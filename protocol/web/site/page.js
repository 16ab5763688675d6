// What both pages have: elements, the network, the wallet's corner, and one place that says what goes on.
import { Chain } from "./chain.js";
import { Contracts } from "./contracts.js";
import { connect, watchWallets } from "./wallet.js";

export const byId = (id) => document.getElementById(id);

export function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export const short = (hex) => (hex.length > 14 ? `${hex.slice(0, 8)}…${hex.slice(-4)}` : hex);

export function span(seconds) {
  const left = Math.max(0, Math.round(Number(seconds)));
  if (left < 120) return `${left} s`;
  if (left < 7200) return `${Math.round(left / 60)} min`;
  return left < 172800 ? `${(left / 3600).toFixed(1)} hours` : `${(left / 86400).toFixed(1)} days`;
}

export function tell(text, kind = "") {
  byId("told").textContent = text;
  byId("told").className = kind;
}

// Runs what a button starts: one thing at a time, and a failure is told in words.
export function onClick(id, work) {
  const button = byId(id);
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    try {
      await work();
    } catch (error) {
      tell(error.message ?? String(error), "bad");
    } finally {
      button.setAttribute("aria-busy", "false");
    }
  });
}

export function definitions(list, entries) {
  list.replaceChildren(...entries.map(([name, ...values]) => element("div", {}, element("dt", {}, name), element("dd", {}, ...values))));
}

async function readNetwork() {
  const answer = await fetch("network.json");
  if (!answer.ok) throw new Error("network.json is missing beside this page: `cupel task page --out` writes it");
  const network = await answer.json();
  return { ...network, rpc_url: localStorage.getItem("rpc_url") || network.rpc_url };
}

// The chain and the wallet of a page; `changed` hears of every new wallet.
export async function openPage(changed) {
  const [network, contracts] = await Promise.all([readNetwork(), Contracts.load()]);
  const page = { network, contracts, chain: new Chain(network.rpc_url, contracts, network), wallet: null };
  byId("network").textContent = `hub ${network.hub} on chain ${network.chain_id}`;
  byId("rpc").value = network.rpc_url;
  byId("rpc-form").addEventListener("submit", (event) => {
    event.preventDefault();
    localStorage.setItem("rpc_url", byId("rpc").value);
    location.reload();
  });
  watchWallets((wallets) => listWallets(page, wallets, changed));
  const found = Number(await page.chain.request("eth_chainId"));
  if (found !== network.chain_id) throw new Error(`${network.rpc_url} serves chain ${found}, not ${network.chain_id}`);
  return page;
}

function listWallets(page, wallets, changed) {
  const buttons = wallets.map((one) => {
    const button = element("button", { type: "button" }, `Connect ${one.info.name}`);
    button.addEventListener("click", async () => {
      try {
        page.wallet = await connect(one, page.network);
        one.provider.on?.("accountsChanged", () => location.reload());
        one.provider.on?.("chainChanged", () => location.reload());
        byId("wallets").replaceChildren(
          element("span", {}, `${page.wallet.name}: `), element("span", { class: "hash", title: page.wallet.account }, short(page.wallet.account)));
        tell("");
        await changed(page);
      } catch (error) {
        tell(error.message ?? String(error), "bad");
      }
    });
    return button;
  });
  if (page.wallet) return;
  const none = element("span", { class: "muted" }, "No browser wallet found. Install one that announces itself (EIP-6963).");
  byId("wallets").replaceChildren(...(buttons.length ? buttons : [none]));
}
