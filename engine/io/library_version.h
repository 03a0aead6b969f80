// Which liburing is in the program.  Any thread.
#pragma once

#include <string>

namespace sluice::io {

// "2.9"
[[nodiscard]] std::string uring_library_version();

}  // namespace sluice::io
