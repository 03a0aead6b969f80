// A file that grows at its end and is read at any place, with blocking calls: on a thread of its owner, never on a
// core.  Nothing is synced.  Errors are sentences that name the file.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/io/descriptor.h"

namespace sluice::io {

class PlainFile {
 public:
  // A regular file; a symbolic link, a pipe or a device is an error.
  static std::expected<PlainFile, std::string> open_to_read(const std::string& path);
  // Likewise; it is made (0600) if need be.
  static std::expected<PlainFile, std::string> open_to_append(const std::string& path);

  [[nodiscard]] std::expected<std::uint64_t, std::string> size() const;
  // How many bytes were read: fewer than asked for only at the end of the file.
  [[nodiscard]] std::expected<std::size_t, std::string> read_at(std::uint64_t offset, std::span<char> bytes) const;
  // After an error what is at the end is unknown.
  std::expected<void, std::string> append(std::string_view bytes);
  std::expected<void, std::string> truncate(std::uint64_t size);

 private:
  PlainFile(std::string path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}
  static std::expected<PlainFile, std::string> open_regular(const std::string& path, int flags);

  std::string path_;
  Descriptor file_;
};

}  // namespace sluice::io
