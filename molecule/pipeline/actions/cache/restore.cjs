// What was kept under the key, where anything was.
const { cpSync, existsSync } = require("node:fs");
const { INPUT_KEY, INPUT_PATH, CACHES } = process.env;

if (existsSync(`${CACHES}/${INPUT_KEY}`)) {
  cpSync(`${CACHES}/${INPUT_KEY}`, INPUT_PATH, { recursive: true, verbatimSymlinks: true });
}
