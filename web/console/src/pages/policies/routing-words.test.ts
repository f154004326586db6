import { expect, test } from "vitest";
import { openings } from "./routing-words";

test("days that follow one another with the same hours are told together", () => {
  const office = ["09:00-18:00"];
  const told = openings({
    mon: office,
    tue: office,
    wed: office,
    thu: office,
    fri: office,
    sat: ["10:00-16:00"],
    sun: [],
    holiday: [],
  });
  expect(told.map(({ days }) => days.join("+"))).toEqual(["mon+tue+wed+thu+fri", "sat", "sun", "holiday"]);
});

test("days of other hours between keep their order", () => {
  const told = openings({
    wed: ["10:00-12:00"],
    mon: ["09:00-18:00"],
    tue: ["09:00-18:00"],
    thu: ["09:00-18:00"],
  });
  expect(told.map(({ days }) => days.join("+"))).toEqual(["mon+tue", "wed", "thu"]);
});
