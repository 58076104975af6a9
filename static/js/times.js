/** Relative times ("2 days ago") with the exact time, in the reader's own zone, as tooltip. */

const UNITS = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short" });

/**
 * Say how long ago a moment was.
 *
 * @param {Date} moment
 * @param {Date} now
 * @returns {string} for example "yesterday"; under a minute "just now".
 */
export function timeAgo(moment, now = new Date()) {
  const seconds = (moment - now) / 1000;
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit);
  }
  return "just now";
}

/**
 * Give every `time` element below `root` its words and tooltip.
 *
 * @param {ParentNode} root
 */
export function localiseTimes(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    const words = timeAgo(moment);
    if (element.textContent !== words) element.textContent = words;
    element.title = exact.format(moment);
  }
}
