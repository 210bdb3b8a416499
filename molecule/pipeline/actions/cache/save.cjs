// What is there at the end, where nothing was kept under the key before.
const { cpSync, existsSync } = require("node:fs");
const { INPUT_KEY, INPUT_PATH, CACHES } = process.env;

if (existsSync(INPUT_PATH) && !existsSync(`${CACHES}/${INPUT_KEY}`)) {
  cpSync(INPUT_PATH, `${CACHES}/${INPUT_KEY}`, { recursive: true, verbatimSymlinks: true });
}
