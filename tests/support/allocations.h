// Counts what a test program asks operator new for, which a sanitizer has for itself: where there is one nothing is
// counted.  One file of a program includes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace sluice::testing {

inline std::uint64_t allocations = 0;

}  // namespace sluice::testing

void* operator new(std::size_t size) {
  ++sluice::testing::allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
