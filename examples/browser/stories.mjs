// Tells each example server's story through its page, in a headless Chromium.
//
//     node stories.mjs [NAME...] [--pictures FOLDER]

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";
import { Page } from "./page.mjs";

const args = process.argv.slice(2);
const at = args.indexOf("--pictures");
const pictures = at < 0 ? null : args.splice(at, 2)[1];
const names = args.length > 0 ? args : ["kitsu", "nebula", "sachet", "zesty"];
const target = process.env.CARGO_TARGET_DIR ?? new URL("../../target", import.meta.url).pathname;

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // Chromium does not put root into its sandbox, and CI is root.
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
try {
  for (const name of names) await tell(name);
} finally {
  await browser.close();
}

async function tell(name) {
  const server = spawn(`${target}/debug/${name}`, { env: { ...process.env, LISTEN: "127.0.0.1:0" }, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const port = await listening(server);
    const page = await browser.newPage();
    const faults = [];
    page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
    page.on("console", (message) => {
      // A refusal is what half of the story is about.
      const isRefusal = message.text().startsWith("Failed to load resource");
      if (message.type() === "error" && !isRefusal) faults.push(message.text());
    });
    await page.goto(`http://localhost:${port}/`, { waitUntil: "networkidle0" });
    const { story } = await import(`./stories/${name}.mjs`);
    await story(new Page(page, name, pictures), page);
    if (faults.length > 0) throw new Error(`the page is at fault: ${faults.join("; ")}`);
    await page.close();
    console.log(`${name}: told`);
  } catch (error) {
    throw new Error(`${name}: ${error.message}`, { cause: error });
  } finally {
    server.kill();
  }
}

async function listening(server) {
  for await (const line of createInterface({ input: server.stdout })) {
    const found = line.match(/^listening on http:\/\/[^:]+:(\d+)/);
    if (found) return found[1];
  }
  throw new Error("it ended before it listened");
}
