// The page, as somebody in front of it uses it: by what is written on it.

export class Page {
  constructor(page, name, pictures) {
    this.page = page;
    this.name = name;
    this.pictures = pictures;
  }

  /** Opens an action, fills in its fields by their labels, and sends it. Returns what the page says then. */
  async act(action, fields = {}) {
    const form = await this.page.evaluateHandle((label) => {
      const summaries = [...document.querySelectorAll("summary")];
      const found = summaries.find((summary) => summary.textContent === label)?.parentElement;
      if (!found) throw new Error(`no action is called ${label}`);
      found.open = true;
      return found.querySelector("form");
    }, action);
    for (const [label, value] of Object.entries(fields)) {
      await form.evaluate((form, label, value) => {
        const labels = [...form.querySelectorAll("label")];
        const input = labels.find((found) => found.firstChild.textContent === label)?.querySelector("input, select");
        if (!input) throw new Error(`no field is called ${label}`);
        if (input.tagName === "SELECT") {
          input.value = [...input.options].find((option) => option.textContent === value).value;
        } else {
          input.value = value;
        }
      }, label, String(value));
    }
    const button = await form.$("button");
    await button.click();
    await this.settled();
    return this.status();
  }

  /** Presses a button in the row of the answer that shows `text`. */
  async actOnRow(text, label) {
    await this.page.evaluate((text, label) => {
      const rows = [...document.querySelectorAll("#rows tbody tr")];
      const row = rows.find((row) => row.textContent.includes(text));
      const button = [...(row?.querySelectorAll("button") ?? [])].find((button) => button.textContent === label);
      if (!button) throw new Error(`no row of ${text} has a button ${label}`);
      button.click();
    }, text, label);
    await this.settled();
    return this.status();
  }

  /** Takes a token for the next actions. */
  async use(token) {
    await this.page.click(`input[aria-label=${JSON.stringify(`Use ${token}`)}]`);
  }

  /** Waits until nothing is being asked. */
  async settled() {
    await this.page.waitForNetworkIdle({ idleTime: 150 });
    await this.page.waitForFunction(() => !document.querySelector("form button:disabled"));
  }

  status() {
    return this.page.$eval("#status", (status) => status.innerText);
  }

  body() {
    return this.page.$eval("#body", (body) => body.textContent);
  }

  curl() {
    return this.page.$eval("#curl", (curl) => curl.textContent);
  }

  /** The tokens in hand, by name, with the word on each. */
  tokens() {
    return this.page.$$eval("#tokens tbody tr", (rows) =>
      Object.fromEntries(rows.map((row) => [row.cells[1].childNodes[0].textContent, row.cells[2].textContent])));
  }

  async picture(name, width = 1280, height = 900) {
    if (!this.pictures) return;
    await this.page.setViewport({ width, height });
    await this.page.evaluate(() => scrollTo(0, 0));
    await this.page.screenshot({ path: `${this.pictures}/${this.name}-${name}.png`, fullPage: width < 600 });
    await this.page.setViewport({ width: 1280, height: 900 });
  }
}
