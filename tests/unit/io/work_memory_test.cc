#include "engine/io/work_memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <span>
#include <sstream>
#include <string>

namespace sluice::io {
namespace {

constexpr std::size_t kSize = std::size_t{19} << 20;

void write_all(std::span<std::byte> bytes) { std::ranges::fill(bytes, std::byte{1}); }

// Pages that this thread had to wait for.
std::int64_t page_faults() {
  rusage usage{};
  EXPECT_EQ(getrusage(RUSAGE_THREAD, &usage), 0);
  return usage.ru_minflt;
}

// The lines about the mapping that the address is in (proc_pid_smaps(5)); empty: there is none.
std::string mapping_of(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/smaps");
  std::string found;
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    if (words >> std::hex >> begin >> dash >> end && dash == '-') inside = begin <= wanted && wanted < end;
    if (inside) found += line + "\n";
  }
  return found;
}

TEST(WorkMemoryTest, WhatWasTakenOnceIsThereForTheNextUse) {
  WorkMemory memory;
  const std::span<std::byte> first = memory.take(kSize);
  ASSERT_EQ(first.size(), kSize);
  write_all(first);
  const std::int64_t before = page_faults();
  for (int i = 0; i < 10; ++i) {
    const std::span<std::byte> again = memory.take(kSize - static_cast<std::size_t>(i));
    EXPECT_EQ(again.data(), first.data());
    write_all(again);
  }
  EXPECT_LT(page_faults() - before, 10);
  EXPECT_EQ(memory.size(), kSize);
}

TEST(WorkMemoryTest, AnOddSizeIsGivenBackWhole) {
  WorkMemory memory;
  const std::span<std::byte> bytes = memory.take(kSize + 1);
  write_all(bytes);
  EXPECT_NE(mapping_of(bytes.data()), "");
  EXPECT_NE(mapping_of(&bytes.back()), "");
  memory.release();
  EXPECT_EQ(mapping_of(bytes.data()), "");
  EXPECT_EQ(mapping_of(&bytes.back()), "");
  EXPECT_EQ(memory.size(), 0U);
}

TEST(WorkMemoryTest, MoreThanIsThereTakesTheOldOnesPlace) {
  WorkMemory memory;
  write_all(memory.take(4096));
  const std::span<std::byte> more = memory.take(kSize);
  ASSERT_EQ(more.size(), kSize);
  EXPECT_EQ(more.front(), std::byte{0});
  EXPECT_EQ(memory.size(), kSize);
}

TEST(WorkMemoryTest, NoCoreDumpHasIt) {
  WorkMemory memory;
  const std::string mapping = mapping_of(memory.take(kSize).data());
  const std::size_t flags = mapping.find("VmFlags:");
  ASSERT_NE(flags, std::string::npos) << mapping;
  EXPECT_NE(mapping.find(" dd", flags), std::string::npos) << mapping;
}

TEST(WorkMemoryTest, WhereTheKernelHasNoMoreThereIsNothing) {
  WorkMemory memory;
  write_all(memory.take(4096));
  EXPECT_TRUE(memory.take(std::size_t{1} << 47U).empty());
  EXPECT_EQ(memory.size(), 0U);
  EXPECT_EQ(memory.take(4096).size(), 4096U);
}

}  // namespace
}  // namespace sluice::io
