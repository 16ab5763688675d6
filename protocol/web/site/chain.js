// Reading a chain over JSON-RPC, and sending what a wallet signs.
import { Refused } from "./contracts.js";

const POLL_MILLISECONDS = 500;
const MINED_MILLISECONDS = 180_000;

export class Chain {
  constructor(rpcUrl, contracts, network) {
    Object.assign(this, { rpcUrl, contracts, network, count: 0 });
  }

  async request(method, parameters = []) {
    this.count += 1;
    const body = JSON.stringify({ jsonrpc: "2.0", id: this.count, method, params: parameters });
    let answer;
    try {
      const response = await fetch(this.rpcUrl, { method: "POST", headers: { "content-type": "application/json" }, body });
      answer = await response.json();
    } catch {
      throw new Error(`${this.rpcUrl} does not answer`);
    }
    if (answer.error) throw this.refusal(answer.error);
    return answer.result;
  }

  // A wallet's or an endpoint's error in words; a contract's own error by its name.
  refusal(error) {
    const data = [error?.data, error?.data?.data, error?.data?.originalError?.data, error?.error?.data]
      .find((one) => typeof one === "string" && one.startsWith("0x") && one.length >= 10);
    if (error?.code === 4001) return new Refused("you declined in the wallet");
    return new Refused((data && this.contracts.explain(data)) || error?.message || String(error));
  }

  async read(part, to, name, values = [], from = undefined) {
    const data = this.contracts.call(part, name, values);
    return this.contracts.result(part, name, await this.request("eth_call", [{ to, data, from }, "latest"]));
  }

  async block() {
    const { number, timestamp } = await this.request("eth_getBlockByNumber", ["latest", false]);
    return { number: Number(number), time: Number(timestamp) };
  }

  async logs(topics, firstBlock = this.network.first_block) {
    const filter = { address: this.network.hub, fromBlock: "0x" + firstBlock.toString(16), toBlock: "latest", topics };
    const logs = await this.request("eth_getLogs", [filter]);
    return logs.map((log) => this.contracts.event(log)).filter((event) => event !== null);
  }

  // Simulate, so that a refusal costs nothing and has its reason; then have the wallet sign, and wait until it is mined.
  async send(wallet, to, data) {
    const transaction = { from: wallet.account, to, data };
    await this.request("eth_call", [transaction, "latest"]);
    let hash;
    try {
      hash = await wallet.provider.request({ method: "eth_sendTransaction", params: [transaction] });
    } catch (error) {
      throw this.refusal(error);
    }
    for (const end = Date.now() + MINED_MILLISECONDS; Date.now() < end; ) {
      const receipt = await this.request("eth_getTransactionReceipt", [hash]);
      if (receipt) {
        if (receipt.status !== "0x1") throw new Refused(`transaction ${hash} failed`);
        return receipt;
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
    }
    throw new Refused(`transaction ${hash} is not mined yet; look at it in your wallet before you try again`);
  }
}
