// Asks a Temporal server for its version through the shared library, without a bridge in C or Zig. Run:
// bun server_version.ts LIBRARY INTERFACE URL

import { dlopen, ptr, read, toArrayBuffer, type Pointer } from "bun:ffi";

const [library, description, url] = process.argv.slice(2) as [string, string, string];
const described = await Bun.file(description).json();

const { symbols: c } = dlopen(library, {
  temporal_static_libs_abi_id: { returns: "cstring" },
  // Returns a struct of two pointers, in two registers. Bun sees only the first: the runtime, or null.
  temporal_core_runtime_new: { args: ["ptr"], returns: "ptr" },
  temporal_core_runtime_free: { args: ["ptr"] },
  temporal_core_client_connect: { args: ["ptr", "ptr", "ptr", "ptr"] },
  temporal_core_client_rpc_call: { args: ["ptr", "ptr", "ptr", "ptr"] },
  temporal_core_client_free: { args: ["ptr"] },
  temporal_static_libs_queue_new: { returns: "ptr" },
  temporal_static_libs_queue_tag: { args: ["ptr", "u64"], returns: "ptr" },
  temporal_static_libs_queue_try_next: { args: ["ptr", "ptr"], returns: "bool" },
  temporal_static_libs_queue_free: { args: ["ptr"] },
  temporal_static_libs_on_client_connect: { args: ["ptr", "ptr", "ptr"] },
  temporal_static_libs_on_client_rpc_call: { args: ["ptr", "ptr", "u32", "ptr", "ptr"] },
});
if (`${c.temporal_static_libs_abi_id()}` !== described.abi) {
  throw new Error(`${library} does not have the ABI of ${description}`);
}

/** A struct of the interface. All fields that are not set are zero. */
class Struct {
  readonly bytes: Uint8Array<ArrayBuffer>;
  private readonly members: { name: string; offset: number }[];
  private readonly lent: Uint8Array[] = [];

  constructor(name: string) {
    const found = described.structs.find((it: { name: string }) => it.name === name);
    this.bytes = new Uint8Array(found.size);
    this.members = found.members;
  }

  at(field: string): number {
    return this.members.find((it) => it.name === field)!.offset;
  }

  /** Sets a pointer or a 64-bit integer. */
  set(field: string, value: number, more = 0): this {
    new DataView(this.bytes.buffer).setBigUint64(this.at(field) + more, BigInt(value), true);
    return this;
  }

  /** Lends a text, which stays valid as long as this struct. */
  lend(field: string, text: string): this {
    const bytes = new TextEncoder().encode(text);
    this.lent.push(bytes);
    return this.set(field, ptr(bytes)).set(field, bytes.length, 8);
  }

  pointer(field: string): Pointer | null {
    return (read.ptr(ptr(this.bytes), this.at(field)) || null) as Pointer | null;
  }
}

/** Copies a TemporalCoreByteArray, which begins with an address and a size. */
function contents(array: Pointer): Uint8Array {
  const data = read.ptr(array, 0) as Pointer;
  return new Uint8Array(toArrayBuffer(data, 0, Number(read.u64(array, 8)))).slice();
}

/** Waits for the only call in flight. A program with several calls needs a promise for each tag. */
async function result(): Promise<Struct> {
  const event = new Struct("TemporalStaticLibsEvent");
  event.set("size", event.bytes.length);
  while (!c.temporal_static_libs_queue_try_next(queue, event.bytes)) await Bun.sleep(1);
  const fail = event.pointer("fail");
  if (fail) {
    console.error(new TextDecoder().decode(contents(fail)));
    process.exit(1);
  }
  return event;
}

const runtime = c.temporal_core_runtime_new(new Struct("TemporalCoreRuntimeOptions").bytes);
if (!runtime) throw new Error("cannot create a runtime");
const queue = c.temporal_static_libs_queue_new()!;
const options = new Struct("TemporalCoreConnectionOptions").lend("target_url", url);
for (const field of ["client_name", "client_version", "identity"]) options.lend(field, "bun-ffi");
const tag = () => c.temporal_static_libs_queue_tag(queue, 0);

c.temporal_core_client_connect(runtime, options.bytes, tag(), on("client_connect"));
const connection = (await result()).pointer("connection");
const request = new Struct("TemporalCoreRpcCallOptions").lend("rpc", "GetSystemInfo");
request.bytes[request.at("service")] = constant("TemporalCoreRpcService_Workflow");
request.bytes[request.at("retry")] = 1;
c.temporal_core_client_rpc_call(connection, request.bytes, tag(), on("client_rpc_call"));
const response = contents((await result()).pointer("success")!);
// temporal.api.workflowservice.v1.GetSystemInfoResponse begins with field 1, server_version.
console.log(`server version: ${new TextDecoder().decode(response.subarray(2, 2 + response[1]!))}`);

c.temporal_core_client_free(connection);
c.temporal_core_runtime_free(runtime);
c.temporal_static_libs_queue_free(queue);

/** Returns the address of the library's own callback for a call. */
function on(call: "client_connect" | "client_rpc_call"): Pointer {
  return (c[`temporal_static_libs_on_${call}`] as unknown as { ptr: Pointer }).ptr;
}

function constant(name: string): number {
  const all = described.enums.flatMap((it: { constants: { name: string }[] }) => it.constants);
  return all.find((it: { name: string }) => it.name === name).value;
}
