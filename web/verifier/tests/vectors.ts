/** Reads audit/vectors/, the files that the first verifier made and is tested on. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Bytes } from "../index";

const FOLDER = new URL("../../../audit/vectors/", import.meta.url);

export function vectorPath(name: string): string {
  return fileURLToPath(new URL(name, FOLDER));
}

export async function vector(name: string): Promise<Bytes> {
  return new Uint8Array(await readFile(vectorPath(name)));
}

export async function vectorText(name: string): Promise<string> {
  return readFile(vectorPath(name), "utf8");
}

export async function vectorJson<T>(name: string): Promise<T> {
  return JSON.parse(await vectorText(name)) as T;
}
