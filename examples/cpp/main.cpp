// Asks a Temporal server for its version: connects, calls GetSystemInfo, and prints the result.

#include <iostream>
#include <optional>
#include <string_view>

#include <temporal.hpp>

namespace core = temporal::core;

namespace {

// Removes a protobuf varint from the front of a message. Returns nothing if the varint does not end.
std::optional<std::uint64_t> take_varint(std::string_view &message) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; !message.empty() && shift < 64; shift += 7) {
        const auto byte = static_cast<unsigned char>(message.front());
        message.remove_prefix(1);
        value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    return std::nullopt;
}

// Finds a string in a protobuf message that has only length-delimited fields. Returns nothing if there is none.
std::optional<std::string_view> string_field(std::string_view message, std::uint64_t number) {
    while (!message.empty()) {
        const auto key = take_varint(message);
        const auto size = take_varint(message);
        if (!key || !size || (*key & 7) != 2 || *size > message.size()) {
            return std::nullopt;
        }
        if (*key >> 3 == number) {
            return message.substr(0, *size);
        }
        message.remove_prefix(*size);
    }
    return std::nullopt;
}

int report(std::string_view failure) {
    std::cerr << failure << '\n';
    return 1;
}

} // namespace

int main(int argc, char **argv) {
    const char *url = argc > 1 ? argv[1] : "http://127.0.0.1:7233";
    const auto runtime = core::Runtime::make();
    if (!runtime) {
        return report(runtime.error().message);
    }
    core::ConnectionOptions options(url, "temporal-cpp-example", "1.0.0", "temporal-cpp-example");
    const auto connection = core::Connection::connect(*runtime, options, core::wait);
    if (!connection) {
        return report(connection.error().message);
    }
    // The request has no fields, so it has no bytes.
    const auto response = connection->rpc_call(core::RpcCallOptions("GetSystemInfo"), core::wait);
    if (!response) {
        return report("GetSystemInfo: " + response.error().message);
    }
    // In temporal.api.workflowservice.v1.GetSystemInfoResponse, server_version is field 1.
    const auto version = string_field(response->text(), 1);
    if (!version) {
        return report("GetSystemInfo: unexpected response");
    }
    std::cout << "server version: " << *version << '\n';
    return 0;
}
