// Browser wallets by EIP-6963, so that several live beside each other; each talks EIP-1193.

const found = new Map();
const listeners = new Set();

window.addEventListener("eip6963:announceProvider", ({ detail }) => {
  found.set(detail.info.uuid, detail);
  for (const listener of listeners) listener([...found.values()]);
});

export function watchWallets(listener) {
  listeners.add(listener);
  listener([...found.values()]);
  window.dispatchEvent(new Event("eip6963:requestProvider"));
}

// The chosen account on the chain that is meant; the wallet asks its user about both.
export async function connect({ info, provider }, network) {
  const [account] = await provider.request({ method: "eth_requestAccounts" });
  const wanted = "0x" + network.chain_id.toString(16);
  if (Number(await provider.request({ method: "eth_chainId" })) !== network.chain_id) {
    try {
      await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: wanted }] });
    } catch (error) {
      if (error.code !== 4902) throw error;
      const added = {
        chainId: wanted, chainName: `Chain ${network.chain_id}`, rpcUrls: [network.rpc_url],
        nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
      };
      await provider.request({ method: "wallet_addEthereumChain", params: [added] });
    }
  }
  return { account, provider, name: info.name };
}
