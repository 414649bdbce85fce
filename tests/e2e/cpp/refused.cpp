// Code that must not compile, selected by CASE: callbacks that could throw or take other arguments, and copies.

#include <temporal.hpp>

#include <functional>

namespace core = temporal::core;

using Function = std::function<void(core::Result<core::ByteArray>)>;

// Code compiled for another standard cannot link to this.
void call(const core::Connection &connection, Function function);

void call(const core::Connection &connection, Function function) {
    const core::RpcCallOptions options("GetSystemInfo");
    static_cast<void>(function);
#if CASE == 0 // compiles
    connection.rpc_call(options, [function](core::Result<core::ByteArray>) noexcept {});
#elif CASE == 1
    connection.rpc_call(options, [](core::Result<core::ByteArray>) {});
#elif CASE == 2
    connection.rpc_call(options, function);
#elif CASE == 3
    connection.rpc_call(options, [](core::Result<core::Connection>) noexcept {});
#elif CASE == 4
    core::Connection copy(connection);
#endif
}
