// Whole files, read and written with blocking calls: at start-up or on a worker, never on a core.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::io {

// Errors are sentences that name the file.
std::expected<std::string, std::string> read_file(const std::string& path, std::size_t bytes_max);

// Files with secrets have a path, or "credential:NAME": what systemd gives a unit with LoadCredential= or
// LoadCredentialEncrypted=, in the directory that the environment names as CREDENTIALS_DIRECTORY.
inline constexpr std::string_view kCredentialPrefix = "credential:";
// The path of such a file.  The error is a sentence that names the credential and says where it comes from.
std::expected<std::string, std::string> secret_path(const std::string& file);
// Its first line without the line's end.  What was read besides is wiped.
std::expected<std::string, std::string> read_secret(const std::string& file, std::size_t bytes_max);
// All of it, where other users may not read it.  The error says how that is mended.  What it returns is the caller's to
// wipe.
std::expected<std::string, std::string> read_closed_secret(const std::string& file, std::size_t bytes_max);

// All of a file that holds a secret: of the process' user, and nobody else may read or change it.  The error says how
// that is mended.  What it returns is the caller's to wipe.
std::expected<std::string, std::string> read_private_file(const std::string& path, std::size_t bytes_max);

// A file of any size, a part of it at a time.  `take` is given what was read and not taken yet, kReadBytes at most, and
// whether that is the end of the file; it returns how much of it it takes.  The end comes once; nothing taken of
// kReadBytes ends it, too.  Returns how many bytes were not taken.
inline constexpr std::size_t kReadBytes = std::size_t{1} << 20;
std::expected<std::uint64_t, std::string> read_pieces(
    const std::string& path, const std::function<std::size_t(std::string_view bytes, bool end)>& take);

// The names of the folders in `path`, in their order.  None where it cannot be read.
std::vector<std::string> list_directories(const std::string& path);

// The names of what else is in `path`, in their order.  None where there is no such folder; the error: it cannot be
// read.
std::expected<std::vector<std::string>, std::string> list_files(const std::string& path);

// Changes when the file does: its content, its owner, its mode, or which file it is.  A file that is there and cannot
// be looked at exists.
struct FileStamp {
  bool exists = false;
  std::array<std::uint64_t, 4> value{};
};
FileStamp stamp_file(const std::string& path);

// Who may do what with it, as of chmod; nothing where it cannot be looked at.
std::optional<unsigned> file_mode(const std::string& path);

struct NewFile {
  std::string name;
  std::string text;
  unsigned mode = 0600;
};
// Writes files that must not be there yet into `directory`, which is made (mode 0755) if need be.
std::expected<void, std::string> write_new_files(const std::string& directory, const std::vector<NewFile>& files);

// Delivers `bytes` as a new message of the Maildir `directory`, which is made if need be: written under
// tmp/, synced, moved to new/, and the directory synced.  `name` is unique.
std::expected<void, std::string> deliver_to_maildir(const std::string& directory, const std::string& name,
                                                    std::string_view bytes);

}  // namespace sluice::io
