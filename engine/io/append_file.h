// A file that is written at its end, and replaced as a whole; with blocking calls: on a thread of its owner, never on a
// core.  Errors are sentences that name the file.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/io/descriptor.h"

namespace sluice::io {

class AppendFile {
 public:
  // Puts a file with these bytes in the place of `path`, on the disk when it returns; the old one is there until then.
  static std::expected<AppendFile, std::string> replace(const std::string& path, std::string_view bytes);
  // Likewise, with all that `next` gives, which stays until it is called again: what is empty is the end.  Each piece
  // is on the disk before the next.
  static std::expected<AppendFile, std::string> replace(const std::string& path,
                                                        const std::function<std::string_view()>& next);
  // Goes on with a file that is there, which nobody else may read from here on.
  static std::expected<AppendFile, std::string> extend(const std::string& path);

  // On the disk when it returns.  After an error what is at the end is unknown.
  std::expected<void, std::string> append(std::string_view bytes);
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  AppendFile(std::string path, Descriptor file, std::uint64_t size)
      : path_(std::move(path)), file_(std::move(file)), size_(size) {}

  std::string path_;
  Descriptor file_;
  std::uint64_t size_;
};

}  // namespace sluice::io
