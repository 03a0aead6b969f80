#include "engine/tls/session_memory.h"

#include <algorithm>
#include <cstdlib>

#include "engine/base/check.h"
#include "engine/io/process.h"
#include "engine/tls/library.h"

namespace sluice::tls {
namespace {

struct Counted {
  std::int64_t bytes = 0;
  std::uint32_t scopes = 0;
};
// Not of the process, which would be a cache line that all cores write.
thread_local constinit Counted counted;

void add(void* memory) {
  if (counted.scopes > 0) counted.bytes += static_cast<std::int64_t>(io::allocated_bytes(memory));
}
void subtract(void* memory) {
  if (counted.scopes > 0) counted.bytes -= static_cast<std::int64_t>(io::allocated_bytes(memory));
}

void* counted_malloc(std::size_t size) {
  void* const memory = std::malloc(size);
  add(memory);
  return memory;
}
void counted_free(void* memory) {
  subtract(memory);
  std::free(memory);
}
void* counted_realloc(void* memory, std::size_t size) {
  subtract(memory);
  void* const grown = std::realloc(memory, size);
  add(grown == nullptr && size > 0 ? memory : grown);
  return grown;
}

}  // namespace

std::uint64_t session_memory() { return static_cast<std::uint64_t>(std::max<std::int64_t>(counted.bytes, 0)); }

void count_session_memory() { CHECK(wolfSSL_SetAllocators(&counted_malloc, &counted_free, &counted_realloc) == 0); }

CountsAsSession::CountsAsSession() { ++counted.scopes; }
CountsAsSession::CountsAsSession(std::int64_t bytes) : CountsAsSession() { counted.bytes += bytes; }
CountsAsSession::~CountsAsSession() { --counted.scopes; }

}  // namespace sluice::tls
