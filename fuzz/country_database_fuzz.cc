// Checks of a database of countries of any bytes: it is refused with a sentence that names the file, or each address
// has a country of two letters or none, the same each time; and nothing is read behind its end.  Input: the file. Zeros
// are put in front of its metadata up to a whole page, so that its end is that of the mapping, behind which nothing may
// be read.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/io/country_database.h"
#include "engine/io/descriptor.h"
#include "engine/io/maxmind_data.h"
#include "engine/io/write_all.h"

using sluice::io::Address;
using sluice::io::CountryDatabase;

namespace {

constexpr std::size_t kPageBytes = 4096;

void check_addresses(const CountryDatabase& database, std::string_view bytes) {
  for (std::size_t size : {4UZ, 16UZ}) {
    for (std::size_t at = 0; at + size <= std::min(bytes.size(), 4 * size); at += size) {
      const auto* const ip = reinterpret_cast<const std::uint8_t*>(bytes.data() + at);
      const Address address = Address::from_bytes({ip, size}, 25);
      const CountryDatabase::Code code = database.country(address);
      const auto letter = [](char c) { return c >= 'A' && c <= 'Z'; };
      CHECK(code == CountryDatabase::Code{} || std::ranges::all_of(code, letter));
      CHECK(database.country(address) == code);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  if (const auto metadata = sluice::io::maxmind_metadata(bytes)) {
    const auto at = static_cast<std::size_t>(metadata->data() - bytes.data()) - 14;
    bytes.insert(at, (kPageBytes - size % kPageBytes) % kPageBytes, '\0');
  }
  const sluice::io::Descriptor file(::memfd_create("input", MFD_CLOEXEC));
  CHECK(sluice::io::write_all(file.get(), bytes));
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  // What is mapped next comes to lie below this, mostly.
  void* const behind = ::mmap(nullptr, kPageBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(behind != MAP_FAILED);
  if (const auto database = CountryDatabase::open(path)) {
    check_addresses(**database, bytes);
  } else {
    CHECK(database.error().starts_with(path + ": "));
  }
  CHECK(::munmap(behind, kPageBytes) == 0);
  return 0;
}
