// Host names to addresses, by the system's resolver.  Blocks: for a worker, never for a core.  Any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/io/address.h"

namespace sluice::io {

class Names {
 public:
  virtual ~Names() = default;
  // All addresses of `host`, in the order to try; the error is a sentence.
  virtual std::expected<std::vector<Address>, std::string> look_up(const std::string& host,
                                                                   std::uint16_t port) = 0;
};

std::unique_ptr<Names> make_real_names();

}  // namespace sluice::io
