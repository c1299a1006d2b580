// A real identity provider: `provider.mjs PORT FOLDER`. It keeps its keys in FOLDER, so that it comes back
// with them, and its tokens in memory.
//
// POST /admin/rotate has it sign by a new key beside the old ones, POST /admin/withdraw takes all but the
// newest out of the set, and GET /admin/process says which process answers.
import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Provider } from 'oidc-provider';

const [port, folder] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const file = join(folder, 'keys.json');

function newKey(type, options, alg) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg };
}

const newEcKey = () => newKey('ec', { namedCurve: 'P-256' }, 'ES256');

const fixture = readFileSync(new URL('../fixtures/p256.pub.pem', import.meta.url));
const keyOfClient = { ...createPublicKey(fixture).export({ format: 'jwk' }), use: 'sig', alg: 'ES256' };

// Newest first: the first that fits signs. Tokens of identity are by RSA, as most providers have it.
let keys = existsSync(file)
  ? JSON.parse(readFileSync(file, 'utf8'))
  : [newEcKey(), newKey('rsa', { modulusLength: 2048 }, 'RS256')];

// What it stores, which outlives a change of its keys.
const stored = new Map();

class Memory {
  constructor(model) {
    this.model = model;
  }

  async upsert(id, payload) {
    stored.set(`${this.model}:${id}`, payload);
  }

  async find(id) {
    return stored.get(`${this.model}:${id}`);
  }

  async destroy(id) {
    stored.delete(`${this.model}:${id}`);
  }
}

const grants = {
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  token_endpoint_auth_method: 'client_secret_post',
  scope: 'orders:read orders:write',
};

const configuration = () => ({
  adapter: Memory,
  ttl: { ClientCredentials: 3600 },
  jwks: { keys },
  scopes: ['orders:read', 'orders:write'],
  clients: [
    { ...grants, client_id: 'shop', client_secret: 'secret-of-the-shop' },
    {
      ...grants,
      client_id: 'bank',
      client_secret: 'secret-of-the-bank',
      tls_client_certificate_bound_access_tokens: true,
    },
    {
      ...grants,
      client_id: 'resource-server',
      client_secret: 'secret-of-the-resource-server',
      grant_types: [],
      token_endpoint_auth_method: 'client_secret_basic',
      introspection_signed_response_alg: 'ES256',
    },
    {
      ...grants,
      client_id: 'resource-server-with-a-key',
      grant_types: [],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [keyOfClient] },
    },
  ],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    jwtIntrospection: { enabled: true },
    revocation: { enabled: true, allowedPolicy: () => true },
    dPoP: { enabled: true },
    mTLS: {
      enabled: true,
      certificateBoundAccessTokens: true,
      // As a proxy would tell it.
      getCertificate: (ctx) => {
        const told = ctx.get('x-client-certificate');
        return told ? decodeURIComponent(told) : undefined;
      },
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'https://api.example.com',
      getResourceServerInfo: (ctx, resource) => ({
        scope: 'orders:read orders:write',
        audience: resource,
        accessTokenTTL: 3600,
        accessTokenFormat: resource.includes('opaque') ? 'opaque' : 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});

let handle;

function begin() {
  writeFileSync(file, JSON.stringify(keys));
  handle = new Provider(issuer, configuration()).callback();
}

const admin = {
  'POST /admin/rotate': () => {
    keys = [newEcKey(), ...keys];
    begin();
    return keys[0].kid;
  },
  'POST /admin/withdraw': () => {
    keys = [keys[0], ...keys.filter(({ kty }) => kty === 'RSA')];
    begin();
    return keys[0].kid;
  },
  'GET /admin/process': () => String(process.pid),
};

begin();
createServer((request, response) => {
  const order = admin[`${request.method} ${request.url}`];
  if (order) {
    response.end(order());
  } else {
    handle(request, response);
  }
}).listen(Number(port), '127.0.0.1');
