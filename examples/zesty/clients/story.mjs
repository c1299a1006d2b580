// Tells the story of Zesty.io's documents through its own SDK.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import SDK from "@zesty-io/sdk";

const target = process.env.CARGO_TARGET_DIR ?? new URL("../../../target", import.meta.url).pathname;
const [OWNER, EDITOR, PASSWORD] = ["owner@example.com", "editor@example.com", "password"];
const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;

const server = spawn(`${target}/debug/zesty`, {
  env: { ...process.env, LISTEN: "127.0.0.1:0", STORE: "memory", TEST_CLOCK: "1" },
  stdio: ["ignore", "pipe", "inherit"],
});
try {
  await tell(await listening());
  console.log("zesty: told by @zesty-io/sdk");
} finally {
  server.kill();
}

async function listening() {
  for await (const line of createInterface({ input: server.stdout })) {
    const found = line.match(/^listening on (.*)/);
    if (found) return found[1];
  }
  throw new Error("the server ended before it listened");
}

async function tell(base) {
  const auth = new SDK.Auth({ authURL: base });
  const sdkOn = (instance, token) =>
    new SDK(instance, token, {
      authURL: base,
      accountsAPIURL: `${base}/v1`,
      instancesAPIURL: `${base}/${instance}/v1`,
      mediaAPIURL: base,
    });
  const advance = async (seconds) => {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ advance_secs: seconds });
    const moved = await fetch(`${base}/test-clock`, { method: "POST", headers, body });
    assert.equal(moved.status, 204);
  };
  const login = async (email) => {
    const answer = await auth.login(email, PASSWORD);
    assert.equal(answer.statusCode, 200);
    assert.equal(typeof answer.meta.userZuid, "string");
    return answer.token;
  };

  // User authentication: a password for a session token.
  const refused = await auth.login(OWNER, "wrong");
  assert.equal(refused.statusCode, 401);
  assert.equal(refused.token, null);
  assert.equal(typeof refused.message, "string");
  const unknown = await auth.login("nobody@example.com", PASSWORD);
  assert.deepEqual(unknown, refused);
  const session = await login(OWNER);
  const verified = await auth.verifyToken(session);
  assert.equal(verified.verified, true);
  assert.equal(verified.statusCode, 200);
  assert.equal((await auth.verifyToken("nonsense")).verified, false);
  const owner = verified.meta.userZuid;

  // What the Accounts API tells.
  const instances = await sdkOn("none", session).account.getInstances();
  assert.equal(instances.statusCode, 200);
  assert.equal(instances.data.length, 2);
  const [first, second] = instances.data.map((instance) => instance.ZUID);
  const sdk = sdkOn(first, session);
  assert.equal((await sdk.account.getInstance()).data.ZUID, first);
  assert.equal(await sdk.account.getSiteId(), instances.data[0].ID);
  const users = (await sdk.account.getInstanceUsers()).data;
  assert.deepEqual(users.map((user) => user.role.name).sort(), ["Contributor", "Owner"]);
  const rolesOf = async (instance) => {
    const roles = await sdk.account.getRequest(`/instances/${instance}/roles`);
    assert.equal(roles.statusCode, 200);
    return Object.fromEntries(roles.data.map((role) => [role.name, role]));
  };
  const roles = await rolesOf(first);

  // Access tokens, by a custom role.
  const robots = await sdk.account.postRequest("/roles", {
    payload: { name: "Robots", entityZUID: first, systemRoleZUID: roles.Contributor.systemRoleZUID },
  });
  assert.equal(robots.statusCode, 201);
  const issue = (by, roleZUID, name) => by.account.postRequest("/tokens", { payload: { roleZUID, name } });
  const created = await issue(sdk, robots.data.ZUID, "migration");
  assert.equal(created.statusCode, 201);
  const readOnly = await issue(sdk, roles["Read only"].ZUID, "backup");
  const robot = sdkOn(first, created.data.token);
  const reader = sdkOn(first, readOnly.data.token);
  for (const path of [`/tokens/${created.data.ZUID}`, `/instances/${first}/tokens`]) {
    const shown = await sdk.account.getRequest(path);
    assert.equal(shown.statusCode, 200);
    assert.ok(!JSON.stringify(shown).includes(created.data.token));
  }

  // Only owners and admins issue them, and only by a session.
  const editor = sdkOn(first, await login(EDITOR));
  const master = sdkOn(first, (await issue(sdk, roles.Owner.ZUID, "master")).data.token);
  for (const nobody of [editor, robot, reader, master]) {
    const denied = await issue(nobody, robots.data.ZUID, "more");
    assert.equal(denied.statusCode, 403);
    assert.equal(typeof denied.error, "string");
  }

  // They do what their role says, at each API, on their instance alone.
  const model = await robot.instance.createModel({ label: "Article", name: "article", type: "pageset" });
  assert.equal(model.statusCode, 201);
  assert.equal((await reader.instance.createModel({ label: "Article" })).statusCode, 403);
  assert.deepEqual((await reader.instance.getModels()).data, [model.data]);
  assert.deepEqual((await reader.instance.getModel(model.data.ZUID)).data, model.data);
  assert.deepEqual((await robot.account.getInstances()).data.map((instance) => instance.ZUID), [first]);
  const file = { payload: { filename: "a.png", instanceZUID: first } };
  assert.equal((await robot.media.postRequest("/media/v1/files", file)).statusCode, 201);
  assert.equal((await reader.media.postRequest("/media/v1/files", file)).statusCode, 403);
  assert.equal((await reader.media.getRequest("/media/v1/files")).data[0].filename, "a.png");
  const elsewhere = sdkOn(second, created.data.token);
  assert.equal((await elsewhere.instance.getModels()).statusCode, 403);
  assert.equal((await elsewhere.account.getInstance()).statusCode, 403);
  for (const old of [{ usesXAuthHeader: true }, { usesCookieAuth: true }]) {
    assert.equal((await robot.account.getRequest("/instances", old)).statusCode, 200);
  }

  // The trail names the token, and not the person.
  const trail = await sdk.instance.getAuditLogs();
  assert.equal(trail.statusCode, 200);
  const robots_lines = trail.data.filter((line) => line.tokenName === "migration");
  const made = robots_lines.find((line) => line.method === "POST" && line.resource.endsWith("/content/models"));
  assert.ok(made);
  assert.ok(robots_lines.every((line) => !JSON.stringify(line).includes(owner)));
  assert.equal((await sdk.instance.getAuditLog(made.ZUID)).data.ZUID, made.ZUID);
  assert.equal((await sdk.instance.searchAuditLogs("limit=1")).statusCode, 200);

  // A session is extended by any action, and over after 30 minutes without one.
  for (const action of [
    () => sdk.account.getInstances(),
    () => sdk.instance.getModels(),
    () => sdk.media.getRequest("/media/v1/files"),
  ]) {
    await advance(29 * MINUTE);
    assert.equal((await action()).statusCode, 200);
  }
  await advance(30 * MINUTE);
  assert.equal((await auth.verifyToken(session)).verified, false);
  assert.equal((await sdk.account.getInstances()).statusCode, 401);

  // Logging out ends that session, and no other, nor a token.
  const [laptop, phone] = [sdkOn(first, await login(OWNER)), sdkOn(first, await login(OWNER))];
  const logout = await new SDK(first, laptop.token, { accountsAPIURL: base }).account.getRequest("/logout");
  assert.equal(logout.statusCode, 200);
  assert.equal((await laptop.instance.getModels()).statusCode, 401);
  assert.equal((await phone.instance.getModels()).statusCode, 200);
  assert.equal((await robot.instance.getModels()).statusCode, 200);

  // A token that leaked is cycled.
  const next = await issue(phone, robots.data.ZUID, "migration");
  assert.equal((await phone.account.deleteRequest(`/tokens/${created.data.ZUID}`)).statusCode, 200);
  assert.equal((await robot.instance.getModels()).statusCode, 401);
  assert.equal((await sdkOn(first, next.data.token).instance.getModels()).statusCode, 200);
  assert.equal((await phone.account.getRequest(`/tokens/${created.data.ZUID}`)).statusCode, 404);

  // 90 days from creation, however much it is used, unless it is renewed.
  await advance(89 * DAY);
  assert.equal((await reader.instance.getModels()).statusCode, 200);
  const later = sdkOn(first, await login(OWNER));
  const renewed = await later.account.putRequest(`/tokens/${next.data.ZUID}?action=renew`, {
    payload: { name: "migration, again" },
  });
  assert.equal(renewed.statusCode, 200);
  assert.equal(renewed.data.name, "migration, again");
  await advance(DAY);
  assert.equal((await reader.instance.getModels()).statusCode, 401);
  assert.equal((await sdkOn(first, next.data.token).instance.getModels()).statusCode, 200);

  // Too many failures lock the account.
  for (let failure = 0; failure < 5; failure += 1) {
    assert.equal((await auth.login(EDITOR, "wrong")).statusCode, 401);
  }
  assert.equal((await auth.login(EDITOR, PASSWORD)).statusCode, 403);
}
