#include "tests/support/country_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>

#include "engine/base/network.h"

namespace sluice::testing {
namespace {

enum class MaxMindType : std::uint8_t { text = 2, uint16 = 5, uint32 = 6, map = 7, uint64 = 9, array = 11 };

// The control byte of a field of fewer than 29 bytes or elements.
std::string control(MaxMindType type, std::size_t size) {
  const auto number = static_cast<unsigned>(type);
  if (number <= 7) return {static_cast<char>(number << 5U | size)};
  return {static_cast<char>(size), static_cast<char>(number - 7)};
}
std::string text_field(std::string_view text) { return control(MaxMindType::text, text.size()).append(text); }
std::string number_field(MaxMindType type, std::uint32_t number) {
  std::string bytes;
  for (; number > 0; number >>= 8U) bytes.insert(bytes.begin(), static_cast<char>(number & 0xFFU));
  return control(type, bytes.size()) + bytes;
}

constexpr std::uint32_t kNone = 0xFFFFFFFF;
constexpr std::uint32_t kData = 0x80000000;  // with an offset
constexpr std::size_t kSeparatorBytes = 16;

class Tree {
 public:
  void add(std::string_view network, std::uint32_t data) {
    const std::size_t slash = network.find('/');
    const auto ip = *parse_ip(network.substr(0, slash));
    unsigned bits = 0;
    std::from_chars(network.data() + slash + 1, network.data() + network.size(), bits);
    std::array<std::uint8_t, 16> key{};
    std::ranges::copy(ip.span(), key.end() - ip.size);
    bits += static_cast<unsigned>(key.size() - ip.size) * 8;
    std::uint32_t node = 0;
    for (unsigned i = 0;; ++i) {
      const std::size_t side = key.at(i / 8) >> (7 - i % 8) & 1U;
      if (i + 1 == bits) {
        nodes_[node][side] = kData | data;
        return;
      }
      if (nodes_[node][side] == kNone) {
        nodes_[node][side] = static_cast<std::uint32_t>(nodes_.size());
        nodes_.push_back({kNone, kNone});
      }
      node = nodes_[node][side];
    }
  }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(nodes_.size()); }
  // Records of 24 bits.
  [[nodiscard]] std::string bytes() const {
    std::string all;
    for (const auto& node : nodes_)
      for (std::uint32_t record : node) {
        if (record == kNone) {
          record = size();
        } else if ((record & kData) != 0) {
          record = size() + kSeparatorBytes + (record & ~kData);
        }
        for (const unsigned shift : {16U, 8U, 0U}) all.push_back(static_cast<char>(record >> shift & 0xFFU));
      }
    return all;
  }

 private:
  std::vector<std::array<std::uint32_t, 2>> nodes_{{kNone, kNone}};
};

std::string metadata(std::uint32_t nodes) {
  return control(MaxMindType::map, 9) + text_field("node_count") + number_field(MaxMindType::uint32, nodes) +
         text_field("record_size") + number_field(MaxMindType::uint16, 24) + text_field("ip_version") +
         number_field(MaxMindType::uint16, 6) + text_field("database_type") + text_field("Test-Country") +
         text_field("languages") + control(MaxMindType::array, 1) + text_field("en") +
         text_field("binary_format_major_version") + number_field(MaxMindType::uint16, 2) +
         text_field("binary_format_minor_version") + number_field(MaxMindType::uint16, 0) + text_field("build_epoch") +
         number_field(MaxMindType::uint64, 1'700'000'000) + text_field("description") + control(MaxMindType::map, 1) +
         text_field("en") + text_field("a test");
}

}  // namespace

std::string country_file_bytes(const std::vector<CountryOf>& networks, std::string_view field) {
  Tree tree;
  std::string data;
  for (const CountryOf& each : networks) {
    tree.add(each.network, static_cast<std::uint32_t>(data.size()));
    data += control(MaxMindType::map, 1) + text_field(field) + control(MaxMindType::map, 1) + text_field("iso_code") +
            text_field(each.country);
  }
  return tree.bytes() + std::string(kSeparatorBytes, '\0') + data + "\xAB\xCD\xEFMaxMind.com" + metadata(tree.size());
}

CountryFile::CountryFile(std::string_view bytes)
    : path_((std::filesystem::temp_directory_path() / "sluice-countries-XXXXXX").string()) {
  const int fd = ::mkstemp(path_.data());
  EXPECT_GE(fd, 0);
  ::close(fd);
  std::ofstream(path_, std::ios::binary) << bytes;
}

CountryFile::~CountryFile() {
  std::error_code error;
  std::filesystem::remove(path_, error);
}

}  // namespace sluice::testing
