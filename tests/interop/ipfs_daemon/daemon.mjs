// A real IPFS daemon on loopback, without peers: node daemon.mjs FOLDER prints the address of its RPC.
// js-ipfs is written for the Node of its day; a later dependency of it asks for what Node has from 22 on.
Promise.withResolvers ??= function () {
  let resolve, reject
  const promise = new this((one, other) => { resolve = one; reject = other })
  return { promise, resolve, reject }
}
const { create } = await import('ipfs-core')
const { HttpApi } = await import('ipfs-http-server')

// A test fills its disk by a limit on the size of files, which is a signal unless somebody takes it.
process.on('SIGXFSZ', () => {})

const ipfs = await create({
  repo: process.argv[2],
  silent: true,
  offline: true,
  preload: { enabled: false },
  init: { emptyRepo: true, algorithm: 'Ed25519' },
  config: {
    Addresses: { Swarm: [], API: '/ip4/127.0.0.1/tcp/0', Gateway: '', Delegates: [] },
    Bootstrap: [],
    Discovery: { MDNS: { Enabled: false }, webRTCStar: { Enabled: false } }
  }
})
const api = new HttpApi(ipfs)
await api.start()
console.log(api._apiServers[0].info.uri)
// It ends with whoever started it.
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
