// The end of a program's output.
// That of the calling thread.
#pragma once

#include <ostream>
#include <string_view>

namespace sluice::cli {

// The exit status of `program`: `status`, or 1 with a line on `err` where not all of `out` could be written.  A script
// takes what it finds for the whole where the program says that all went well.
[[nodiscard]] int finish_output(std::string_view program, int status, std::ostream& out, std::ostream& err);

}  // namespace sluice::cli
