import assert from "node:assert/strict";

export async function story(page) {
  await page.picture("start");
  assert.match(await page.act("Log in", { Password: "wrong" }), /401/);
  assert.match(await page.act("Log in", { Password: "password" }), /200/);
  assert.match(await page.act("Make a token", { Name: "ci" }), /201/);
  assert.deepEqual(await page.tokens(), { "session of owner@example.com": "good (200)", "token ci": "good (200)" });
  await page.use("token ci");
  assert.match(await page.act("Models"), /200/);
  assert.match(await page.curl(), /^curl -i [^]*content\/models' \\\n {2}-H 'Authorization: Bearer zesty_/);
  assert.match(await page.act("Make a model"), /403/);
  await page.use("session of owner@example.com");
  assert.match(await page.act("Make a model"), /201/);
  assert.match(await page.act("Audit trail"), /200/);
  await page.picture("audit");
  await page.act("Tokens");
  assert.match(await page.actOnRow("ci", "Delete"), /200/);
  assert.deepEqual(await page.tokens(), { "session of owner@example.com": "good (200)", "token ci": "refused (401)" });
  await page.picture("revoked");
  assert.match(await page.act("Log out"), /200/);
  await page.picture("phone", 390, 844);
}
