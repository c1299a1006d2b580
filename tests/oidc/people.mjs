#!/usr/bin/env node
// A real identity provider with one person, Alice, who logs in and agrees whenever she is asked:
// LISTEN=127.0.0.1:PORT people.mjs, where port 0 is any that is free.
//
// Anybody may register a client. A login is by password (acr `pwd`), or as strong as `acr_values` asks for.
// Access tokens are JWTs for the resource that was asked for (RFC 8707), and tell of the login (RFC 9470).
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { Provider, interactionPolicy } from 'oidc-provider';

const { Check, base } = interactionPolicy;
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const keys = [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256' }];

const wanted = (params) => (params.acr_values ?? '').split(' ').filter(Boolean);

const policy = base();
policy.get('login').checks.add(new Check('acr_values', 'a stronger login is asked for', ({ oidc }) => {
  const values = wanted(oidc.params);
  return values.length === 0 || values.includes(oidc.acr)
    ? Check.NO_NEED_TO_PROMPT
    : Check.REQUEST_PROMPT;
}));

const configuration = {
  jwks: { keys },
  acrValues: ['pwd', 'phr'],
  // What a client registers with does not limit it: it learns of scopes as it goes.
  extraClientMetadata: {
    properties: ['scope'],
    validator: (ctx, key, value, metadata) => delete metadata.scope,
  },
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  cookies: { keys: ['a key of a test'] },
  clients: [{
    client_id: 'robot',
    client_secret: 'secret-of-the-robot',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  }],
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { policy, url: (ctx, { uid }) => `/interaction/${uid}` },
  extraTokenClaims: ({ oidc }) => {
    const login = oidc.entities.AuthorizationCode ?? oidc.entities.RefreshToken;
    return login && { acr: login.acr, auth_time: login.authTime };
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (ctx, resource) => ({
        scope: 'notes:read notes:write',
        audience: resource,
        accessTokenTTL: 600,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
      useGrantedResource: () => true,
    },
  },
};

async function interact(provider, request, response) {
  const { prompt, params, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    const acr = wanted(params)[0] ?? 'pwd';
    const login = { accountId: 'alice', acr };
    return provider.interactionFinished(request, response, { login });
  }
  const client = { accountId: 'alice', clientId: params.client_id };
  const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant(client);
  const { missingOIDCScope = [], missingResourceScopes = {} } = prompt.details;
  grant.addOIDCScope(missingOIDCScope.join(' '));
  for (const [resource, scopes] of Object.entries(missingResourceScopes)) {
    grant.addResourceScope(resource, scopes.join(' '));
  }
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
}

const server = createServer();
const [host, port] = (process.env.LISTEN ?? '127.0.0.1:3000').split(':');
server.listen(Number(port), host, () => {
  const issuer = `http://${host}:${server.address().port}`;
  const provider = new Provider(issuer, configuration);
  const handle = provider.callback();
  server.on('request', (request, response) => {
    if (!request.url.startsWith('/interaction/')) return handle(request, response);
    return interact(provider, request, response).catch((error) => {
      response.statusCode = 400;
      response.end(String(error));
    });
  });
  console.log(`listening on ${issuer}`);
});
