import assert from "node:assert/strict";

export async function story(page) {
  await page.picture("start");
  assert.match(await page.act("Log in", { "E-mail": "testemail@gmail.com", Password: "wrong" }), /401/);
  assert.match(await page.act("Log in", { Password: "123456789" }), /200/);
  assert.match(await page.act("Make a key", { Name: "ci" }), /200/);
  assert.deepEqual(await page.tokens(), { "login of testemail@gmail.com": "good (200)", "key ci": "good (200)" });
  await page.use("key ci");
  assert.match(await page.act("Credits"), /200/);
  assert.match(await page.curl(), /^curl -i [^]*users\/credits' \\\n {2}-H 'Authorization: Bearer ak_/);
  await page.use("login of testemail@gmail.com");
  await page.act("Keys");
  assert.match(await page.actOnRow("ci", "Delete"), /200/);
  assert.deepEqual(await page.tokens(), { "login of testemail@gmail.com": "good (200)", "key ci": "refused (401)" });
  await page.picture("revoked");
  await page.picture("phone", 390, 844);
}
