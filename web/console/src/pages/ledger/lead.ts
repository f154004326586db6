// Whether the keys that are trusted lead to another one, by statements that each key before has signed with its successor, and over
// gaps that the log declares.

import {
  followRotations,
  isSameKey,
  readDeclaration,
  readRotation,
  readVerifierKeys,
  Refusal,
  rotationsFrom,
  utf8,
  type VerifierKey,
  verifyDeclaration,
  writeKey,
} from "../../../../verifier";

/** A change of the log's key that was found to be signed by both. */
export interface Change {
  /** Its entry, as the server tells it. */
  index: number;
  /** Both in vkey form. */
  old: string;
  successor: string;
}

/**
 * The changes that lead from trusted keys to the offered one, or nothing if they don't. A key that has named a successor before
 * names no other: two of them contradict each other, whoever has signed both.
 */
export async function lead(
  trusted: readonly string[],
  known: readonly Change[],
  told: readonly { index: number; statement: string }[],
  offered: string,
  declared: readonly string[] = [],
): Promise<Change[] | null> {
  try {
    const keys = await readVerifierKeys(trusted.join("\n"));
    const gaps = await over(keys, declared);
    const read = await Promise.all(told.map(({ statement }) => readRotation(utf8(statement))));
    const line = rotationsFrom(keys, read);
    await followRotations(keys, line);
    const changes = line.map(({ old, successor }, at) => {
      const index = told[told.length - line.length + at]?.index ?? 0;
      return { index, old: writeKey(old), successor: writeKey(successor) };
    });
    changes.unshift(...gaps);
    const all = [...known, ...changes];
    const isOne = all.every(({ old, successor }) =>
      all.every((other) => other.old !== old || other.successor === successor),
    );
    const added = changes.filter(({ successor }) => !trusted.includes(successor));
    return isOne && added.some(({ successor }) => successor === offered) ? added : null;
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

/** Goes along with what is declared, and adds each new generation's key; a gap that the old key has not signed leads nowhere. */
async function over(keys: VerifierKey[], declared: readonly string[]): Promise<Change[]> {
  const gaps: Change[] = [];
  for (const note of declared) {
    const declaration = await readDeclaration(utf8(note));
    const { old, successor, kept } = declaration;
    await verifyDeclaration(declaration, keys);
    if (old === undefined || keys.some((key) => isSameKey(key, successor))) continue;
    gaps.push({ index: kept.size, old: writeKey(old), successor: writeKey(successor) });
    keys.push(successor);
  }
  return gaps;
}
