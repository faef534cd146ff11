// How often the page is drawn while a reply streams.

const SMOOTH = { times: 12, min: 32, max: 100 }; // milliseconds: ten drawings a second still look like a stream
const FAST = { speed: 10, min: 250 }; // units of text a millisecond, several windows a second: nobody reads what passes
const SLOW = { times: 4, max: 500 }; // a drawing that takes long leaves the page time for the user

/**
 * The milliseconds to wait before the next drawing, if the last one took `duration` and the text grows at a `speed`, in
 * UTF-16 units a millisecond: drawings take a small part of the time.
 */
export function drawDelay({ duration, speed }) {
  const min = speed > FAST.speed ? FAST.min : SMOOTH.min;
  return Math.max(min, Math.min(SMOOTH.times * duration, SMOOTH.max), Math.min(SLOW.times * duration, SLOW.max));
}
