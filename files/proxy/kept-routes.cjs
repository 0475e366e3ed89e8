// Keeps configurable-http-proxy's routes in a file, so that a new proxy leads to every running server from its first
// moment on. The hub compares the routes with its servers when it starts, and every few minutes; it has the last word.
// In CommonJS, for the proxy loads a storage backend by `require`, and calls what it gets.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { MemoryStore } = require("configurable-http-proxy/lib/store.js");

const FILE = "/srv/proxy/routes.json";
const DRAFT = path.join(path.dirname(FILE), `.${path.basename(FILE)}`);

class KeptRoutes extends MemoryStore {
  constructor({ log }) {
    super();
    this.log = log;
    this.attempt("read", () => {
      for (const [route, data] of remembered()) super.add(route, data);
    });
  }

  async add(route, data) {
    await super.add(route, data);
    this.keep();
  }

  async remove(route) {
    const removed = await super.remove(route);
    this.keep();
    return removed;
  }

  // A proxy that is killed meanwhile leaves the file of before. Without waiting for the disk: what a power cut takes from
  // the file, it has taken from the routes, too, for no server of a user outlives it.
  keep() {
    this.attempt("kept", () => {
      fs.writeFileSync(DRAFT, JSON.stringify(this.routes, withoutActivity), { mode: 0o600 });
      fs.renameSync(DRAFT, FILE);
    });
  }

  // Without its file the proxy is as good as any other: the hub tells it the routes.
  attempt(what, action) {
    try {
      action();
    } catch (error) {
      this.log.error(`The routes cannot be ${what} in ${FILE}, so the hub has to tell them: ${error.message}`);
    }
  }
}

// All of them or none: an address that is none would fail at each request.
function remembered() {
  if (!fs.existsSync(FILE)) return [];
  const routes = Object.entries(JSON.parse(fs.readFileSync(FILE, "utf8")));
  routes.forEach(([, data]) => new URL(data.target));
  return routes;
}

// It changes with every request, and is a date, which JSON has none of. The hub remembers it better.
function withoutActivity(key, value) {
  return key === "last_activity" ? undefined : value;
}

module.exports = KeptRoutes;
