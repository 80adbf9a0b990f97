// Campuses, courses and batches with their names, as far as this person sees them.

import { get } from "./api.js";

const PAGE = 200;
const MOST = 2_000;

export const CAMPUSES = "/campus_management/campuses";
export const COURSES = "/course_management/courses";
export const BATCHES = "/batch_management/batches";

// Return every row of a list, at most 2,000.
export async function all(path, query, signal) {
  const rows = [];
  let cursor = null;
  do {
    const page = await get(path, { ...query, limit: PAGE, cursor }, signal);
    rows.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && rows.length < MOST);
  return rows;
}

// Return all places: lists, and maps from an id to a name.
export async function places(signal) {
  const [campuses, courses, batches] = await Promise.all(
    [CAMPUSES, COURSES, BATCHES].map((path) => all(path, {}, signal)),
  );
  return {
    campuses,
    courses,
    batches,
    campus: named(campuses),
    course: named(courses),
    batch: named(batches),
  };
}

function named(rows) {
  return new Map(rows.map((row) => [row.id, row.name]));
}
