// The real ring: io_uring through liburing.  Made and used on one thread, which it should be pinned to.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "engine/io/platform.h"

namespace sluice::io {

struct RealRingOptions {
  std::uint32_t submissions = 1024;
  std::uint32_t completions = 16384;
  std::uint32_t buffers = 512;  // size of the provided-buffer ring; a power of two
};

// On failure: what the kernel refused, and which sysctl, seccomp profile or limit to look at.
std::expected<std::unique_ptr<Ring>, std::string> make_real_ring(const RealRingOptions& options);

}  // namespace sluice::io
