#include "engine/io/country_database.h"

#include <fcntl.h>
#include <maxminddb.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "engine/io/descriptor.h"
#include "engine/io/files.h"
#include "engine/io/maxmind_data.h"
#include "engine/io/write_all.h"

namespace sluice::io {
namespace {

// GeoLite2 Country has 10 MB, the largest of MaxMind's with cities some 100.
constexpr std::size_t kCountryFileBytesMax = std::size_t{256} << 20;
// Of all entries of a file together, which may lie over each other: without a bound they could hold as many fields as
// the square of the file's size.  A second or two, and more for large files.
constexpr std::size_t kFieldsMax = std::size_t{1} << 28;
constexpr std::size_t kFieldsPerByteMax = 16;

// Nothing: it is neither two letters nor nothing at all.
std::optional<CountryDatabase::Code> code_of(MMDB_entry_s entry) {
  static constexpr std::array<const char*, 3> kPath = {"country", "iso_code", nullptr};
  MMDB_entry_data_s found{};
  const int status = MMDB_aget_value(&entry, &found, kPath.data());
  if (status == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR) return CountryDatabase::Code{};
  if (status != MMDB_SUCCESS) return std::nullopt;
  if (!found.has_data) return CountryDatabase::Code{};
  if (found.type != MMDB_DATA_TYPE_UTF8_STRING) return std::nullopt;
  CountryDatabase::Code code{};
  const std::string_view text(found.utf8_string, found.data_size);
  if (text.size() != code.size() || !std::ranges::all_of(text, [](char c) { return c >= 'A' && c <= 'Z'; }))
    return std::nullopt;
  std::ranges::copy(text, code.begin());
  return code;
}

// A copy that cannot be changed, of what libmaxminddb may open.
std::expected<Descriptor, std::string> sealed_copy(const std::string& path) {
  const auto bytes = read_file(path, kCountryFileBytesMax);
  if (!bytes) return std::unexpected(bytes.error());
  if (const auto metadata = maxmind_metadata(*bytes); metadata && !count_maxmind_fields(*metadata, 0))
    return std::unexpected(path + ": is corrupt (its metadata)");
  Descriptor copy(::memfd_create("countries", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (copy.get() < 0 || !write_all(copy.get(), *bytes) ||
      ::fcntl(copy.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
    return file_fault(path, "cannot copy it into memory");
  return copy;
}

// Looks at each node once, also at those that no address leads to: what is wrong, or nothing.
std::optional<std::string> fault_in(const MMDB_s& mapped) {
  const std::string_view data(reinterpret_cast<const char*>(mapped.data_section), mapped.data_section_size);
  std::size_t fields_left = kFieldsMax + data.size() * kFieldsPerByteMax;
  absl::flat_hash_set<std::uint32_t> seen;
  bool names_countries = false;
  const auto fine = [&](std::uint8_t type, const MMDB_entry_s& entry) {
    if (type == MMDB_RECORD_TYPE_EMPTY || type == MMDB_RECORD_TYPE_SEARCH_NODE) return true;
    if (type != MMDB_RECORD_TYPE_DATA || entry.offset >= mapped.data_section_size) return false;
    if (!seen.insert(entry.offset).second) return true;
    const auto fields = count_maxmind_fields(data, entry.offset);
    if (!fields || *fields > fields_left) return false;
    fields_left -= *fields;
    const auto code = code_of(entry);
    names_countries = names_countries || (code && *code != CountryDatabase::Code{});
    return code.has_value();
  };
  for (std::uint32_t number = 0; number < mapped.metadata.node_count; ++number) {
    MMDB_search_node_s node{};
    if (MMDB_read_node(&mapped, number, &node) != MMDB_SUCCESS ||
        !fine(node.left_record_type, node.left_record_entry) || !fine(node.right_record_type, node.right_record_entry))
      return "is corrupt (node " + std::to_string(number) + ")";
  }
  if (!names_countries) return "has no countries (\"country\", \"iso_code\")";
  return std::nullopt;
}

}  // namespace

CountryDatabase::CountryDatabase(std::unique_ptr<MMDB_s> mapped) : mapped_(std::move(mapped)) {}

CountryDatabase::~CountryDatabase() { MMDB_close(mapped_.get()); }

std::expected<std::shared_ptr<const CountryDatabase>, std::string> CountryDatabase::open(const std::string& path) {
  const auto copy = sealed_copy(path);
  if (!copy) return std::unexpected(copy.error());
  auto mapped = std::make_unique<MMDB_s>();
  const std::string place = "/proc/self/fd/" + std::to_string(copy->get());
  if (const int status = MMDB_open(place.c_str(), MMDB_MODE_MMAP, mapped.get()); status != MMDB_SUCCESS)
    return std::unexpected(path + ": is no file of MaxMind's format: " + MMDB_strerror(status));
  std::shared_ptr<const CountryDatabase> made(new CountryDatabase(std::move(mapped)));
  if (const auto fault = fault_in(*made->mapped_)) return std::unexpected(path + ": " + *fault);
  return made;
}

CountryDatabase::Code CountryDatabase::country(const Address& client) const {
  // An IPv4 address mapped into IPv6 is looked up as IPv4.
  const Address address = Address::from_bytes(client.ip_bytes(), 0);
  if (address.empty()) return {};
  int status = MMDB_SUCCESS;
  MMDB_lookup_result_s found = MMDB_lookup_sockaddr(mapped_.get(), address.data(), &status);
  if (status != MMDB_SUCCESS || !found.found_entry) return {};
  return code_of(found.entry).value_or(Code{});
}

}  // namespace sluice::io
