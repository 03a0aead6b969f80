// Runs a command that lists: asks the relay, shows the answer, and with --watch does so again and again.
// One thread.
#pragma once

#include <expected>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "engine/cli/command_line.h"

namespace sluice::cli {

struct ViewWorld {
  // Sends a request and hands on what comes, piece by piece, until the end.  The error is a sentence.
  std::function<std::expected<void, std::string>(const std::string& request,
                                                 const std::function<void(std::string_view)>& piece)>
      ask;
  std::function<bool(std::uint32_t seconds)> wait;  // false: it was interrupted, and so is the command
  std::function<bool()> interrupted;
  std::function<WallMillis()> now;
  bool terminal = false;  // what watch shows is for a screen, which is cleared each time
  std::ostream& out;
  std::ostream& err;
};

// The exit status.  A watch ends well when it is interrupted; a relay that does not answer any more, or not yet again,
// is said to be away, and asked again.
[[nodiscard]] int run_view_command(const ViewCommand& command, const std::string& request, const ViewWorld& world);

}  // namespace sluice::cli
