import assert from "node:assert/strict";

export async function story(page, browser) {
  const devtools = await browser.createCDPSession();
  await devtools.send("WebAuthn.enable");
  await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2", transport: "usb", hasUserVerification: true, isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  const artist = { "E-mail": "artist@example.com" };

  await page.picture("start");
  assert.match(await page.act("Log in", { ...artist, Password: "wrong" }), /400/);
  assert.match(await page.act("Log in", { ...artist, Password: "mysecretpassword" }), /200/);
  const access = "access of artist@example.com";
  assert.equal((await page.tokens())[access], "good (200)");
  await page.use(access);
  assert.match(await page.act("My projects"), /200/);

  assert.match(await page.act("Enrol a security key", { "Name of the key": "blue" }), /200/);
  const { otp_recovery_codes: codes } = JSON.parse(await page.body());
  assert.match(await page.act("Log in", { ...artist, Password: "mysecretpassword" }), /400/);
  assert.match(await page.body(), /missing_OTP/);
  assert.match(await page.act("Log in with a security key", artist), /200/);
  await page.picture("security-key");

  await page.use(access);
  const removal = { "Name of the key": "blue", "Recovery code": codes[0] };
  assert.match(await page.act("Remove a security key", removal), /200/);
  assert.match(await page.act("Log out"), /200/);
  const tokens = await page.tokens();
  assert.equal(tokens[access], "refused (401)");
  assert.equal(tokens[`${access}, by key`], "good (200)");
  await page.picture("logged-out");
  await page.picture("phone", 390, 844);
}
