// Requests and tokens. The access token is kept in memory only; the refresh token for as long as the tab lives.

const KEPT = "refresh_token";
const RENEW_BEFORE_MS = 30_000;
const PATIENCE_MS = 120_000;

// "renewed": there is a new access token. "ended": the session is over. "password": it must be changed first.
export const events = new EventTarget();

let access = "";
let validUntil = 0;
let refreshing = null;
const unsettled = new Map(); // what was posted without a clear answer, with its Idempotency-Key

// A problem document as an error; status 0 means that no answer came.
export class Problem extends Error {
  constructor(status, document = {}, retryAfter = 0) {
    super(document.detail || document.title || `HTTP ${status}`);
    this.status = status;
    this.slug = (document.type || "").split("/").pop();
    this.title = document.title || "Something went wrong";
    this.detail = document.detail || "";
    this.errors = document.errors || [];
    this.instance = document.instance || "";
    this.retryAfter = retryAfter;
  }
}

export function accessToken() {
  return access;
}

export function hasSession() {
  return access !== "" || sessionStorage.getItem(KEPT) !== null;
}

// `totp` is a code of the second factor; empty where none has been asked for.
export async function logIn(username, password, totp) {
  const body = totp ? { username, password, totp } : { username, password };
  const reply = await send("POST", "/auth/login", { body });
  keep(await read(reply));
}

export async function logOut() {
  try {
    await request("POST", "/auth/logout");
  } catch (problem) {
    if (!(problem instanceof Problem)) {
      throw problem;
    }
  }
  forget();
}

export async function get(path, query = {}, signal = undefined) {
  return read(await request("GET", withQuery(path, query), { signal }));
}

// Make something. Until the answer is clear, posting the same again repeats the same Idempotency-Key.
export async function create(path, body) {
  const wish = `${path} ${body instanceof FormData ? described(body) : JSON.stringify(body)}`;
  const key = unsettled.get(wish) || newKey();
  unsettled.set(wish, key);
  try {
    const reply = await request("POST", path, { body, headers: { "Idempotency-Key": key } });
    const made = await read(reply);
    unsettled.delete(wish);
    return made;
  } catch (problem) {
    if (problem instanceof Problem && problem.status !== 0 && problem.status < 500) {
      unsettled.delete(wish);
    }
    throw problem;
  }
}

export async function post(path, body) {
  await request("POST", path, { body });
}

// Change something and return what it is now. With a `revision`, only if nobody has changed it since.
export async function change(method, path, body, revision) {
  const headers = revision === undefined ? {} : { "If-Match": `"r${revision}"` };
  const reply = await request(method, path, { body, headers });
  return reply.status === 204 ? null : read(reply);
}

// Like post, for those who need not be signed in.
export async function postPublic(path, body) {
  await send("POST", path, { body });
}

// Fetch a file and hand it to the browser as a download.
export async function download(path, query = {}) {
  const reply = await request("GET", withQuery(path, query));
  const named = /filename="([^"]+)"/.exec(reply.headers.get("Content-Disposition") || "");
  const address = URL.createObjectURL(await reply.blob());
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = named ? named[1] : "download";
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

// Make sure that the access token holds for a while.
export async function stayFresh() {
  if (Date.now() > validUntil - RENEW_BEFORE_MS) {
    await refresh();
  }
}

// Trade the refresh token for a new pair. However many ask at once, it is traded once.
function refresh() {
  refreshing ??= trade().finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function trade() {
  try {
    const reply = await send("POST", "/auth/refresh", {
      body: { refresh_token: sessionStorage.getItem(KEPT) || "" },
    });
    keep(await read(reply));
  } catch (problem) {
    if (problem.status === 401 || problem.status === 422) {
      forget();
      tell("ended");
    }
    throw problem;
  }
  tell("renewed");
}

async function request(method, path, options = {}) {
  if (!access && hasSession()) {
    await refresh();
  }
  const used = access;
  try {
    return await send(method, path, { ...options, token: used });
  } catch (problem) {
    if (problem.status === 401) {
      if (used === access) {
        await refresh();
      }
      return send(method, path, { ...options, token: access });
    }
    if (problem.slug === "password-change-required") {
      tell("password");
    }
    throw problem;
  }
}

async function send(method, path, { body, headers = {}, token, signal } = {}) {
  const all = new Headers(headers);
  if (token) {
    all.set("Authorization", `Bearer ${token}`);
  }
  const plain = body !== undefined && !(body instanceof FormData);
  if (plain) {
    all.set("Content-Type", "application/json");
  }
  let reply;
  try {
    reply = await fetch(path, {
      method,
      headers: all,
      body: plain ? JSON.stringify(body) : body,
      signal: AbortSignal.any([AbortSignal.timeout(PATIENCE_MS), ...(signal ? [signal] : [])]),
      credentials: "omit",
    });
  } catch (error) {
    throw noAnswer(error);
  }
  if (reply.ok) {
    return reply;
  }
  const document = await reply.json().catch(() => ({}));
  throw new Problem(reply.status, document, Number(reply.headers.get("Retry-After")) || 0);
}

// Return the JSON of a reply, all of which may not have come.
async function read(reply) {
  try {
    return await reply.json();
  } catch (error) {
    throw noAnswer(error);
  }
}

// A request that its own room gave up is nobody's problem.
function noAnswer(error) {
  return error.name === "AbortError" ? error : new Problem(0);
}

function keep(pair) {
  access = pair.access_token;
  validUntil = Date.now() + pair.expires_in * 1000;
  sessionStorage.setItem(KEPT, pair.refresh_token);
}

function forget() {
  access = "";
  validUntil = 0;
  sessionStorage.removeItem(KEPT);
  unsettled.clear();
}

function tell(what) {
  events.dispatchEvent(new Event(what));
}

function withQuery(path, query) {
  const given = Object.entries(query).filter(
    ([, value]) => value !== "" && value !== null && value !== undefined,
  );
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

function described(form) {
  const parts = [...form].map(([name, value]) =>
    value instanceof File ? [name, value.name, value.size, value.lastModified] : [name, value],
  );
  return JSON.stringify(parts);
}

// crypto.randomUUID exists over HTTPS and on this machine only; this exists everywhere.
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
