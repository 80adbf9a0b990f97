// What things are called, and how figures, times and problems are said.

export const product = document.documentElement.dataset.product;

export const ROLES = {
  superadmin: "Superadmin",
  sub_superadmin: "Sub-superadmin",
  campus_admin: "Campus admin",
  course_admin: "Course admin",
  evaluator: "Evaluator",
  student: "Student",
};

export const CHANNELS = { email: "Email", sms: "SMS" };

// A state's name and its tone: ok, bad, warn, busy or calm.
export const JOB_STATES = {
  queued: ["Queued", "calm"],
  running: ["Running", "busy"],
  paused: ["Paused", "warn"],
  retryable: ["Waiting to try again", "warn"],
  completed: ["Completed", "ok"],
  cancelled: ["Cancelled", "calm"],
  discarded: ["Given up", "bad"],
};

export const IMPORT_STATES = {
  parsing: ["Reading the file", "busy"],
  previewed: ["Ready to commit", "warn"],
  applying: ["Adding students", "busy"],
  applied: ["Applied", "ok"],
  undone: ["Undone", "calm"],
  failed: ["Failed", "bad"],
};

export const DELIVERY_STATES = {
  pending: ["Pending", "calm"],
  sending: ["Sending", "busy"],
  sent: ["Sent", "busy"],
  delivered: ["Delivered", "ok"],
  bounced: ["Bounced", "bad"],
  complained: ["Complained", "bad"],
  failed: ["Failed", "bad"],
  unknown: ["Unknown", "warn"],
  skipped: ["Skipped", "warn"],
};

// What a provider reports about a message.
export const EVENTS = {
  delivered: "Delivered",
  hard_bounce: "The address does not exist",
  soft_bounce: "The mailbox could not take it",
  blocked: "Blocked by the provider",
  invalid: "The address is not valid",
  complaint: "Marked as spam",
  deferred: "Tried again by the provider",
  opened: "Opened",
};

export const ORIGINS = {
  shipped: ["As shipped", "calm"],
  platform: ["The platform's own", "ok"],
  campus: ["The campus's own", "ok"],
};

export const BREAKER_STATES = {
  closed: ["Works", "ok"],
  open: ["Not asked for now", "bad"],
  half_open: ["Being tried", "warn"],
};

export const CHAIN_STATES = { whole: ["As written", "ok"], broken: ["Not as written", "bad"] };

export const CHANNEL_STATES = { open: ["Sending", "ok"], paused: ["Paused", "bad"] };

export const PROCESS_STATES = { serving: ["Serving", "ok"], draining: ["Stopping", "warn"] };

export const OUTCOMES = {
  new: ["New", "ok"],
  changed: ["Changed", "warn"],
  same: ["Same", "calm"],
  error: ["Errors", "bad"],
};

// Where somebody stands in an exam.
export const STANDINGS = {
  not_started: ["Not begun", "calm"],
  active: ["Working", "busy"],
  idle: ["Idle", "warn"],
  disconnected: ["Cut off", "bad"],
  submitted: ["Submitted", "ok"],
};

export const ORDERS = { extend: "More time", compensate: "Given back", close: "Ended" };

export const STUDENT_STATES = { active: ["Active", "ok"], deactivated: ["Deactivated", "calm"] };

export const JOB_TYPES = {
  credentials: "Credentials",
  test_notification: "A test",
  test_reminder: "A test not begun",
};

export const TEST_KINDS = { online: "Online exam", practice: "Practice" };

export const TEST_STATES = {
  draft: ["Draft", "calm"],
  published: ["Published", "ok"],
  open: ["Open", "busy"],
  closed: ["Closed", "calm"],
  cancelled: ["Cancelled", "bad"],
  archived: ["Archived", "calm"],
};

export const FIELDS = {
  roll_number: "Roll number",
  name: "Name",
  mobile_number: "Mobile number",
  email: "Email",
  course_ids: "Courses",
  group: "Group",
};

const LOCALE = "en-GB";
const NUMBER = new Intl.NumberFormat(LOCALE);
const DECIMAL = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 });
const MOMENT = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });
const EXACT = new Intl.DateTimeFormat(LOCALE, { dateStyle: "full", timeStyle: "long" });

export function number(value) {
  return NUMBER.format(value);
}

export function decimal(value) {
  return DECIMAL.format(value);
}

// Return a figure as precise as people want it: 3.2, but 1,400.
export function pace(value) {
  return value < 100 ? decimal(value) : number(Math.round(value));
}

export function count(value, one, many = `${one}s`) {
  return `${number(value)} ${value === 1 ? one : many}`;
}

export function moment(iso) {
  return MOMENT.format(new Date(iso));
}

export function exactly(iso) {
  return EXACT.format(new Date(iso));
}

export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (seconds > 0 && seconds < 10) {
    return `${decimal(seconds)} s`;
  }
  if (whole < 60) {
    return `${whole} s`;
  }
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes} min ${whole % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function list(words) {
  return new Intl.ListFormat(LOCALE, { type: "conjunction" }).format(words);
}

// Return what is wrong, in a sentence for the person in front of the screen.
export function sentence(problem) {
  if (problem.status === 0) {
    return "The server cannot be reached. Check your connection, then try again.";
  }
  const wait = problem.retryAfter ? ` Please try again in ${duration(problem.retryAfter)}.` : "";
  if (problem.status >= 500 && problem.status !== 503) {
    return `Something went wrong on the server. If it stays so, report this number: ${reference(problem)}.`;
  }
  return `${ended(problem.detail || problem.title)}${wait}`;
}

// Return what is wrong with a field: servers say "is missing", people read "Batch is missing."
export function faultOf(label, detail) {
  return ended(/^[a-z]/.test(detail) ? `${label} ${detail}` : detail);
}

function ended(text) {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function reference(problem) {
  return (problem.instance || "unknown").replace("urn:uuid:", "");
}
