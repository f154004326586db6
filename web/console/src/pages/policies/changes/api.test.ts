import { expect, test } from "vitest";
import { type Change, maskOf, partsOf, waysOf } from "./api";

const ACT = { by: "anna", index: 7, time: "2026-11-27T10:00:00.000000Z" };
const CHANGE: Change = {
  id: "1",
  state: "proposed",
  digest: "d",
  against: "a",
  overtaken: false,
  only_masks_more: false,
  effective: null,
  proposed: ACT,
  approved: [{ ...ACT, by: "carla" }],
  required: 2,
  roles: ["compliance"],
  decided: null,
  review_due: null,
  reviewed: null,
};
const ALL = { approve: true, propose: true };
const ways = (change: Partial<Change>, account: string, role = "compliance", may = ALL) =>
  waysOf({ ...CHANGE, ...change }, { account, role }, may);

test("whoever proposed takes back, whoever consented does not again, others consent or turn down", () => {
  expect(ways({}, "anna")).toEqual(["withdraw"]);
  expect(ways({}, "carla")).toEqual(["reject"]);
  expect(ways({}, "doris")).toEqual(["approve", "reject"]);
  expect(ways({}, "eva", "supervisor")).toEqual(["reject"]);
  expect(ways({}, "felix", "auditor", { approve: false, propose: false })).toEqual([]);
  expect(ways({ overtaken: true }, "doris")).toEqual(["reject"]);
  expect(ways({ state: "scheduled" }, "doris")).toEqual(["reject"]);
  expect(ways({ state: "rejected" }, "doris")).toEqual([]);
});

test("what one person brought into force another looks at", () => {
  const alone = { state: "activated", review_due: ACT.time } as const;
  expect(ways(alone, "anna")).toEqual([]);
  expect(ways(alone, "doris")).toEqual(["review"]);
});

test("what differs is told by its parts, and masks by their words", () => {
  expect(partsOf("cn.mobile.views.agent")).toEqual({ entity: "cn.mobile", of: "view", view: "agent" });
  expect(partsOf("cn.mobile.detect.min_confidence")).toEqual({
    entity: "cn.mobile",
    of: "min_confidence",
    view: null,
  });
  expect(partsOf("email.class")).toEqual({ entity: "email", of: "class", view: null });
  expect(partsOf("email")).toEqual({ entity: "email", of: "rule", view: null });
  expect(partsOf("approvals")).toEqual({ entity: null, of: "approvals", view: null });
  expect(maskOf("keep: {first: 3, last: 2}")).toEqual({ operator: "keep", first: 3, last: 2 });
  expect(maskOf('replace: "<PHONE_{n}>"')).toEqual({ operator: "replace", name: "PHONE" });
  expect(maskOf("token: hmac, key: tok-1")).toEqual({ operator: "token", key: "tok-1" });
  expect([maskOf("drop"), maskOf("0.70")]).toEqual([{ operator: "drop" }, null]);
});
