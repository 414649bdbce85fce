// The code that docs/cpp.md leaves to its reader. PAGE is the code on the page.

#include <temporal.hpp>

#include <cstdio>
#include <future>
#include <string>

namespace core = temporal::core;

#include PAGE

int main(int argc, char **argv) {
    const auto runtime = core::Runtime::make();
    if (argc != 2 || !runtime || !system_info(*runtime, argv[1])) {
        return 1;
    }
    const auto options = with_tls("https://localhost:1", "no certificate");
    const auto refused = core::Connection::connect(*runtime, options, core::wait);
    std::puts(refused ? "connected" : refused.error().message.c_str());

    const core::ConnectionOptions to(argv[1], "guide", "1.0.0", "guide");
    const auto connection = core::Connection::connect(*runtime, to, core::wait);
    std::promise<void> printed;
    auto is_printed = printed.get_future();
    print_later(*connection, std::move(printed));
    is_printed.get();
    run(*runtime, argv[1]);
}
