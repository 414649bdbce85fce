//! Inputs and results of workflows: JSON, labeled in the way of Temporal's SDKs.

const std = @import("std");
const wire = @import("wire.zig");

const json_plain = "json/plain";

/// Field numbers from the .proto files. Only those in use.
const number = struct {
    /// temporal.api.common.v1.Payloads
    const payloads = struct {
        const payloads = 1; // repeated Payload
    };
    /// temporal.api.common.v1.Payload
    const payload = struct {
        const metadata = 1; // map<string, bytes>
        const data = 2;
    };
    /// On the wire, a map is a message for each entry.
    const entry = struct {
        const key = 1;
        const value = 2;
    };
};

/// Makes a temporal.api.common.v1.Payload with a JSON text.
pub fn encode(arena: std.mem.Allocator, json: []const u8) ![]u8 {
    const encoding = try wire.encode(arena, &.{
        .bytes(number.entry.key, "encoding"),
        .bytes(number.entry.value, json_plain),
    });
    return wire.encode(arena, &.{
        .bytes(number.payload.metadata, encoding),
        .bytes(number.payload.data, json),
    });
}

/// Makes a temporal.api.common.v1.Payloads with one JSON text.
pub fn encodeOne(arena: std.mem.Allocator, json: []const u8) ![]u8 {
    return wire.encode(arena, &.{.bytes(number.payloads.payloads, try encode(arena, json))});
}

/// Returns the JSON text in a temporal.api.common.v1.Payloads with one payload. It refers to memory in the payloads.
pub fn decodeOne(payloads: []const u8) ![]const u8 {
    return decode(try wire.bytesOf(payloads, number.payloads.payloads));
}

/// Returns the JSON text in a temporal.api.common.v1.Payload. It refers to memory in the payload.
pub fn decode(payload: []const u8) ![]const u8 {
    var metadata: wire.Reader = .{ .rest = payload };
    while (try metadata.nextBytes(number.payload.metadata)) |entry| {
        if (!std.mem.eql(u8, try wire.bytesOf(entry, number.entry.key), "encoding")) continue;
        if (!std.mem.eql(u8, try wire.bytesOf(entry, number.entry.value), json_plain)) break;
        return wire.bytesOf(payload, number.payload.data);
    }
    return error.NotJson;
}

test "a payload has the same bytes as from another library" {
    const expected = "\x0a\x16\x0a\x08encoding\x12\x0ajson/plain\x12\x0210";
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    try std.testing.expectEqualSlices(u8, expected, try encode(arena.allocator(), "10"));
    try std.testing.expectEqualStrings("10", try decode(expected));
}

test "a payload that is not JSON is refused" {
    const none = "\x0a\x17\x0a\x08encoding\x12\x0bbinary/null";
    try std.testing.expectError(error.NotJson, decode(none));
    try std.testing.expectError(error.NotJson, decode(""));
}
