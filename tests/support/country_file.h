// Writes a database of countries in MaxMind's format (MaxMind DB file format specification 2.0), as small as it gets.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::testing {

struct CountryOf {
  std::string_view network;  // "192.0.2.0/24", "2001:db8::/32"; no two overlap
  std::string_view country;  // iso_code
};
// The bytes of such a file, of IPv4 (at ::/96) and IPv6.  `field`: in which a network's country is.
[[nodiscard]] std::string country_file_bytes(const std::vector<CountryOf>& networks,
                                             std::string_view field = "country");

// A file that goes with its owner.
class CountryFile {
 public:
  explicit CountryFile(std::string_view bytes);
  CountryFile(const CountryFile&) = delete;
  CountryFile& operator=(const CountryFile&) = delete;
  ~CountryFile();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace sluice::testing
