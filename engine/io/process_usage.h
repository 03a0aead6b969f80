// What this process uses of the machine.  Any thread; reads files of /proc, never on a core.
#pragma once

#include <cstdint>

namespace sluice::io {

struct ProcessUsage {
  double cpu_seconds = 0;  // of all threads, in the kernel, too
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_files = 0;  // descriptors, of
  std::uint64_t files_max = 0;   // so many
};
// What cannot be found out is 0.
[[nodiscard]] ProcessUsage process_usage();

}  // namespace sluice::io
