// What can be done with a job in the state that it is in.

import { change, download } from "../api.js";
import { announce, button, el, fill } from "../dom.js";
import { may } from "../session.js";
import { sentence } from "../words.js";
import { ask } from "./ask.js";
import { notice } from "./marks.js";

const WRITE = "batch_processing:job:write";
const OPEN = ["queued", "running", "retryable"];
const UNKNOWN_TOO = "Also those of which nobody knows whether they arrived: some people may get it twice.";

// Return the buttons of a job; they follow its state. `onState` gets the job after something was done.
export function jobActions(path, onState) {
  const said = el("div", {});
  const element = el("div", { class: "actions" });
  const act = async (verb, words, body) => {
    fill(said);
    try {
      onState(await change("POST", `${path}/${verb}`, body));
      announce(words);
    } catch (problem) {
      fill(said, notice("bad", sentence(problem)));
      throw problem;
    }
  };
  const quietly = (verb, words, body) => () => act(verb, words, body).catch(() => {});

  function cancel() {
    ask(
      "Cancel this job?",
      "Messages that have not left will never leave. Those that have left are not called back.",
      "Cancel the job",
      () => act("cancel", "The job is cancelled."),
    );
  }

  function retryUnknown() {
    ask("Send again to everybody who was missed?", UNKNOWN_TOO, "Send again", () =>
      act("retry_failed", "The messages are sent again.", { include_unknown: true }),
    );
  }

  function offered(job) {
    const open = OPEN.includes(job.state);
    return [
      open && button("Pause", quietly("pause", "The job is paused.")),
      job.state === "paused" && button("Resume", quietly("resume", "The job goes on."), { class: "primary" }),
      job.counts.failed > 0 &&
        job.state !== "paused" &&
        button("Send again to the failed", quietly("retry_failed", "The failed ones are sent again.", {})),
      job.counts.unknown > 0 && !open && job.state !== "paused" && button("Send to the unknown too", retryUnknown),
      (open || job.state === "paused") && button("Cancel", cancel),
    ];
  }

  let drawn = "";
  return {
    element,
    said,
    show(job) {
      const key = `${job.state} ${job.counts.failed > 0} ${job.counts.unknown > 0}`;
      if (key !== drawn) {
        drawn = key;
        fill(
          element,
          may(WRITE) ? offered(job) : null,
          button("Download the report", () => download(`${path}/report.csv`).catch((problem) => fill(said, notice("bad", sentence(problem))))),
        );
      }
    },
  };
}
