// A real PDS of atproto with an identity directory in memory, on loopback alone.
// node start_pds.cjs FOLDER PORT_OF_DIRECTORY PORT; says "ready" when it is.
const { mkdirSync } = require('node:fs')
const { join } = require('node:path')
const { randomBytes } = require('node:crypto')
const { Server } = require('node:http')

// The directory would listen on every interface.
const listen = Server.prototype.listen
Server.prototype.listen = function (port, ...rest) {
  return listen.call(this, port, '127.0.0.1', ...rest.filter((one) => typeof one === 'function'))
}

async function main([folder, directoryPort, port]) {
  const { PlcServer, Database } = require('@did-plc/server')
  const { PDS, envToCfg, envToSecrets } = require('@atproto/pds')
  const { Secp256k1Keypair } = require('@atproto/crypto')
  const blobs = join(folder, 'blobs')
  mkdirSync(blobs, { recursive: true })
  const directory = PlcServer.create({ db: Database.mock(), port: Number(directoryPort) })
  await directory.start()
  const secrets = {
    adminPassword: randomBytes(8).toString('hex'),
    jwtSecret: randomBytes(8).toString('hex'),
    dpopSecret: randomBytes(32).toString('hex'),
    plcRotationKeyK256PrivateKeyHex: randomBytes(32).toString('hex'),
  }
  const settings = envToCfg({
    ...secrets,
    devMode: true,
    port: Number(port),
    hostname: 'localhost',
    dataDirectory: folder,
    blobstoreDiskLocation: blobs,
    didPlcUrl: `http://localhost:${directoryPort}`,
    recoveryDidKey: (await Secp256k1Keypair.create()).did(),
    serviceHandleDomains: ['.test'],
    inviteRequired: false,
    disableSsrfProtection: true,
    bskyAppViewUrl: 'https://view.invalid',
    bskyAppViewDid: 'did:example:view',
    bskyAppViewCdnUrlPattern: 'http://pictures.invalid/%s/%s/%s',
    modServiceUrl: 'https://moderation.invalid',
    modServiceDid: 'did:example:moderation',
    crawlers: [],
    rateLimitsEnabled: false,
  })
  const server = await PDS.create(settings, envToSecrets(secrets))
  await server.start()
  console.log('ready')
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error)
  process.exit(1)
})
