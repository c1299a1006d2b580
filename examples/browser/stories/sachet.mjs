import assert from "node:assert/strict";

export async function story(page) {
  await page.picture("start");
  assert.match(await page.act("Log in", { "User name": "user", Password: "wrong" }), /401/);
  assert.match(await page.act("Log in", { Password: "userpassword" }), /200/);
  assert.match(await page.act("Make a file", { Name: "notes.txt" }), /201/);
  const share = JSON.parse(await page.body()).url.split("/").at(-1);
  assert.match(await page.act("Upload", { Share: share, Text: "first note" }), /201/);
  assert.match(await page.act("Files"), /200/);
  await page.picture("files");
  assert.match(await page.actOnRow("notes.txt", "Download"), /200/);
  assert.equal(await page.body(), "first note");
  assert.match(await page.act("Extend"), /200/);
  assert.deepEqual(await page.tokens(), { "login of user": "good (200)", "extension of user": "good (200)" });
  assert.match(await page.act("Log out", { "Token to revoke": "login of user" }), /200/);
  assert.deepEqual(await page.tokens(), { "login of user": "refused (401)", "extension of user": "good (200)" });
  await page.picture("revoked");
  assert.match(await page.act("Files, without a token"), /401/);
  assert.match(await page.act("Log in", { "User name": "admin", Password: "adminpassword" }), /200/);
  assert.match(await page.act("What strangers may do", { Permissions: "LIST, READ" }), /200/);
  assert.match(await page.act("Files, without a token"), /200/);
  assert.match(await page.act("Change permissions", { "User name": "user", Permissions: "READ" }), /200/);
  await page.use("extension of user");
  assert.match(await page.act("Files"), /403/);
  await page.picture("phone", 390, 844);
}
