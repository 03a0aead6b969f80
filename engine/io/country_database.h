// The countries of client addresses, from a file in MaxMind's format (MaxMind DB file format specification 2.0;
// GeoLite2 Country, and others of its layout), read with libmaxminddb, which maps a file into memory.  With the
// operator's own a core would wait for the disk, and the process would be killed (SIGBUS) when the file is shortened:
// what is mapped is a sealed copy in memory (memfd_create).  A look-up reads up to 128 nodes of that, without a wait, a
// lock or a call of the kernel.
#pragma once

#include <array>
#include <expected>
#include <memory>
#include <string>

#include "engine/io/address.h"

struct MMDB_s;

namespace sluice::io {

class CountryDatabase {
 public:
  // With a blocking read: at start-up or on a worker.  All of the file is looked at: whatever a look-up could come to
  // is there, and is a country or none.  The error is a sentence that names the file.
  static std::expected<std::shared_ptr<const CountryDatabase>, std::string> open(const std::string& path);

  CountryDatabase(const CountryDatabase&) = delete;
  CountryDatabase& operator=(const CountryDatabase&) = delete;
  ~CountryDatabase();

  // Two letters (ISO 3166-1 alpha-2), as "country" / "iso_code" of the file has them.
  using Code = std::array<char, 2>;
  // Zeros where the file has none for that address.  Any thread.
  [[nodiscard]] Code country(const Address& client) const;

 private:
  explicit CountryDatabase(std::unique_ptr<MMDB_s> mapped);
  std::unique_ptr<MMDB_s> mapped_;
};

}  // namespace sluice::io
