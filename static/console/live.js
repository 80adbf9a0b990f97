// Follows jobs, imports and exams: over one socket where there is one, by asking every two seconds where there is none.

import { io } from "../vendor/socket.io.esm.min.js";
import { accessToken, events, get, stayFresh } from "./api.js";

const POLL_MS = 2_000;
const LINGER_MS = 2_000; // a room that follows the next thing finds the socket still open
const RENEW_MS = 20_000;
const PAUSES_MS = [500, 2_000, 5_000, 15_000, 30_000];

export const KINDS = {
  job: { key: "job_id", event: "batch_job:progress", path: "/batch_processing/jobs/" },
  import: { key: "import_id", event: "import:progress", path: "/student_management/imports/" },
  test: { key: "test_id", event: "exam:status", path: "/online_exam_management/tests/", end: "/status" },
};

const watches = new Set();
let socket = null;
let refused = 0;
let renewing = null;

// Call `onState` with every state of a thing and `onLink` with "live" or "polling", until the signal ends it.
export function watch(kind, id, { signal, onState, onLink, ended, onProblem }) {
  const watched = {
    kind,
    id,
    ...KINDS[kind],
    onState,
    onLink,
    ended,
    onProblem,
    joined: false,
    timer: 0,
    over: false,
  };
  watches.add(watched);
  open();
  ask(watched);
  signal.addEventListener("abort", () => leave(watched));
}

function leave(watched) {
  watched.over = true;
  clearTimeout(watched.timer);
  watches.delete(watched);
  setTimeout(() => watches.size === 0 && close(), LINGER_MS);
}

export function close() {
  clearInterval(renewing);
  renewing = null;
  socket?.disconnect();
  socket = null;
}

function open() {
  if (socket) {
    socket.connected && watches.forEach((watched) => !watched.joined && join(watched));
    return;
  }
  socket = io({ transports: ["websocket"], auth: (give) => give({ token: accessToken() }), forceNew: true });
  const mine = socket;
  mine.on("connect", () => {
    refused = 0;
    watches.forEach(join);
  });
  mine.on("disconnect", (reason) => {
    watches.forEach(away);
    reason === "io server disconnect" && comeBack(mine);
  });
  mine.on("connect_error", () => {
    watches.forEach(away);
    mine.active || comeBack(mine);
  });
  for (const { event } of Object.values(KINDS)) {
    mine.on(event, (state) => watches.forEach((watched) => heard(watched, event, state)));
  }
  renewing = setInterval(() => stayFresh().catch(() => {}), RENEW_MS);
}

// The server turned us away: the token ran out, or there are too many sockets. Polling goes on meanwhile.
async function comeBack(mine) {
  const pause = PAUSES_MS[Math.min(refused, PAUSES_MS.length - 1)];
  refused += 1;
  await new Promise((done) => setTimeout(done, pause));
  if (mine !== socket) {
    return;
  }
  try {
    await stayFresh();
  } catch {
    // no answer, or the session is over: whatever is asked next tells
  }
  mine === socket && mine.connect();
}

function join(watched) {
  socket.timeout(10_000).emit("watch", { [watched.key]: watched.id }, (late, reply) => {
    if (late || watched.over || !socket?.connected) {
      return;
    }
    if (!reply.watching) {
      watched.onProblem?.(reply);
      return;
    }
    watched.joined = true;
    clearTimeout(watched.timer);
    watched.onLink("live");
    watched.onState(reply[watched.kind]);
  });
}

function heard(watched, event, state) {
  if (watched.event === event && watched.id === state.id && !watched.over) {
    watched.onState(state);
  }
}

function away(watched) {
  if (watched.joined) {
    watched.joined = false;
    ask(watched);
  }
}

// Ask now, and again as long as the socket does not tell.
async function ask(watched) {
  let finished = false;
  try {
    const state = await get(watched.path + encodeURIComponent(watched.id) + (watched.end || ""));
    if (watched.over || watched.joined) {
      return;
    }
    finished = watched.ended(state);
    watched.onState(state);
  } catch (problem) {
    if (watched.over || watched.joined) {
      return;
    }
    if (problem.status === 404 || problem.status === 403 || problem.status === 401) {
      watched.onProblem?.(problem);
      return;
    }
  }
  clearTimeout(watched.timer);
  watched.timer = setTimeout(() => {
    if (!watched.joined && !watched.over) {
      watched.onLink(finished ? "still" : "polling");
      finished || ask(watched);
    }
  }, POLL_MS);
}

events.addEventListener("renewed", () => {
  if (socket?.connected) {
    socket.emit("authenticate", { token: accessToken() });
  }
});

events.addEventListener("ended", close);
