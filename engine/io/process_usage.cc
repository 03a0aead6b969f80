#include "engine/io/process_usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>

#include "engine/io/files.h"
#include "engine/io/process.h"

namespace sluice::io {
namespace {

constexpr std::size_t kStatmBytesMax = 256;

double seconds(const timeval& time) {
  constexpr double kMicrosecondsInSecond = 1e6;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / kMicrosecondsInSecond;
}

}  // namespace

ProcessUsage process_usage() {
  ProcessUsage usage{.open_files = open_files()};
  rusage used{};
  if (getrusage(RUSAGE_SELF, &used) == 0) usage.cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) usage.files_max = files.rlim_cur;
  const auto statm = read_file("/proc/self/statm", kStatmBytesMax);
  unsigned long long pages = 0;
  unsigned long long resident_pages = 0;
  if (statm && std::sscanf(statm->c_str(), "%llu %llu", &pages, &resident_pages) == 2) {
    const auto page_bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    usage.virtual_bytes = pages * page_bytes;
    usage.resident_bytes = resident_pages * page_bytes;
  }
  return usage;
}

}  // namespace sluice::io
