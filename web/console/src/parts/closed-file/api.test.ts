import { describe, expect, it } from "vitest";
import { nameIn } from "./api";

describe("an opened file", () => {
  it("is saved under the name that the server marked it with, and under no other", () => {
    const name = "opened-01234567-89abcdef-20261127T100000Z.png";
    expect(nameIn(`attachment; filename="${name}"`)).toBe(name);
    for (const other of ["attachment", 'attachment; filename="../a.sh"', 'filename=""', 'filename="a b"'])
      expect(nameIn(other)).toBe("opened.bin");
  });
});
