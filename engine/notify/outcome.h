// What came of one try to deliver something.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/time.h"

namespace sluice::notify {

struct Outcome {
  enum class Result : std::uint8_t {
    delivered,
    later,  // may work another time
    never,  // will not be taken, however often it is tried
  };
  Result result = Result::delivered;
  std::string words;                 // what was answered, or what happened: one clean line
  Duration wait = Duration::zero();  // later: not before, as the other end asks
};

}  // namespace sluice::notify
