// Asks a Temporal server for its version: connects, calls GetSystemInfo, prints what came back.

#include <iostream>
#include <string>
#include <string_view>

#include "temporal.hpp"

namespace {

// Takes a varint of protobuf off the front of a message. Throws if it does not end.
std::uint64_t take_varint(std::string_view &message) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; !message.empty() && shift < 64; shift += 7) {
        const auto byte = static_cast<unsigned char>(message.front());
        message.remove_prefix(1);
        value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    throw std::runtime_error("the response is no protobuf");
}

// Finds a string of a protobuf message whose other fields have lengths, too.
std::string_view string_field(std::string_view message, std::uint64_t number) {
    while (!message.empty()) {
        const std::uint64_t key = take_varint(message);
        const std::uint64_t size = take_varint(message);
        if ((key & 7) != 2 || size > message.size()) {
            throw std::runtime_error("the response is not of the expected form");
        }
        if (key >> 3 == number) {
            return message.substr(0, size);
        }
        message.remove_prefix(size);
    }
    return {};
}

} // namespace

int main(int argc, char **argv) {
    try {
        const temporal::Runtime runtime;
        const temporal::Client client(runtime, argc > 1 ? argv[1] : "http://127.0.0.1:7233");
        // The request is a message without fields: no bytes.
        const std::string response = client.call("GetSystemInfo", {});
        // temporal.api.workflowservice.v1.GetSystemInfoResponse has server_version as number 1.
        std::cout << "server version: " << string_field(response, 1) << '\n';
        return 0;
    } catch (const std::exception &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
