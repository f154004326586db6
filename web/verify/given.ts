/** What was given to the page: a receipt, an evidence package as a folder, its files or a tar, and statements of a key's change or a gap. */
import { PackageFiles, readTar } from "../verifier/evidence";
import { DECLARATION_BEGINS } from "../verifier/generation";
import { RECEIPT_BYTES_MAX } from "../verifier/receipt";
import { malformed } from "../verifier/refusal";
import { STATEMENT_BEGINS } from "../verifier/rotation";

const RECEIPT_BEGINS = "c2sp.org/tlog-proof@";
/** Longest statement; as a note may be. */
const STATEMENT_BYTES_MAX = 131_072;
/** A folder with more is no package; listing stops here. */
const FILES_MAX = 5000;

export type Given =
  | { readonly kind: "receipt"; readonly name: string; readonly read: () => Promise<Uint8Array<ArrayBuffer>> }
  | { readonly kind: "package"; readonly name: string; readonly read: () => Promise<PackageFiles> };

/** What a person gave at once: statements go to the keys, the rest is verified. */
export interface Taken {
  readonly statements: readonly string[];
  readonly given: Given | null;
}

/** A file with its path below what was chosen. */
interface Placed {
  readonly path: string;
  readonly file: File;
}

/** Takes what a person chose in one of the two file fields. */
export function chosen(files: FileList): Promise<Taken> {
  return taken([...files].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
}

/** Tells statements from the rest. Those inside of a folder are whatever the folder is. */
async function taken(placed: readonly Placed[]): Promise<Taken> {
  const [statements, others]: [string[], Placed[]] = [[], []];
  for (const one of placed) {
    if (!one.path.includes("/") && (await isStatement(one.file))) statements.push(await one.file.text());
    else others.push(one);
  }
  return { statements, given: await given(others) };
}

/** Whether a file begins like a statement of a key's change, or the declaration of a gap. */
export async function isStatement(file: File): Promise<boolean> {
  const begins = await file.slice(0, STATEMENT_BEGINS.length).text();
  const isOne = [STATEMENT_BEGINS, DECLARATION_BEGINS].some((first) => begins.startsWith(first));
  return isOne && file.size <= STATEMENT_BYTES_MAX;
}

/** Not in every browser: how Chromium lets a page that was opened from disk read a folder. */
interface WithHandle {
  getAsFileSystemHandle?(): Promise<FileSystemHandle | null>;
}
interface Folder extends FileSystemDirectoryHandle {
  values(): AsyncIterable<FileSystemHandle>;
}

/** Takes what was dropped. The browser forgets the list when this first waits, so all of it is asked for before. */
export async function dropped(transfer: DataTransfer): Promise<Taken> {
  const lists = [...transfer.items].map((item) => {
    const [entry, file] = [item.webkitGetAsEntry(), item.getAsFile()];
    if (entry?.isDirectory !== true) return file === null ? [] : [{ path: file.name, file }];
    const handle = (item as WithHandle).getAsFileSystemHandle?.();
    return handle === undefined ? placedBelow(entry, "") : handle.then((found) => handled(found, ""));
  });
  return taken((await Promise.all(lists)).flat());
}

async function handled(handle: FileSystemHandle | null, folder: string): Promise<Placed[]> {
  if (handle === null) return [];
  const path = `${folder}${handle.name}`;
  if (handle.kind === "file") return [{ path, file: await (handle as FileSystemFileHandle).getFile() }];
  const found: Placed[] = [];
  for await (const one of (handle as Folder).values()) {
    found.push(...(await handled(one, `${path}/`)));
    if (found.length > FILES_MAX) break;
  }
  return found;
}

async function placedBelow(entry: FileSystemEntry, folder: string): Promise<Placed[]> {
  const path = `${folder}${entry.name}`;
  if (entry.isFile) {
    const file = await new Promise<File>((done, failed) => (entry as FileSystemFileEntry).file(done, failed));
    return [{ path, file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: Placed[] = [];
  while (found.length < FILES_MAX) {
    const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (some.length === 0) break;
    for (const one of some) found.push(...(await placedBelow(one, `${path}/`)));
  }
  return found;
}

async function given(placed: readonly Placed[]): Promise<Given | null> {
  const [first, ...others] = placed;
  if (first === undefined) return null;
  if (others.length > 0 || first.path.includes("/")) return folder(placed);
  const { file } = first;
  const begins = await file.slice(0, RECEIPT_BEGINS.length).text();
  if (begins !== RECEIPT_BEGINS && !file.name.endsWith(".tlog-proof")) {
    return { kind: "package", name: file.name, read: () => readTar(file) };
  }
  const read = async () => {
    if (file.size > RECEIPT_BYTES_MAX) throw malformed("receipt", `at most ${RECEIPT_BYTES_MAX} bytes`);
    return new Uint8Array(await file.arrayBuffer());
  };
  return { kind: "receipt", name: file.name, read };
}

/** One folder that was chosen is the package; several files are its content. */
function folder(placed: readonly Placed[]): Given {
  const roots = new Set(placed.map(({ path }) => path.split("/", 1)[0] ?? ""));
  const isOne = roots.size === 1 && placed.every(({ path }) => path.includes("/"));
  const root = isOne ? `${[...roots][0]}/` : "";
  const files = new Map(placed.map(({ path, file }) => [path.slice(root.length), file] as const));
  const name = isOne ? root.slice(0, -1) : `${placed.length}`;
  return { kind: "package", name, read: () => Promise.resolve().then(() => new PackageFiles(files)) };
}
