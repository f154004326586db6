import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { offersAt, take } from "./complete";

/** What is offered where `|` stands. */
function offered(text: string): string[] {
  const at = text.indexOf("|");
  return offersAt(text.replace("|", ""), at).offers.map((offer) => offer.text);
}

const HEAD = "apiVersion: mask/v1\nid: one\nrules:\n";

test("keys of the file, of a rule and of its parts are offered where they can stand", () => {
  expect(offered("|")).toContain("apiVersion");
  expect(offered("id: one\nla|")).toEqual(["layers"]);
  expect(offered(`${HEAD}  - |`)).toEqual(expect.arrayContaining(["entity", "class", "views", "pattern"]));
  expect(offered(`${HEAD}  - entity: email\n    |`)).toContain("views");
  expect(offered(`${HEAD}  - entity: email\n    |`)).not.toContain("entity");
  expect(offered(`${HEAD}  - entity: email\n    views:\n      |`)).toEqual(
    expect.arrayContaining(["agent", "customer", "*"]),
  );
  expect(offered(`${HEAD}  - entity: email\n    detect: {|`)).toContain("min_confidence");
  expect(offered(`${HEAD}  - {entity: email, cl|`)).toEqual(["class"]);
  expect(offered("tests:\n  - {in: a, una|")).toEqual([]);
  expect(offered("tests:\n  - {in: a, unch|")).toEqual(["unchanged"]);
});

test("values are offered from the lists of the schema", () => {
  expect(offered(`${HEAD}  - entity: cn.mob|`)).toEqual(["cn.mobile"]);
  expect(offered(`${HEAD}  - entity: email\n    class: |`)).toEqual(["C1", "C2", "C3"]);
  expect(offered(`${HEAD}  - {entity: email, class: C2, views: {agent: |`)).toContain("drop");
  expect(offered(`${HEAD}  - entity: email\n    views:\n      agent: {ke|`)).toContain("keep");
  expect(offered("mode: |")).toEqual(["enforce"]);
  expect(offered("layers: [base/p|")).toEqual(["base/pci@1", "base/pipl@1"]);
  expect(offered("layers:\n  - base/g|")).toEqual(["base/gdpr@1"]);
});

test("layers that the policy defines are offered by their names, and rules inside them as elsewhere", () => {
  const text = "layers: [chan|]\ndefine:\n  channel/web:\n    rules:\n      - entity: email\n";
  expect(offered(text)).toEqual(["channel/web"]);
  expect(offered("define:\n  channel/web:\n    |")).toEqual(["layers", "rules"]);
  expect(offered("define:\n  channel/web:\n    rules:\n      - entity: passp|")).toEqual(["passport"]);
});

test("nothing is offered in comments and where anything may be written", () => {
  for (const text of ["# id|", "id: |", `${HEAD}  - {in: "客户|`, "version: |"]) {
    expect(offered(text), text).toEqual([]);
  }
});

test("an offer takes the place of what was typed, and a key brings its colon", () => {
  const text = "id: one\nlay";
  const at = offersAt(text, text.length);
  expect(take(text, at, at.offers[0]!)).toEqual({ text: "id: one\nlayers: ", caret: 16 });
  const star = offersAt("rules:\n  - views:\n      ", 24);
  const any = star.offers.find((offer) => offer.text === "*")!;
  expect(take("rules:\n  - views:\n      ", star, any).text).toBe('rules:\n  - views:\n      "*": ');
});

test("at no place of a whole policy does it fail, and what stands there is among what could", () => {
  const text = readFileSync("../policies/masking/examples/bank-layered.yaml", "utf8");
  for (let at = 0; at <= text.length; at++) offersAt(text, at);
  for (const key of ["entity", "class", "views", "agent"]) {
    for (const { index } of text.matchAll(new RegExp(`(?<=[\\s{])${key}(?=:)`, "g"))) {
      const broken = text.slice(0, index) + text.slice(index + key.length);
      expect(offersAt(broken, index).offers.map((offer) => offer.text)).toContain(key);
    }
  }
});
