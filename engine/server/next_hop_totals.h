// How many next hops a core's routes have, and connections to them: looked for in steps, so that tens of thousands of
// destinations cost the core no more at one time than a few.  That core's thread only.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "engine/relay/router.h"

namespace sluice::server {

class NextHopTotals {
 public:
  // Of one look(): pools of destinations.
  static constexpr std::size_t kPoolsMax = 1000;

  // Goes on with the pass, or begins another one.
  void look(const relay::Router& router) {
    router.go_on(pass_, kPoolsMax);
    if (!pass_.over) return;
    found_ = std::move(pass_.rows);
    pass_ = {};
  }
  // There is another router from now on.  What was found stays until it has been gone over.
  void restart() { pass_ = {}; }
  // By the last whole pass.
  [[nodiscard]] const std::vector<relay::Router::RouteHosts>& found() const { return found_; }

 private:
  relay::Router::HostWalk pass_;
  std::vector<relay::Router::RouteHosts> found_;
};

}  // namespace sluice::server
