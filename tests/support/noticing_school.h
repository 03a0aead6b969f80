// A school that writes to all parents, from a class of its own for lists.
#pragma once

#include <cstdint>
#include <string>

#include "tests/support/noticing_population.h"

namespace sluice::noticing {

struct SchoolResult {
  Step worst = Step::pass;
  float highest_score = 0;
  std::uint32_t recipients_out = 0;
  std::string reasons;
};

// Four letters in four weeks to 2,000 parents, so many in a message.
SchoolResult run_school(std::uint32_t group, std::uint64_t seed);

}  // namespace sluice::noticing
