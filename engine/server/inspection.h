// What `sluice check` looks at: all that serve needs to start, and all that would make mail fail once it runs, seen as
// server.user will see it.  Nothing is changed.  Blocking; a program of one thread.
#pragma once

#include <string>
#include <vector>

#include "engine/server/plan.h"

namespace sluice::server {

struct Inspection {
  std::vector<std::string> errors;  // sentences, each of which names a key or a file
  std::vector<std::string> notes;   // what works, and is perhaps not what was meant
};

// Of the configuration in `file`.
[[nodiscard]] Inspection inspect(const std::string& file);

// Of routes that no mail can take, as those before them take all that would: the numbers of theirs.  Pure.
[[nodiscard]] std::vector<std::size_t> unreachable_routes(const std::vector<config::RouteConfig>& routes,
                                                          const route::RouteTable& table);

}  // namespace sluice::server
