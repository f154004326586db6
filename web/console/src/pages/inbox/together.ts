// Lines that come close together are heard together: the page is drawn once for all of them, not once for each.

/** Of more than these none is held any longer, whatever the screen does. */
const HELD_MAX = 1_000;
/** A page in the background draws nothing; its lines wait for no picture. */
const UNSEEN_MS = 100;

export interface Together<T> {
  take: (one: T) => void;
  /** Hears at once whatever is held. */
  drain: () => void;
  /** Forgets whatever is held. */
  drop: () => void;
}

/**
 * Hears the first line after a pause at once, and what else comes before the next picture in one go, in its order. `later` calls
 * back once: right before that picture.
 */
export function together<T extends NonNullable<unknown>>(
  hear: (one: T) => void,
  later: (run: () => void) => void = nextPicture,
): Together<T> {
  let held: T[] = [];
  let isWaiting = false;

  function drain(): void {
    // One by one: what is dropped meanwhile is not heard, and what follows a fault is not lost.
    for (let one = held.shift(); one !== undefined; one = held.shift()) hear(one);
  }

  function wait(): void {
    isWaiting = true;
    later(() => {
      isWaiting = false;
      if (held.length === 0) return;
      drain();
      wait();
    });
  }

  return {
    take: (one) => {
      held.push(one);
      if (isWaiting && held.length < HELD_MAX) return;
      drain();
      if (!isWaiting) wait();
    },
    drain,
    drop: () => {
      held = [];
    },
  };
}

function nextPicture(run: () => void): void {
  const picture = requestAnimationFrame(() => once());
  const timer = setTimeout(() => once(), UNSEEN_MS);
  const once = () => {
    cancelAnimationFrame(picture);
    clearTimeout(timer);
    run();
  };
}
