//! The wire format of protobuf: messages of integers and bytes. Strings and nested messages are bytes.
//!
//! Source: https://protobuf.dev/programming-guides/encoding/

const std = @import("std");

pub const Field = struct {
    number: u64,
    value: union(enum) { integer: u64, bytes: []const u8 },

    pub fn integer(number: u64, value: u64) Field {
        return .{ .number = number, .value = .{ .integer = value } };
    }

    pub fn bytes(number: u64, value: []const u8) Field {
        return .{ .number = number, .value = .{ .bytes = value } };
    }
};

const wire_type = struct {
    const varint = 0;
    const fixed64 = 1;
    const bytes = 2;
    const fixed32 = 5;
};

/// Makes a message from these fields, in this order. The caller owns it.
pub fn encode(allocator: std.mem.Allocator, fields: []const Field) ![]u8 {
    var message: std.ArrayList(u8) = .empty;
    errdefer message.deinit(allocator);
    for (fields) |field| switch (field.value) {
        .integer => |integer| {
            try appendVarint(&message, allocator, field.number << 3 | wire_type.varint);
            try appendVarint(&message, allocator, integer);
        },
        .bytes => |bytes| {
            try appendVarint(&message, allocator, field.number << 3 | wire_type.bytes);
            try appendVarint(&message, allocator, bytes.len);
            try message.appendSlice(allocator, bytes);
        },
    };
    return message.toOwnedSlice(allocator);
}

fn appendVarint(message: *std.ArrayList(u8), allocator: std.mem.Allocator, value: u64) !void {
    var rest = value;
    while (rest >= 0x80) : (rest >>= 7) {
        try message.append(allocator, @as(u8, @truncate(rest)) | 0x80);
    }
    try message.append(allocator, @intCast(rest));
}

/// Reads the fields of a message. What it returns refers to memory in the message.
pub const Reader = struct {
    rest: []const u8,

    pub fn next(reader: *Reader) !?Field {
        while (reader.rest.len > 0) {
            const tag = try reader.varint();
            switch (tag & 7) {
                wire_type.varint => return .integer(tag >> 3, try reader.varint()),
                wire_type.bytes => return .bytes(tag >> 3, try reader.take(try reader.varint())),
                // Floats and fixed-size integers, which the demo does not read.
                wire_type.fixed64 => _ = try reader.take(8),
                wire_type.fixed32 => _ = try reader.take(4),
                else => return error.MalformedProtobuf,
            }
        }
        return null;
    }

    /// Returns the next value of a field that is bytes. Call it again for each value of a repeated field.
    pub fn nextBytes(reader: *Reader, number: u64) !?[]const u8 {
        while (try reader.next()) |field| {
            if (field.number != number) continue;
            return switch (field.value) {
                .bytes => |bytes| bytes,
                .integer => error.MalformedProtobuf,
            };
        }
        return null;
    }

    fn take(reader: *Reader, size: u64) ![]const u8 {
        if (size > reader.rest.len) return error.MalformedProtobuf;
        defer reader.rest = reader.rest[@intCast(size)..];
        return reader.rest[0..@intCast(size)];
    }

    fn varint(reader: *Reader) !u64 {
        var value: u64 = 0;
        for (0..10) |index| {
            const byte = (try reader.take(1))[0];
            const bits: u64 = byte & 0x7f;
            if (index == 9 and bits > 1) return error.MalformedProtobuf;
            value |= bits << @intCast(7 * index);
            if (byte < 0x80) return value;
        }
        return error.MalformedProtobuf;
    }
};

/// Returns the last value of a field, as protobuf requires; null if the field is absent.
pub fn optionalBytesOf(message: []const u8, number: u64) !?[]const u8 {
    var found: ?[]const u8 = null;
    var reader: Reader = .{ .rest = message };
    while (try reader.nextBytes(number)) |bytes| found = bytes;
    return found;
}

/// Like `optionalBytesOf`, but returns no bytes if the field is absent.
pub fn bytesOf(message: []const u8, number: u64) ![]const u8 {
    return try optionalBytesOf(message, number) orelse "";
}

/// Returns the last value of a field, as protobuf requires; 0 if the field is absent.
pub fn integerOf(message: []const u8, number: u64) !u64 {
    var found: u64 = 0;
    var reader: Reader = .{ .rest = message };
    while (try reader.next()) |field| {
        if (field.number != number) continue;
        found = switch (field.value) {
            .integer => |integer| integer,
            .bytes => return error.MalformedProtobuf,
        };
    }
    return found;
}

test "a message has the bytes that protobuf's documentation shows" {
    const inner = try encode(std.testing.allocator, &.{.integer(1, 150)});
    defer std.testing.allocator.free(inner);
    try std.testing.expectEqualSlices(u8, "\x08\x96\x01", inner);
    const outer = try encode(std.testing.allocator, &.{ .bytes(2, "testing"), .bytes(3, inner) });
    defer std.testing.allocator.free(outer);
    try std.testing.expectEqualSlices(u8, "\x12\x07testing\x1a\x03\x08\x96\x01", outer);
}

test "what is written is read back" {
    const long: [300]u8 = @splat('x');
    const largest = std.math.maxInt(u64);
    const message = try encode(std.testing.allocator, &.{
        .bytes(1, &long),
        .integer(2000, largest),
        .bytes(3, ""),
    });
    defer std.testing.allocator.free(message);
    try std.testing.expectEqualStrings(&long, try bytesOf(message, 1));
    try std.testing.expectEqual(largest, try integerOf(message, 2000));
    try std.testing.expectEqualStrings("", (try optionalBytesOf(message, 3)).?);
    try std.testing.expectEqual(null, try optionalBytesOf(message, 4));
    try std.testing.expectEqual(0, try integerOf(message, 4));
}

test "the values of a repeated field are read in order, past fields of every wire type" {
    const message = "\x0a\x01a" ++ // 1
        "\x19\x01\x02\x03\x04\x05\x06\x07\x08" ++ // 3, fixed64
        "\x25\x01\x02\x03\x04" ++ // 4, fixed32
        "\x28\x01" ++ // 5, varint
        "\x0a\x01b"; // 1
    var reader: Reader = .{ .rest = message };
    try std.testing.expectEqualStrings("a", (try reader.nextBytes(1)).?);
    try std.testing.expectEqualStrings("b", (try reader.nextBytes(1)).?);
    try std.testing.expectEqual(null, try reader.nextBytes(1));
    try std.testing.expectEqualStrings("b", try bytesOf(message, 1));
}

test "broken messages are errors" {
    const broken = [_][]const u8{
        "\x0a", // no length
        "\x0a\x05abc", // shorter than its length
        "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", // a length over 64 bits
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", // a tag without an end
        "\x09\x01", // a fixed64 of one byte
        "\x0b", // a group, which proto3 does not have
        "\x08\x01", // an integer where a string belongs
    };
    for (broken) |message| {
        try std.testing.expectError(error.MalformedProtobuf, bytesOf(message, 1));
    }
    try std.testing.expectError(error.MalformedProtobuf, integerOf("\x0a\x01a", 1));
}
