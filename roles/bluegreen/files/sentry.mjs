// Copyright: nodeops maintainers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
//
// Tells Sentry of an error that ends the process, also of one that the app cannot tell of itself: a SyntaxError in its
// entry ends it before its own Sentry.init() has run. Loaded by `node --import /path/of/this.mjs`, it does nothing but
// listen, so that it neither delays a start nor keeps alive what should die. Another process does the telling.
//
// It is awake where SENTRY_ENABLED is true (which the SDK does not read), SENTRY_DSN is set and @sentry/node is installed;
// SENTRY_RELEASE and SENTRY_ENVIRONMENT are told as well.

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isMainThread } from "node:worker_threads";

const ERROR = "SENTRY_PRELOAD_ERROR";
const PLACES = "SENTRY_PRELOAD_PLACES";
const PASSED_ON = /^(SENTRY_|HTTPS?_PROXY$|NO_PROXY$|https?_proxy$|no_proxy$|NODE_EXTRA_CA_CERTS$|SSL_CERT_FILE$|PATH$)/;
const LONGEST = 8_000;
const PATIENCE = 8_000; // milliseconds
const own = fileURLToPath(import.meta.url);

if (process.env[ERROR]) {
  await tell();
} else if (isMainThread) {
  // A monitor changes nothing about what becomes of the error, unlike a handler, whose mere presence keeps PM2's
  // container from ending the process.
  process.on("uncaughtExceptionMonitor", hand_over);
}

/** Starts the process that tells, with nothing of the app's environment: it must not look like one of the app's own. */
function hand_over(error) {
  // Asked only now: a cluster worker of PM2 gets its environment after this file has been loaded.
  const wanted = /^(true|1)$/i.test(process.env.SENTRY_ENABLED ?? "") && process.env.SENTRY_DSN;
  if (!wanted || told_by_the_app()) return;
  try {
    const about = error instanceof Error ? error : new Error(String(error));
    const text = JSON.stringify({ name: about.name, message: cut(about.message), stack: cut(about.stack) });
    const passed = Object.entries(process.env).filter(([name]) => PASSED_ON.test(name));
    const places = [dirname(own), process.cwd(), dirname(process.argv[1] ?? own)];
    const env = { ...Object.fromEntries(passed), [ERROR]: text, [PLACES]: JSON.stringify(places) };
    spawn(process.execPath, [own], { cwd: "/", env, detached: true, stdio: "ignore" }).on("error", () => {}).unref();
  } catch {
    // Whatever goes wrong here, the app's own error is what has to be seen.
  }
}

/** Whether the app has started its own Sentry by now, which then tells of the error itself. */
function told_by_the_app() {
  const carrier = globalThis.__SENTRY__;
  const current = carrier?.[carrier.version] ?? carrier;
  const scope = current?.defaultCurrentScope ?? current?.stack?.getScope?.();
  return Boolean(scope?.getClient?.() ?? current?.stack?.getClient?.());
}

/** Tells, and ends. */
async function tell() {
  setTimeout(() => process.exit(1), PATIENCE + 2_000).unref();
  const entry = JSON.parse(process.env[PLACES]).map(find).find(Boolean);
  if (!entry) return;
  const sentry = await import(pathToFileURL(entry).href);
  const { init, captureException, flush } = sentry.init ? sentry : sentry.default;
  // Address, release and environment are read from the variables of those names.
  init({ integrations: [], defaultIntegrations: false });
  captureException(Object.assign(new Error(), JSON.parse(process.env[ERROR])), {
    mechanism: { type: "preload", handled: false },
    captureContext: { level: "fatal" },
  });
  await flush(PATIENCE);
  process.exit(0);
}

/** The SDK as an app in that directory would find it. */
function find(place) {
  try {
    return createRequire(join(place, "any.js")).resolve("@sentry/node");
  } catch {
    return undefined;
  }
}

function cut(text) {
  return String(text ?? "").slice(0, LONGEST);
}
