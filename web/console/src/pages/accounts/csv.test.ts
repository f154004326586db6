import { describe, expect, it } from "vitest";
import { decode, parse, quoted } from "./csv";

const NONE = new Set<string>();
const faults = (text: string, taken = NONE) =>
  parse(text, taken).faults.map(({ line, column, what }) => `${line} ${column} ${what}`);

describe("a file of accounts", () => {
  it("is read with quotes, commas, line breaks in fields and both kinds of line ends", () => {
    const text =
      '\uFEFFlogin,name,role,capacity\r\nlin,小林,agent,8\r\n\r\nchief,"张三, ""二""\n部",supervisor,\r\n';
    const parsed = parse(text, NONE);
    // A line break is read, but no name may have one.
    expect(parsed.faults).toEqual([{ line: 4, column: "name", what: "name" }]);
    expect(parsed.rows).toEqual([
      { line: 2, fields: ["lin", "小林", "agent", "8"] },
      { line: 4, fields: ["chief", '张三, "二"\n部', "supervisor", ""] },
    ]);
  });

  it("tells every fault with its line and column", () => {
    const text =
      "login,name,role,capacity\n=a,小林,agent,8\nb,,agent,1\nb,x,chief,\nc,x,agent,1001\ne,x,auditor,2\nd,x\ntaken,x,agent,\n";
    expect(faults(text, new Set(["taken"]))).toEqual([
      "2 login login",
      "3 name name",
      "4 login twice",
      "4 role role",
      "5 capacity capacity",
      "6 capacity capacity",
      "7 file fields",
      "8 login taken",
    ]);
  });

  it("is refused whole by wrong columns, without lines, with an open quote, and with too many lines", () => {
    expect(faults("login,name\na,b\n")).toEqual(["1 file columns"]);
    expect(faults("login,name,role,password\n")).toEqual(["1 file columns"]);
    expect(faults("login,name,role,role\n")).toEqual(["1 file columns"]);
    expect(faults("")).toEqual(["1 file columns"]);
    expect(faults("login,name,role\n")).toEqual(["2 file empty"]);
    expect(faults('login,name,role\na,"b,agent\n')).toContain("2 file quote");
    const many = Array.from({ length: 257 }, (_, at) => `a${at},x,agent\n`).join("");
    expect(faults(`login,name,role\n${many}`)).toEqual(["258 file many"]);
  });

  it("may come in GB 18030, as spreadsheets in Chinese write it", () => {
    const gb = new Uint8Array([0xd0, 0xa1, 0xc1, 0xd6]);
    expect(decode(gb.buffer)).toBe("小林");
    expect(decode(new TextEncoder().encode("小林").buffer as ArrayBuffer)).toBe("小林");
  });

  it("is written with quotes where a field needs them", () => {
    expect(["a", "a,b", 'a"b', "a\nb"].map(quoted)).toEqual(["a", '"a,b"', '"a""b"', '"a\nb"']);
  });
});
