// A file that other programs read, replaced in one step with blocking calls: at a command line or on a worker, never on
// a core.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace sluice::io {

// Writes PATH.draft and renames it, so that readers of PATH find the old file or the whole new one, on disk.  Its mode
// stays; that of a new one is 0644.  One writer at a time.  Errors are sentences that name the file.
std::expected<void, std::string> replace_file(const std::string& path, std::string_view bytes);

}  // namespace sluice::io
